/* gannet watch and gannet top: what is shown while things happen, and the state in which they leave the terminal. */
#include <limits.h>
#include <pty.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

#include "bus/store.h"
#include "bus/topology.h"
#include "tests/integration/cli_fake.h"

static const char *output(struct test_process *p)
{
	static struct buf out;
	buf_reset(&out);
	test_read(p->out_path, &out);
	return out.data;
}

TEST(watch_shows_the_events_of_all_jobs)
{
	fake_start();
	struct test_process *p = CLI_SPAWN("watch", "--all");
	WAIT_FOR(strstr(log_of(p), "watching the jobs of tenant default"), "watch to begin");
	/* The remark comes after the subscription was made, but the server may not have it yet. */
	WAIT_FOR((fake_started(SPAN("first")), strstr(output(p), "first")), "an event to be shown");
	fake_send("gannet.default.jobs.event.queued.llm.high",
	          SPAN("{\"job_id\":\"j1\",\"template\":\"x\",\"model\":\"m\",\"user_id\":\"ada\"}"), NULL, 0);
	fake_completed(SPAN("j1"));
	fake_failed(SPAN("j2"));
	WAIT_FOR(strstr(output(p), "j2 "), "the failure to be shown");
	test_kill(p, SIGINT);
	struct cli_run r = cli_end(p);
	CHECK_INT(r.status, 130);
	CHECK_HAS(r.out.data, "  j1                      queued      llm  high  m  for ada\n");
	CHECK_HAS(r.out.data,
	          "  j1                      completed   1.42 s  1,234 tokens  $0.000125  simulated (simulated answer)\n");
	CHECK_HAS(r.out.data, "  j2                      failed      provider_error: it answered 500\n");
}

TEST(watch_names_jobs_that_came_without_an_id)
{
	struct bus_stream_state state;
	struct bus_stored stored;
	struct err err;
	char id[JOB_ID_BYTES];
	fake_start();
	CHECK_OK(bus_topology_ensure(test_bus(), STREAM_JOBS, &bus_limits_default, &err), err);
	CHECK_OK(bus_stream_state(test_bus(), STREAM_JOBS, &state, &err), err);
	struct test_process *p = CLI_SPAWN("watch");
	WAIT_FOR((fake_started(SPAN("first")), strstr(output(p), "first")), "an event to be shown");
	struct bus_out job = {.subject = "gannet.default.jobs.submit.llm.low",
	                      .data = SPAN("{\"template\":\"x\",\"model\":\"m\"}")};
	CHECK_OK(bus_store_wait(test_bus(), &job, 0, &stored, &err), err);
	job_id_from_sequence(state.created_ms, stored.sequence, id);
	WAIT_FOR(strstr(output(p), "queued"), "the submission to be shown");
	CHECK_HAS(output(p), id);
	test_kill(p, SIGINT);
	CHECK_INT(cli_end(p).status, 130);
}

TEST(watch_with_json_prints_a_document_a_line)
{
	fake_start();
	struct test_process *p = CLI_SPAWN("watch", "--json", "--quiet");
	WAIT_FOR((fake_started(SPAN("first")), strstr(output(p), "first")), "an event to be shown");
	fake_send("gannet.default.jobs.event.queued.llm.high",
	          SPAN("{ \"job_id\": \"j1\", \"template\": \"x\", \"model\": \"m\" }"), NULL, 0);
	WAIT_FOR(strstr(output(p), "j1"), "the submission to be shown");
	test_kill(p, SIGTERM);
	struct cli_run r = cli_end(p);
	CHECK_HAS(r.out.data, "{\"job_id\":\"j1\",\"state\":\"queued\",\"kind\":\"llm\",\"priority\":\"high\","
	                      "\"submission\":{\"job_id\":\"j1\","
	                      "\"template\":\"x\",\"model\":\"m\"}}\n");
	CHECK_SPAN(span_from(r.err.data), "");
}

TEST(watch_of_one_job_ends_with_it)
{
	struct buf record = {0};
	fake_start();
	fake_record("j1", "processing", &record);
	fake_reply("get", record.data);
	struct test_process *p = CLI_SPAWN("watch", "j1");
	WAIT_FOR(strstr(log_of(p), "job j1 is processing"), "the record to be told");
	fake_failed(SPAN("j1"));
	struct cli_run r = cli_end(p);
	CHECK_INT(r.status, 3);
	CHECK_HAS(r.out.data, "failed      provider_error: it answered 500\n");
	buf_free(&record);
}

/* ---- in a terminal */

struct terminal {
	int fd;
	pid_t pid;
	struct buf seen; /* everything that was written, NUL-terminated */
};

static struct terminal open_terminal(unsigned short columns, char *const *argv)
{
	char url[128], path[PATH_MAX];
	struct winsize size = {.ws_col = columns, .ws_row = 24};
	struct terminal t = {0};
	snprintf(url, sizeof url, "NATS_URL=%s", test_nats_url());
	CHECK(realpath(test_bin(), path));
	strncat(path, "/gannet", sizeof path - strlen(path) - 1);
	char *env[] = {url, (char *)(uintptr_t) "TERM=xterm", NULL};
	t.pid = forkpty(&t.fd, NULL, NULL, &size);
	if (t.pid == 0) {
		execve(path, argv, env);
		_exit(127);
	}
	CHECK(t.pid > 0);
	return t;
}

/* Takes what there is; true when `text` has been seen. */
static bool has_shown(struct terminal *t, const char *text)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	char bytes[65536];
	while (poll(&p, 1, 0) > 0) {
		ssize_t n = read(t->fd, bytes, sizeof bytes);
		if (n <= 0)
			break;
		buf_add(&t->seen, bytes, (size_t)n);
	}
	buf_add(&t->seen, "", 0);
	return strstr(t->seen.data, text) != NULL;
}

