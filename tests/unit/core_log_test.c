/* Log lines: one JSON object each, whole and valid whatever they are given. */
#include "core/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/utf8.h"
#include "tests/lib/test.h"

static int64_t fixed_wall_ms(const struct clock *c)
{
	(void)c;
	return 1767323045678; /* 2026-01-02T03:04:05.678Z */
}
static const struct clock fixed = {.wall_ms = fixed_wall_ms};

static FILE *capture;
static int real_stderr;

static void capture_begin(void)
{
	capture = tmpfile();
	CHECK(capture);
	real_stderr = dup(STDERR_FILENO);
	CHECK(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

static struct buf capture_end(void)
{
	struct buf out = {0};
	CHECK(dup2(real_stderr, STDERR_FILENO) >= 0);
	off_t n = lseek(fileno(capture), 0, SEEK_END);
	char *at = buf_reserve(&out, (size_t)n);
	CHECK(at && pread(fileno(capture), at, (size_t)n, 0) == n);
	buf_commit(&out, (size_t)n);
	fclose(capture);
	return out;
}

TEST(a_line_holds_time_level_service_message_and_fields)
{
	log_init("gannet-runner", "r1", LOG_DEBUG, &fixed);
	capture_begin();
	log_fields(LOG_WARN, "slow call", LOG_C("job_id", "j1"), LOG_S("absent", (struct span){0}), LOG_C("nothing", NULL),
	           LOG_S("empty", SPAN("")), LOG_I("bytes", INT64_MIN), LOG_B("final", true), LOG_B("cached", false));
	scoped_buf got = capture_end();
	CHECK_SPAN(
	    buf_span(&got),
	    "{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"level\":\"WARN\",\"service\":\"gannet-runner\",\"instance\":"
	    "\"r1\","
	    "\"message\":\"slow call\",\"job_id\":\"j1\",\"empty\":\"\",\"bytes\":-9223372036854775808,\"final\":true,"
	    "\"cached\":false}\n");
}

TEST(text_is_escaped_and_invalid_bytes_are_replaced)
{
	log_init("s", NULL, LOG_INFO, &fixed);
	capture_begin();
	log_fields(LOG_INFO, "m", LOG_S("t", span_of("\"\\\n\x01\x7F\0ü\xFF\xE2\x82!", 12)));
	scoped_buf got = capture_end();
	CHECK_SPAN(buf_span(&got),
	           "{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"level\":\"INFO\",\"service\":\"s\",\"message\":\"m\","
	           "\"t\":\"\\\"\\\\\\n\\u0001\x7F\\u0000ü\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD!\"}\n");
}

TEST(a_line_too_long_is_cut_and_stays_valid)
{
	log_init("s", NULL, LOG_INFO, &fixed);
	for (size_t n = LOG_LINE_MAX - 160; n < LOG_LINE_MAX; n++) {
		scoped_buf text = {0};
		while (text.len < n)
			buf_adds(&text, n % 3 == 0 ? "ü" : n % 3 == 1 ? "\n" : "x");
		capture_begin();
		log_fields(LOG_INFO, "m", LOG_S("long", buf_span(&text)), LOG_C("more", "text"), LOG_I("count", 1234567),
		           LOG_B("flag", true));
		scoped_buf got = capture_end();
		CHECK(got.len <= LOG_LINE_MAX);
		CHECK(utf8_valid(buf_span(&got)));
		CHECK_HAS(got.data, "\"long\":\"");
		const char *end = got.data + got.len - 3;
		CHECK_MSG(strcmp(end, "\"}\n") == 0 || strcmp(end, "e}\n") == 0 || strcmp(end, "7}\n") == 0, "%s", got.data);
	}
}

TEST(lines_below_the_least_level_are_not_written)
{
	log_init("s", NULL, LOG_WARN, &fixed);
	capture_begin();
	log_fields(LOG_INFO, "quiet", LOG_I("n", 1));
	log_line(LOG_DEBUG, "quiet", NULL, 0);
	log_line(LOG_ERROR, "loud", NULL, 0);
	scoped_buf got = capture_end();
	CHECK(!strstr(got.data, "quiet"));
	CHECK_HAS(got.data, "loud");
}

TEST(an_error_is_logged_with_code_field_and_text)
{
	log_init("s", NULL, LOG_INFO, &fixed);
	struct err e;
	err_field(&e, STATUS_INVALID, "model", "model: \"x\" is not known");
	capture_begin();
	log_error("job refused", &e);
	err_retry(&e, STATUS_UNAVAILABLE, "no answer");
	log_error("call failed", &e);
	scoped_buf got = capture_end();
	CHECK_HAS(got.data, "\"message\":\"job refused\",\"error_code\":\"invalid\",\"error_field\":\"model\","
	                    "\"error_message\":\"model: \\\"x\\\" is not known\"}\n");
	CHECK_HAS(got.data,
	          "\"message\":\"call failed\",\"error_code\":\"unavailable\",\"error_message\":\"no answer\"}\n");
}

TEST(levels_are_read_in_any_case)
{
	static const struct {
		const char *text;
		enum log_level level;
	} rows[] = {
	    {"debug", LOG_DEBUG}, {"Info", LOG_INFO}, {"WARN", LOG_WARN}, {"warning", LOG_WARN}, {"ERROR", LOG_ERROR}};
	for (size_t i = 0; i < countof(rows); i++) {
		enum log_level level = LOG_DEBUG;
		CHECK(log_parse_level(span_from(rows[i].text), &level) && level == rows[i].level);
	}
	enum log_level untouched = LOG_ERROR;
	CHECK(!log_parse_level(SPAN("verbose"), &untouched) && !log_parse_level(SPAN(""), &untouched) &&
	      !log_parse_level((struct span){0}, &untouched) && untouched == LOG_ERROR);
}

static void *write_lines(void *letter)
{
	char text[1000];
	memset(text, *(const char *)letter, sizeof text);
	for (int i = 0; i < 200; i++)
		log_fields(LOG_INFO, "m", LOG_S("t", span_of(text, sizeof text)));
	return NULL;
}

TEST(threads_do_not_mix_their_lines)
{
	log_init("s", NULL, LOG_INFO, &fixed);
	capture_begin();
	pthread_t threads[4];
	char letters[] = "abcd";
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, write_lines, &letters[i]) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	scoped_buf got = capture_end();
	struct span rest = buf_span(&got);
	int lines = 0;
	for (struct span line; (line = span_cut(&rest, '\n')).n; lines++) {
		CHECK_INT(line.n, got.len / 800 - 1);
		char letter = line.p[line.n - 3];
		for (size_t i = 0; i < 1000; i++)
			CHECK(line.p[line.n - 3 - i] == letter);
	}
	CHECK_INT(lines, 800);
}

static off_t captured(void)
{
	return lseek(fileno(capture), 0, SEEK_END);
}

TEST(gathered_lines_are_written_together_and_in_order)
{
	log_init("s", NULL, LOG_INFO, &fixed);
	capture_begin();
	log_gather(true);
	log_fields(LOG_INFO, "one", LOG_I("n", 1));
	log_fields(LOG_INFO, "two", LOG_I("n", 2));
	CHECK_INT(captured(), 0);
	log_fields(LOG_WARN, "three", LOG_I("n", 3)); /* is not put off, nor what came before it */
	CHECK(captured() > 0);
	off_t so_far = captured();
	log_fields(LOG_INFO, "four", LOG_I("n", 4));
	CHECK_INT(captured(), so_far);
	log_flush();
	CHECK(captured() > so_far);
	log_fields(LOG_INFO, "five", LOG_I("n", 5));
	log_gather(false);
	log_fields(LOG_INFO, "six", LOG_I("n", 6));
	scoped_buf got = capture_end();
	const char *at = got.data;
	static const char *const order[] = {"one", "two", "three", "four", "five", "six"};
	for (size_t i = 0; i < countof(order); i++) {
		at = strstr(at, order[i]);
		CHECK_MSG(at, "%s is missing or out of order", order[i]);
	}
}

TEST(what_was_gathered_is_written_when_the_process_crashes)
{
	log_init("s", NULL, LOG_INFO, &fixed);
	capture_begin();
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		log_gather(true);
		log_fields(LOG_INFO, "last words", LOG_I("n", 1));
		abort();
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	scoped_buf got = capture_end();
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK_HAS(got.data, "last words");
}

TEST(more_gathered_lines_than_fit_lose_none)
{
	log_init("s", NULL, LOG_INFO, &fixed);
	capture_begin();
	log_gather(true);
	for (int i = 0; i < 5000; i++)
		log_fields(LOG_INFO, "line", LOG_I("n", i));
	log_gather(false);
	scoped_buf got = capture_end();
	int lines = 0;
	for (size_t i = 0; i < got.len; i++)
		lines += got.data[i] == '\n';
	CHECK_INT(lines, 5000);
}
