/* The life of a service process, seen from outside: a small service made from a fork of the test. */
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "http/server.h"
#include "json/json.h"
#include "service/service.h"
#include "tests/lib/servers.h"
#include "tests/lib/test.h"

/* ---- the service: files in the test's folder steer it */

static bool is_there(const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	return access(path, F_OK) == 0;
}

static void make(const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	int fd = open(path, O_CREAT | O_WRONLY, 0644);
	CHECK(fd >= 0);
	close(fd);
}

static void unmake(const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	CHECK(unlink(path) == 0);
}

static struct {
	const char *fail; /* start or run */
} config;
static pthread_t main_loop;
static atomic_bool loop_ends;

static void tick(void)
{
	poll(NULL, 0, 10);
}

/* Moves until a file says that it stands still. */
static void *loop(void *service)
{
	while (!atomic_load(&loop_ends)) {
		if (!is_there("stuck"))
			service_progress(service);
		tick();
	}
	return NULL;
}

static enum status check_file(void *name, struct err *err)
{
	return is_there(name) ? err_set(err, STATUS_UNAVAILABLE, "there is a file %s", (const char *)name) : STATUS_OK;
}

static char no_database[] = "no-database", no_cache[] = "no-cache";

static enum status start(struct service *s, struct err *err)
{
	if (config.fail && strcmp(config.fail, "start") == 0)
		return err_set(err, STATUS_UNAVAILABLE, "told to fail");
	CHECK(bus_is_connected(service_bus(s)));
	service_add_check(s, "database", true, check_file, no_database);
	service_add_check(s, "cache", false, check_file, no_cache);
	CHECK(pthread_create(&main_loop, NULL, loop, s) == 0);
	struct trace_context root = trace_of_job(SPAN("acme"), SPAN("job-1")), self = trace_child(&root);
	trace_record(&self, root.span, "service.start", TRACE_INTERNAL, clock_wall_ms(service_clock(s)), 1, NULL, NULL, 0);
	if (config.fail && strcmp(config.fail, "run") == 0)
		service_quit(s, &(struct err){.status = STATUS_INTERNAL, .msg = "told to end"});
	return STATUS_OK;
}

static void stop(struct service *s, int64_t deadline_mono_ms)
{
	atomic_store(&loop_ends, true);
	pthread_join(main_loop, NULL);
	while (is_there("busy") && clock_mono_ms(service_clock(s)) < deadline_mono_ms)
		tick();
	while (is_there("hanging"))
		tick();
}

static const struct env_option options[] = {
    {"TEST_FAIL", ENV_TEXT, offsetof(__typeof__(config), fail), NULL, .help = "start or run: what fails"}};
static const char *const topology[] = {STREAM_JOBS, NULL};
static const struct service_descriptor descriptor = {.name = "test",
                                                     .summary = "tests the life of a service",
                                                     .topology = topology,
                                                     .options = options,
                                                     .options_n = countof(options),
                                                     .config = &config,
                                                     .start = start,
                                                     .stop = stop};

/* ---- its process */

static pid_t service_pid;
static int service_port;

static void redirect(int fd, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	CHECK(file >= 0 && dup2(file, fd) == fd);
	close(file);
}

static int become_service(const char *const *env, const char *argument)
{
	char name[] = "gannet-test", port[16];
	char *argv[] = {name, (char *)argument, NULL};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	redirect(STDOUT_FILENO, "service.out");
	redirect(STDERR_FILENO, "service.log");
	snprintf(port, sizeof port, "%d", service_port);
	setenv("PROMETHEUS_PORT", port, 1);
	for (; env && *env; env++)
		putenv((char *)*env);
	return service_main(&descriptor, argument ? 2 : 1, argv);
}

static void run_service_on(int port, const char *const *env, const char *argument)
{
	service_port = port;
	service_pid = fork();
	CHECK(service_pid >= 0);
	if (service_pid == 0)
		exit(become_service(env, argument));
}

static void run_service(const char *const *env, const char *argument)
{
	run_service_on(test_free_port(), env, argument);
}

