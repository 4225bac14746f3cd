/* The servers that tests start: they come up, keep their data over a crash, and how our programs end is noticed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/process.h"
#include "tests/lib/selftest.h"
#include "tests/lib/servers.h"

/* The first line that the server says to `line`, or without one of its own accord. */
static const char *ask(int port, const char *line)
{
	static char answer[8192];
	int fd;
	CHECK(process_listens(port, &fd));
	CHECK(write(fd, line, strlen(line)) == (ssize_t)strlen(line));
	ssize_t n = read(fd, answer, sizeof answer - 1);
	CHECK(n > 0);
	answer[n] = 0;
	close(fd);
	return answer;
}

static int port_of(const char *url)
{
	return atoi(strrchr(url, ':') + 1);
}

TEST(nats_has_jetstream_and_comes_back_on_its_port)
{
	char url[64];
	snprintf(url, sizeof url, "%s", test_nats_url());
	pid_t first = test_nats_pid();
	CHECK_HAS(ask(port_of(url), ""), "\"jetstream\":true");
	test_nats_kill(SIGKILL);
	CHECK(!process_listens(port_of(url), NULL));
	test_nats_start();
	CHECK(test_nats_pid() != first);
	CHECK(strcmp(test_nats_url(), url) == 0);
	CHECK_HAS(ask(port_of(url), ""), "\"jetstream\":true");
}

TEST(postgres_keeps_what_was_committed_when_killed)
{
	CHECK(strcmp(test_sql("CREATE TABLE t AS SELECT 'kept' AS v; SELECT v FROM t"), "kept") == 0);
	CHECK(strcmp(test_sql("SELECT current_database() || ' ' || pg_encoding_to_char(encoding) FROM pg_database "
	                      "WHERE datname = current_database()"),
	             "gannet UTF8") == 0);
	for (int i = 0; i < 3; i++) {
		test_postgres_kill(SIGKILL);
		test_postgres_start();
		CHECK(strcmp(test_sql("SELECT v FROM t"), "kept") == 0);
	}
	CHECK(strcmp(test_sql("SELECT v FROM t WHERE v = 'none'"), "") == 0);
}

TEST(redis_answers)
{
	CHECK_HAS(ask(port_of(test_redis_url()), "SET k v\r\n"), "+OK");
	CHECK_HAS(ask(port_of(test_redis_url()), "GET k\r\n"), "$1\r\nv\r\n");
}

TEST(free_ports_differ)
{
	int ports[200];
	for (size_t i = 0; i < countof(ports); i++) {
		ports[i] = test_free_port();
		for (size_t j = 0; j < i; j++)
			CHECK(ports[i] != ports[j]);
	}
}

TEST(a_program_gets_the_servers_its_arguments_and_nothing_of_our_environment)
{
	scoped_buf out = {0};
	char want[128];
	snprintf(want, sizeof want, "[%s] [] [mine] [INFO]\n", test_nats_url());
	setenv("OPENAI_API_KEY", "the developer's own", 1);
	CHECK_INT(test_run("/bin/sh",
	                   (const char *[]){"-c", "echo \"[$NATS_URL] [$OPENAI_API_KEY] [$1] [$LOG_LEVEL]\"; exit 3", "sh",
	                                    "mine", NULL},
	                   (const char *[]){"LOG_LEVEL=INFO", NULL}, &out),
	          3);
	CHECK_SPAN(buf_span(&out), want);
}

TEST(a_program_that_ends_as_asked_is_fine)
{
	test_spawn("/bin/sleep", NULL, (const char *[]){"1000", NULL});
	test_kill(test_spawn("/bin/sleep", NULL, (const char *[]){"1000", NULL}), SIGKILL);
	test_kill(test_spawn("/bin/sleep", NULL, (const char *[]){"1000", NULL}), SIGSTOP);
	struct test_process *p = test_spawn("/bin/sh", NULL, (const char *[]){"-c", "exit 4", NULL});
	CHECK_INT(test_wait_exit(p), 4);
	p = test_spawn("/bin/sleep", NULL, (const char *[]){"1000", NULL});
	test_kill(p, SIGINT);
	CHECK_INT(test_wait_exit(p), 128 + SIGINT);
}

TEST(a_page_is_fetched_with_its_status)
{
	static const char server[] = "exec python3 -c 'import http.server, os, sys\n"
	                             "class H(http.server.BaseHTTPRequestHandler):\n"
	                             "    def do_GET(self):\n"
	                             "        self.send_response(200 if self.path == \"/health/ready\" else 503)\n"
	                             "        self.end_headers()\n"
	                             "        self.wfile.write(self.path.encode() * 2)\n"
	                             "http.server.HTTPServer((\"127.0.0.1\", int(os.environ[\"PROMETHEUS_PORT\"])), H)"
	                             ".serve_forever()'";
	struct test_process *p = test_spawn("/bin/sh", NULL, (const char *[]){"-c", server, NULL});
	scoped_buf body = {0};
	test_ready(p);
	CHECK_INT(test_http_get(p->health_port, "/x", &body), 503);
	CHECK_SPAN(buf_span(&body), "/x/x");
	CHECK_INT(test_http_get(test_free_port(), "/", &body), 0);
	CHECK_INT(body.len, 0);
}

CASE(program_fails_unnoticed)
{
	struct test_process *p = test_spawn("/bin/sh", NULL, (const char *[]){"-c", "exit 4", NULL});
	siginfo_t info;
	CHECK(waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) == 0);
}

CASE(program_fails_when_asked_to_end)
{
	struct test_process *p = test_spawn(
	    "/bin/sh", NULL, (const char *[]){"-c", "trap 'exit 5' TERM; echo; while :; do sleep 0.01; done", NULL});
	struct stat st = {0};
	WAIT_FOR(stat(p->out_path, &st) == 0 && st.st_size > 0, "the trap to be set");
}

CASE(program_reports_a_race)
{
	CHECK_INT(
	    test_run("/bin/sh", (const char *[]){"-c", "echo 'WARNING: ThreadSanitizer: data race' >&2", NULL}, NULL, NULL),
	    0);
}

TEST(a_program_that_ends_badly_fails_the_test)
{
	CHECK_INT(selftest_run("program_fails_unnoticed"), 1);
	CHECK_HAS(selftest_output(), "sh ended with 4");
	CHECK_INT(selftest_run("program_fails_when_asked_to_end"), 1);
	CHECK_HAS(selftest_output(), "sh ended with 5");
	CHECK_INT(selftest_run("program_reports_a_race"), 1);
	CHECK_HAS(selftest_output(), "sh: see the sanitizer's report in its log");
	CHECK_HAS(selftest_output(), "--- 1-sh.log\nWARNING: ThreadSanitizer: data race\n");
}