static bool ended(struct terminal *t, int *status)
{
	(void)has_shown(t, "");
	return waitpid(t->pid, status, WNOHANG) == t->pid;
}

static int end_of(struct terminal *t)
{
	int status = 0;
	WAIT_FOR(ended(t, &status), "the command to end");
	(void)has_shown(t, "");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void close_terminal(struct terminal *t)
{
	close(t->fd);
	buf_free(&t->seen);
}

static void check_restored(struct terminal *t)
{
	struct termios mode;
	CHECK(tcgetattr(t->fd, &mode) == 0);
	CHECK((mode.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO));
	const char *left = strstr(t->seen.data, "\x1b[?1049l");
	CHECK(left && !strstr(left, "\x1b[?1049h"));
	CHECK_HAS(t->seen.data, "\x1b[?25h");
}

#define ARGS(...)                                                                                                      \
	(char *[])                                                                                                         \
	{                                                                                                                  \
		(char *)(uintptr_t) "gannet", (char *)(uintptr_t)__VA_ARGS__, NULL                                             \
	}

static struct terminal top(void)
{
	fake_start();
	fake_reply("stats", FAKE_STATS);
	struct terminal t = open_terminal(100, ARGS("top"));
	WAIT_FOR(has_shown(&t, "q quit"), "the screen");
	CHECK_HAS(t.seen.data, "\x1b[?1049h");
	return t;
}

TEST(top_shows_queues_workers_times_and_failures)
{
	struct terminal t = top();
	WAIT_FOR((fake_completed(SPAN("j1")), fake_failed(SPAN("j2")), has_shown(&t, "p50 1.42 s  p95 1.42 s  p99 1.42 s")),
	         "the times of completed jobs");
	WAIT_FOR(has_shown(&t, "it answered 500"), "the failure");
	WAIT_FOR(has_shown(&t, "█"), "the rate");
	CHECK_HAS(t.seen.data, "QUEUE");
	CHECK_HAS(t.seen.data, "runner-1");
	CHECK(write(t.fd, "q", 1) == 1);
	CHECK_INT(end_of(&t), 0);
	check_restored(&t);
	close_terminal(&t);
}

TEST(top_pauses_on_p)
{
	struct terminal t = top();
	CHECK(write(t.fd, "p", 1) == 1);
	WAIT_FOR(has_shown(&t, "p go on"), "the pause");
	CHECK(write(t.fd, "pq", 2) == 2);
	CHECK_INT(end_of(&t), 0);
	check_restored(&t);
	close_terminal(&t);
}

TEST(top_restores_the_terminal_when_it_is_killed_or_crashes)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGSEGV, SIGQUIT};
	for (size_t i = 0; i < countof(signals); i++) {
		struct terminal t = i ? open_terminal(100, ARGS("top")) : top();
		WAIT_FOR(has_shown(&t, "q quit"), "the screen");
		kill(t.pid, signals[i]);
		int status = end_of(&t);
		CHECK(i < 3 ? status == 0 : status != 0);
		check_restored(&t);
		close_terminal(&t);
	}
}

TEST(top_goes_on_without_the_service)
{
	fake_start();
	fake_refuse("stats", "503 PostgreSQL is away");
	struct terminal t = open_terminal(100, ARGS("top"));
	WAIT_FOR(has_shown(&t, "PostgreSQL is away"), "the reason");
	fake_reply("stats", FAKE_STATS);
	WAIT_FOR(has_shown(&t, "runner-1"), "the service to be asked again");
	CHECK(write(t.fd, "q", 1) == 1);
	CHECK_INT(end_of(&t), 0);
	close_terminal(&t);
}

TEST(top_prints_plainly_where_there_is_no_terminal)
{
	fake_start();
	fake_reply("stats", FAKE_STATS);
	struct cli_run r = CLI("top", "--once");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "runner-1  llm   running");
	CHECK(!strchr(r.out.data, '\x1b'));
	r = CLI("top", "--once", "--json");
	CHECK_SPAN(span_from(r.out.data), FAKE_STATS "\n");
	struct test_process *p = CLI_SPAWN("top", "--json", "--interval", "100ms");
	WAIT_FOR(strstr(output(p), "}\n{"), "a second line");
	test_kill(p, SIGINT);
	CHECK_INT(cli_end(p).status, 0);
}

TEST(tables_fit_the_terminal_and_have_colours_there)
{
	struct buf page = {0};
	fake_start();
	buf_adds(&page, "{\"jobs\":[");
	fake_record("0123456789abcdefghijkl", "completed", &page);
	buf_adds(&page, "]}");
	fake_reply("list", page.data);
	struct terminal t = open_terminal(80, ARGS("list"));
	CHECK_INT(end_of(&t), 0);
	CHECK_HAS(t.seen.data, "\x1b[32mcompleted\x1b[0m");
	CHECK_HAS(t.seen.data, "0123456789abcdefghijkl");
	CHECK(!strstr(t.seen.data, "Tell me about")); /* no room */
	struct terminal plain = open_terminal(120, ARGS("list", (char *)(uintptr_t) "--no-color"));
	CHECK_INT(end_of(&plain), 0);
	CHECK(!strchr(plain.seen.data, '\x1b'));
	CHECK_HAS(plain.seen.data, "Tell me about {{bird}}.");
	close_terminal(&t);
	close_terminal(&plain);
	buf_free(&page);
}