static int exit_code(void)
{
	int status;
	CHECK(waitpid(service_pid, &status, 0) == service_pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool has_ended(void)
{
	siginfo_t info = {0};
	CHECK(waitid(P_PID, (id_t)service_pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
	return info.si_pid == service_pid;
}

static const char *file_text(const char *name)
{
	static char text[65536];
	char path[512];
	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static int get(const char *path)
{
	scoped_buf body = {0};
	return test_http_get(service_port, path, &body);
}

/* A member of an answer's JSON, without quotes. */
static const char *answer(const char *path, const char *pointer)
{
	static char text[256];
	scoped_buf body = {0};
	struct json document, v;
	struct err err;
	test_http_get(service_port, path, &body);
	CHECK_OK(json_parse(buf_span(&body), &document, &err), err);
	if (!json_pointer(document, pointer, &v))
		return "";
	scoped_arena a = {0};
	CHECK(span_copy(v.type == JSON_STRING ? json_text(v, &a) : v.text, text, sizeof text));
	return text;
}

#define READY "/health/ready"

static void wait_until_ready(void)
{
	WAIT_FOR(get(READY) == 200 || has_ended(), "the service to be ready");
	CHECK(!has_ended());
}

static void run_until_ready(const char *const *env)
{
	test_nats_url();
	run_service(env, NULL);
	wait_until_ready();
}

static void end_service(void)
{
	CHECK(kill(service_pid, SIGTERM) == 0);
	CHECK_INT(exit_code(), 0);
}

static const char *nats_env(void)
{
	static char text[256];
	snprintf(text, sizeof text, "NATS_URL=%s", test_nats_url());
	return text;
}

#define ENV(...) ((const char *const[]){nats_env(), ##__VA_ARGS__, NULL})

/* ---- */

TEST(service_tells_what_it_depends_on)
{
	run_until_ready(ENV("WORKER_ID=test-7"));
	CHECK_SPAN(span_from(answer(READY, "/status")), "ready");
	CHECK_SPAN(span_from(answer(READY, "/service")), "test");
	CHECK_SPAN(span_from(answer(READY, "/instance")), "test-7");
	CHECK_SPAN(span_from(answer(READY, "/version")), GANNET_VERSION);
	CHECK_SPAN(span_from(answer(READY, "/checks/nats/status")), "ok");
	CHECK_SPAN(span_from(answer(READY, "/checks/database/required")), "true");
	CHECK_SPAN(span_from(answer(READY, "/checks/cache/required")), "false");
	CHECK_INT(get("/health"), 200);
	CHECK_INT(get("/nothing"), 404);
	end_service();
	const char *log = file_text("service.log");
	CHECK_HAS(log, "\"message\":\"ready\"");
	CHECK_HAS(log, "\"health_port\":");
}

TEST(failing_required_check_makes_it_unready_and_an_optional_one_does_not)
{
	run_until_ready(ENV());
	make("no-cache");
	WAIT_FOR(strcmp(answer(READY, "/checks/cache/status"), "failed") == 0, "the cache to be missed");
	CHECK_SPAN(span_from(answer(READY, "/checks/cache/error")), "there is a file no-cache");
	CHECK_INT(get(READY), 200);
	make("no-database");
	WAIT_FOR(get(READY) == 503, "the database to be missed");
	CHECK_SPAN(span_from(answer(READY, "/status")), "unavailable");
	CHECK_INT(get("/health"), 200);
	unmake("no-database");
	WAIT_FOR(get(READY) == 200, "the database to be seen again");
	end_service();
}

TEST(broker_that_is_away_at_start_is_waited_for)
{
	const char *const *env = ENV();
	test_nats_kill(SIGKILL);
	run_service(env, NULL);
	WAIT_FOR(get("/health") == 200, "the health server");
	CHECK_INT(get(READY), 503);
	CHECK_SPAN(span_from(answer(READY, "/status")), "starting");
	CHECK_SPAN(span_from(answer(READY, "/checks/nats/status")), "failed");
	test_nats_start();
	wait_until_ready();
	end_service();
}

TEST(broker_that_is_lost_makes_it_unready_until_it_is_back)
{
	run_until_ready(ENV());
	test_nats_kill(SIGKILL);
	WAIT_FOR(get(READY) == 503, "the loss to be noticed");
	CHECK_SPAN(span_from(answer(READY, "/checks/nats/status")), "failed");
	CHECK_INT(get("/health"), 200);
	test_nats_start();
	WAIT_FOR(get(READY) == 200, "the service to be ready again");
	end_service();
	const char *log = file_text("service.log");
	CHECK_HAS(log, "broker lost");
	CHECK_HAS(log, "broker connected");
}

TEST(start_without_a_broker_ends_with_an_error_after_its_time)
{
	const char *const *env = ENV("GANNET_START_WAIT_MS=300ms");
	test_nats_kill(SIGKILL);
	run_service(env, NULL);
	CHECK_INT(exit_code(), 1);
	CHECK_HAS(file_text("service.log"), "waiting for the broker");
}

TEST(service_told_to_end_while_it_waits_for_the_broker_ends_well)
{
	const char *const *env = ENV();
	test_nats_kill(SIGKILL);
	run_service(env, NULL);
	WAIT_FOR(get("/health") == 200, "the health server");
	end_service();
}

TEST(drain_is_visible_and_ends_with_0)
{
	run_until_ready(ENV());
	make("busy");
	CHECK(kill(service_pid, SIGINT) == 0);
	WAIT_FOR(get(READY) == 503, "the drain");
	CHECK_SPAN(span_from(answer(READY, "/status")), "draining");
	CHECK_INT(get("/health"), 200);
	CHECK(!has_ended());
	unmake("busy");
	CHECK_INT(exit_code(), 0);
}

TEST(drain_ends_at_its_deadline)
{
	run_until_ready(ENV("GANNET_DRAIN_MS=50ms"));
	make("busy");
	end_service();
}

TEST(stop_that_never_returns_is_cut_off)
{
	run_until_ready(ENV("GANNET_DRAIN_MS=0"));
	make("hanging");
	CHECK(kill(service_pid, SIGTERM) == 0);
	CHECK_INT(exit_code(), SERVICE_EXIT_STUCK);
	CHECK_HAS(file_text("service.log"), "drain did not end");
}

TEST(second_signal_ends_at_once)
{
	run_until_ready(ENV());
	make("busy");
	CHECK(kill(service_pid, SIGTERM) == 0);
	WAIT_FOR(get(READY) == 503, "the drain");
	CHECK(kill(service_pid, SIGTERM) == 0);
	CHECK_INT(exit_code(), 130);
}

TEST(main_loop_that_stands_still_ends_the_process)
{
	run_until_ready(ENV("GANNET_WATCHDOG_MS=2s"));
	make("stuck");
	WAIT_FOR(get("/health") != 200, "the standstill to be seen");
	CHECK_INT(exit_code(), SERVICE_EXIT_STUCK);
	CHECK_HAS(file_text("service.log"), "main loop stands still");
}

TEST(process_that_was_stopped_as_a_whole_goes_on)
{
	run_until_ready(ENV("GANNET_WATCHDOG_MS=1s"));
	CHECK(kill(service_pid, SIGSTOP) == 0);
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 200000000}, NULL);
	CHECK(kill(service_pid, SIGCONT) == 0);
	CHECK_INT(get("/health"), 200);
	end_service();
}

TEST(start_that_fails_ends_the_process_with_its_reason)
{
	run_service(ENV("TEST_FAIL=start"), NULL);
	CHECK_INT(exit_code(), 1);
	CHECK_HAS(file_text("service.log"), "told to fail");
}

TEST(service_may_end_itself_with_an_error)
{
	run_service(ENV("TEST_FAIL=run"), NULL);
	CHECK_INT(exit_code(), 1);
	CHECK_HAS(file_text("service.log"), "told to end");
}

TEST(port_that_is_taken_is_named)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, n) == 0 && listen(fd, 1) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&address, &n) == 0);
	run_service_on(ntohs(address.sin_port), ENV(), NULL);
	CHECK_INT(exit_code(), 1);
	CHECK_HAS(file_text("service.log"), "PROMETHEUS_PORT");
	close(fd);
}

