/* Tests of the test harness: cases that have to fail, run by a second start of the same program. */
#ifndef GANNET_TESTS_SELFTEST_H
#define GANNET_TESTS_SELFTEST_H

#include <sys/types.h>

#include "tests/lib/test.h"

/* CASE(leaves_a_process) { … } is a test only in programs that selftest_start() started. */
#define CASE(id)                                                                                                       \
	static void id(void);                                                                                              \
	__attribute__((constructor)) static void test_register_##id(void)                                                  \
	{                                                                                                                  \
		static struct test_case t = {#id, __FILE__, id, NULL};                                                         \
		selftest_register(&t);                                                                                         \
	}                                                                                                                  \
	static void id(void)
void selftest_register(struct test_case *t);

/* This program's own path. */
const char *selftest_program(void);
/* Starts argv[0] so that it knows its cases, in the test's folder. */
pid_t selftest_start(const char *const *argv);
/* Waits for its end; returns the exit status, or 128 + signal. */
int selftest_wait(pid_t pid);
/* Runs one case and waits. */
int selftest_run(const char *name);
/* What the last one printed on both outputs. */
const char *selftest_output(void);

#endif
