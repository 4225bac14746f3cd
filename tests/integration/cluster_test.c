/* Three brokers with every stream in three copies: the one that leads dies under load, and nothing is lost. */
#include <unistd.h>

#include "tests/integration/path_helpers.h"
#include "tests/lib/process.h"

#define SERVERS 3
#define JOBS 300

static struct server {
	pid_t pid;
	int port, route_port;
	char name[8];
} servers[SERVERS];
static char program[256]; /* nats-server */

static void stop_servers(void)
{
	for (size_t i = 0; i < SERVERS; i++) {
		if (!servers[i].pid)
			continue;
		kill(servers[i].pid, SIGKILL);
		process_wait(servers[i].pid);
	}
}

static const char *configuration_of(const struct server *s)
{
	const char *path = text_of("%s/%s.conf", test_dir(), s->name);
	FILE *f = fopen(path, "we");
	CHECK(f != NULL);
	fprintf(f,
	        "server_name: %s\nlisten: \"127.0.0.1:%d\"\njetstream {store_dir: \"%s/%s\"}\n"
	        "cluster {name: test, listen: \"127.0.0.1:%d\", routes: [",
	        s->name, s->port, test_dir(), s->name, s->route_port);
	for (size_t i = 0; i < SERVERS; i++)
		fprintf(f, "%s\"nats-route://127.0.0.1:%d\"", i ? ", " : "", servers[i].route_port);
	CHECK(fputs("]}\n", f) >= 0 && fclose(f) == 0);
	return path;
}

static void start_server(struct server *s)
{
	s->pid = process_start(&(struct process){.path = program,
	                                         .argv = (const char *[]){"nats-server", "-c", configuration_of(s), NULL},
	                                         .log_path = text_of("%s/%s.log", test_dir(), s->name)});
	WAIT_FOR(process_listens(s->port, NULL), "a broker to listen");
}

/* Their addresses, comma separated; the first `n` are started. */
static const char *start_servers(size_t n)
{
	process_find("nats-server", program, sizeof program);
	test_at_end(TEST_END_SERVERS, stop_servers);
	for (size_t i = 0; i < SERVERS; i++) {
		servers[i] = (struct server){.port = test_free_port(), .route_port = test_free_port()};
		snprintf(servers[i].name, sizeof servers[i].name, "n%zu", i);
	}
	for (size_t i = 0; i < n; i++)
		start_server(&servers[i]);
	return text_of("nats://127.0.0.1:%d,nats://127.0.0.1:%d,nats://127.0.0.1:%d", servers[0].port, servers[1].port,
	               servers[2].port);
}

/* What the cluster says of JOBS; "" while it does not say. */
static const char *told(struct bus *b, const char *pointer)
{
	enum status s;
	struct err err;
	const char *answer = test_request(b, "$JS.API.STREAM.INFO." STREAM_JOBS, "", &s, &err);
	return s == STATUS_OK ? test_json(answer, pointer) : "";
}

static void submit(struct bus *b, int n)
{
	struct err err;
	const char *id = text_of("job-%d", n), *body = text_of("{\"job_id\":\"%s\",\"model\":\"simulated\",\"template\":\"x\"}", id);
	/* A message id: what was stored although the answer got lost is stored once. */
	struct bus_header header = {"Nats-Msg-Id", span_from(id)};
	struct bus_out m = {.subject = "gannet.acme.jobs.submit.llm.default", .data = span_from(body), .headers = &header, .headers_n = 1};
	CHECK_OK(bus_store_wait(b, &m, BUS_STORE_DEADLINE_MS, NULL, &err), err);
}

TEST(the_leader_of_three_brokers_dies_and_no_job_is_lost)
{
	const char *urls = start_servers(SERVERS);
	const char *const env[] = {text_of("NATS_URL=%s", urls), "GANNET_REPLICAS=3", "GANNET_LEASE=2s", NULL};
	struct test_process *runners[2];
	for (size_t i = 0; i < countof(runners); i++)
		test_ready(runners[i] = start_runner(NULL, env));
	struct bus *bus;
	struct err err;
	CHECK_OK(bus_open(&(struct bus_options){.url = urls, .name = "test", .clock = &clock_system}, &bus, &err), err);

	CHECK_INT(atoi(told(bus, "/config/num_replicas")), SERVERS);
	const char *leader = told(bus, "/cluster/leader");
	CHECK(leader[0] == 'n');
	struct server *dead = &servers[leader[1] - '0'];
	for (int n = 0; n < JOBS; n++) {
		if (n == JOBS / 3) {
			kill(dead->pid, SIGKILL);
			process_wait(dead->pid);
			dead->pid = 0;
		}
		submit(bus, n);
	}
	WAIT_FOR(told(bus, "/cluster/leader")[0], "another leader");
	CHECK(strcmp(told(bus, "/cluster/leader"), leader) != 0);
	struct test_events *events = test_follow(bus, "acme");
	WAIT_FOR(test_count_events(events, "completed", NULL) >= JOBS, "every job to be completed");
	for (int n = 0; n < JOBS; n++)
		CHECK_INT(test_count_events(events, "completed", text_of("job-%d", n)), 1);
	CHECK_INT(test_count_events(events, "failed", NULL), 0);
}

/* Two of three elect a leader, which then has nowhere to put a third copy: an answer that looks like a mistake of ours. */
TEST(a_service_waits_for_a_cluster_that_has_not_formed_yet)
{
	const char *urls = start_servers(SERVERS - 1);
	struct test_process *runner =
	    spawn_runner(NULL, (const char *const[]){text_of("NATS_URL=%s", urls), "GANNET_REPLICAS=3", NULL});
	WAIT_FOR(strstr(log_of(runner), "no suitable peers"), "the runner to be told that a broker is missing");
	start_server(&servers[SERVERS - 1]);
	test_ready(runner);
}