TEST(arguments_are_answered_or_refused)
{
	run_service(NULL, "--help");
	CHECK_INT(exit_code(), 0);
	CHECK_HAS(file_text("service.out"), "TEST_FAIL");
	CHECK_HAS(file_text("service.out"), "PROMETHEUS_PORT");
	run_service(NULL, "--version");
	CHECK_INT(exit_code(), 0);
	CHECK_HAS(file_text("service.out"), "gannet-test " GANNET_VERSION);
	run_service(NULL, "--verbose");
	CHECK_INT(exit_code(), 2);
	CHECK_HAS(file_text("service.log"), "--verbose");
}

TEST(bad_configuration_is_named_and_ends_with_2)
{
	run_service(ENV("GANNET_DRAIN_MS=soon"), NULL);
	CHECK_INT(exit_code(), 2);
	CHECK_HAS(file_text("service.log"), "GANNET_DRAIN_MS");
}

TEST(passwords_stay_out_of_the_log)
{
	char url[128];
	snprintf(url, sizeof url, "NATS_URL=nats://gannet:hunter2@127.0.0.1:%d", test_free_port());
	run_service((const char *const[]){url, "GANNET_START_WAIT_MS=200ms", "LOG_LEVEL=DEBUG", NULL}, NULL);
	CHECK_INT(exit_code(), 1);
	const char *log = file_text("service.log");
	CHECK_HAS(log, "nats://127.0.0.1:");
	CHECK_MSG(!strstr(log, "hunter2"), "the password is in: %s", log);
}

