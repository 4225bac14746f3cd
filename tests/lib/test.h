/* A test is a function; every test runs in its own process and its own temporary folder. */
#ifndef GANNET_TESTS_TEST_H
#define GANNET_TESTS_TEST_H

#include "core/buf.h"
#include "core/status.h"

/*
 * TEST(expired_job_is_terminated_not_retried) { … } names a behaviour and registers itself. A test fails by a failing
 * CHECK (which ends it), a crash, a sanitizer report, a leftover child process or TEST_TIMEOUT_S (×4 under sanitizers).
 * The program runs all its tests, `--list` names them, `--run NAME` runs one, `<program> NAME` runs one in the same
 * process (for a debugger). The current folder is the repository's root. tests/lib/runner.c runs many programs in
 * parallel.
 */
struct test_case {
	const char *name, *file;
	void (*run)(void);
	struct test_case *next;
};
void test_register(struct test_case *t);

#define TEST(id)                                                                                                       \
	static void id(void);                                                                                              \
	__attribute__((constructor)) static void test_register_##id(void)                                                  \
	{                                                                                                                  \
		static struct test_case t = {#id, __FILE__, id, NULL};                                                         \
		test_register(&t);                                                                                             \
	}                                                                                                                  \
	static void id(void)

_Noreturn void test_fail(const char *file, int line, const char *fmt, ...) printf_like(3, 4);

#define CHECK(cond)                                                                                                    \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			test_fail(__FILE__, __LINE__, "%s", #cond);                                                                \
	} while (0)
#define CHECK_MSG(cond, ...)                                                                                           \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			test_fail(__FILE__, __LINE__, __VA_ARGS__);                                                                \
	} while (0)
#define CHECK_INT(got, want)                                                                                           \
	do {                                                                                                               \
		long long got_ = (long long)(got), want_ = (long long)(want);                                                  \
		if (got_ != want_)                                                                                             \
			test_fail(__FILE__, __LINE__, "%s: got %lld, want %lld", #got, got_, want_);                               \
	} while (0)
/* got: struct span; want: C string */
#define CHECK_SPAN(got, want)                                                                                          \
	do {                                                                                                               \
		struct span got_ = (got);                                                                                      \
		if (!got_.p || !span_is(got_, want))                                                                           \
			test_fail(__FILE__, __LINE__, "%s: got \"%.*s\", want \"%s\"", #got, SPAN_ARG(got_), want);                \
	} while (0)
#define CHECK_HAS(text, part)                                                                                          \
	do {                                                                                                               \
		const char *text_ = (text);                                                                                    \
		if (!strstr(text_, part))                                                                                      \
			test_fail(__FILE__, __LINE__, "%s: \"%s\" does not contain \"%s\"", #text, text_, part);                   \
	} while (0)
/* CHECK_OK(call(…, &err), err) */
#define CHECK_OK(expr, err)                                                                                            \
	do {                                                                                                               \
		enum status s_ = (expr);                                                                                       \
		if (s_ != STATUS_OK)                                                                                           \
			test_fail(__FILE__, __LINE__, "%s: %s: %s %s", #expr, status_code(s_), (err).field, (err).msg);            \
	} while (0)
#define CHECK_STATUS(expr, want)                                                                                       \
	do {                                                                                                               \
		enum status s_ = (expr);                                                                                       \
		if (s_ != (want))                                                                                              \
			test_fail(__FILE__, __LINE__, "%s: got %s, want %s", #expr, status_code(s_), status_code(want));           \
	} while (0)

#define TEST_TIMEOUT_S 120

/* As printf() would write it; kept until the test ends. Of one thread. */
const char *text_of(const char *fmt, ...) printf_like(1, 2);
/* This test's temporary folder; removed afterwards unless TEST_KEEP is set. */
const char *test_dir(void);
/* Where our programs lie: $GANNET_BIN, else the build folder of this very program. */
const char *test_bin(void);

/* Runs `fn` after a test that passed, stage by stage, the latest first; a CHECK that fails in it fails the test. */
enum test_stage { TEST_END_PROGRAMS, TEST_END_BUS, TEST_END_SERVERS, TEST_STAGES };
void test_at_end(enum test_stage stage, void (*fn)(void));

/* Waits until `cond` holds, looking every few milliseconds; fails with `what` after 30 s (×4 under sanitizers). */
#define WAIT_FOR(cond, what)                                                                                           \
	do {                                                                                                               \
		struct test_wait wait_ = {0};                                                                                  \
		while (!(cond))                                                                                                \
			test_wait_turn(&wait_, __FILE__, __LINE__, what);                                                          \
	} while (0)
struct test_wait {
	long long until_ns;
};
void test_wait_turn(struct test_wait *w, const char *file, int line, const char *what);

#endif