/* As in a container: there the kernel drops signals that have no handler. */
TEST(first_process_of_a_container_drains_too)
{
	test_nats_url();
	const char *const *env = ENV();
	service_port = test_free_port();
	int ready[2];
	CHECK(pipe(ready) == 0);
	pid_t parent = fork();
	CHECK(parent >= 0);
	if (parent == 0) {
		int status;
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0 && unshare(CLONE_NEWPID) != 0)
			_exit(99); /* not allowed here */
		pid_t inner = fork();
		if (inner == 0) /* no exit handlers: the leak checker cannot look at the first process of a name space */
			_exit(become_service(env, NULL));
		CHECK(write(ready[1], &inner, sizeof inner) == sizeof inner);
		CHECK(waitpid(inner, &status, 0) == inner);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 100);
	}
	close(ready[1]);
	pid_t inner;
	if (read(ready[0], &inner, sizeof inner) == sizeof inner) {
		WAIT_FOR(get(READY) == 200, "the service to be ready");
		CHECK(kill(inner, SIGTERM) == 0);
		service_pid = parent;
		CHECK_INT(exit_code(), 0);
	} else {
		service_pid = parent;
		CHECK_INT(exit_code(), 99);
		fprintf(stderr, "no process namespaces here\n");
	}
}

/* ---- metrics */

/* "name{label="value",…} number": the name is returned, cut out of the line. */
static struct span check_sample(struct span line)
{
	size_t n = 0;
	while (n < line.n && (isalnum((unsigned char)line.p[n]) || line.p[n] == '_' || line.p[n] == ':'))
		n++;
	CHECK_MSG(n > 0 && !isdigit((unsigned char)line.p[0]), "bad name: %.*s", SPAN_ARG(line));
	size_t space = line.n;
	while (space > 0 && line.p[space - 1] != ' ')
		space--;
	CHECK_MSG(space > n && (line.p[n] == '{' ? line.p[space - 2] == '}' : space == n + 1), "bad labels: %.*s",
	          SPAN_ARG(line));
	char number[64], *end;
	CHECK(span_copy(span_of(line.p + space, line.n - space), number, sizeof number));
	strtod(number, &end);
	CHECK_MSG(*number && *end == 0, "bad number: %.*s", SPAN_ARG(line));
	return span_of(line.p, n);
}

TEST(metrics_are_prometheus_text_with_the_process_in_them)
{
	static const char *const wanted[] = {
	    "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
	    "process_start_time_seconds",    "gannet_build_info",         "gannet_ready",
	    "gannet_bus_connected"};
	scoped_buf body = {0};
	struct span family = {0};
	size_t samples = 0;
	run_until_ready(ENV());
	CHECK_INT(test_http_get(service_port, "/metrics", &body), 200);
	for (struct span rest = buf_span(&body); rest.p && rest.n;) {
		struct span line = span_cut(&rest, '\n');
		if (span_starts(line, SPAN("# TYPE "))) {
			struct span words = span_of(line.p + 7, line.n - 7);
			family = span_cut(&words, ' ');
			CHECK_MSG(span_is(words, "counter") || span_is(words, "gauge") || span_is(words, "histogram"), "%.*s",
			          SPAN_ARG(line));
		} else if (!span_starts(line, SPAN("# HELP "))) {
			CHECK_MSG(span_starts(check_sample(line), family), "without a type: %.*s", SPAN_ARG(line));
			samples++;
		}
	}
	CHECK(samples >= countof(wanted));
	for (size_t i = 0; i < countof(wanted); i++)
		CHECK_HAS(body.data, wanted[i]);
	CHECK_HAS(body.data, "gannet_build_info{version=\"" GANNET_VERSION "\",commit=\"" GANNET_COMMIT "\"} 1\n");
	CHECK_HAS(body.data, "\ngannet_ready 1\n");
	end_service();
}

/* ---- traces */

static _Atomic int traces;

static void receive(void *arg, struct http_exchange *x)
{
	(void)arg;
	struct json document, name;
	struct err err;
	CHECK_SPAN(http_exchange_path(x), "/v1/traces");
	CHECK_OK(json_parse(http_exchange_body(x), &document, &err), err);
	CHECK(json_pointer(document, "/resourceSpans/0/resource/attributes/0/value/stringValue", &name));
	CHECK(json_text_is(name, SPAN("gannet-test")));
	CHECK(json_pointer(document, "/resourceSpans/0/scopeSpans/0/spans/0/name", &name));
	CHECK(json_text_is(name, SPAN("service.start")));
	traces++;
	http_exchange_answer(x, 200, "application/json", SPAN("{}"));
}

TEST(traces_reach_the_configured_receiver)
{
	struct err err;
	struct http_server *receiver;
	char endpoint[128];
	const char *const *env = ENV(endpoint);
	int port = test_free_port();
	snprintf(endpoint, sizeof endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:%d", port);
	run_service(env, NULL); /* before this process has threads */
	const struct http_server_options o = {.bind = "127.0.0.1", .port = (uint16_t)port, .handle = receive};
	CHECK_OK(http_server_start(&o, &receiver, &err), err);
	WAIT_FOR(traces == 1 || has_ended(), "the trace");
	CHECK_INT(traces, 1);
	end_service();
	http_server_stop(receiver);
}
