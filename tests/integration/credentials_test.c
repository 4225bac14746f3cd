/* Credentials that are taken away while a service runs: it ends with an error, so that whoever runs it can see it. */
#include "tests/integration/jobs_helpers.h"
#include "tests/lib/process.h"

static pid_t server;

static void start_server(int port, const char *token)
{
	char path[256];
	const char *config = text_of("%s/nats-auth.conf", test_dir());
	FILE *f = fopen(config, "we");
	CHECK(f && fprintf(f, "listen: \"127.0.0.1:%d\"\njetstream { store_dir: \"%s/auth\" }\nauthorization { token: \"%s\" }\n", port,
	                   test_dir(), token) > 0 &&
	      fclose(f) == 0);
	process_find("nats-server", path, sizeof path);
	server = process_start(&(struct process){.path = path,
	                                         .argv = (const char *[]){"nats-server", "-c", config, NULL},
	                                         .log_path = text_of("%s/nats-auth.log", test_dir())});
	WAIT_FOR(process_listens(port, NULL), "the server");
}

static void stop_server(void)
{
	kill(server, SIGKILL);
	process_wait(server);
}

static void ends_when_refused(const char *program)
{
	int port = test_free_port();
	start_server(port, "t0ken");
	struct test_process *p =
	    test_spawn(program, (const char *[]){text_of("NATS_URL=nats://t0ken@127.0.0.1:%d", port), "GANNET_DRAIN_MS=500", NULL}, NULL);
	test_ready(p);
	stop_server();
	start_server(port, "another");
	CHECK_INT(test_wait_exit(p), 1);
	const char *log = log_of(p);
	CHECK_HAS(log, "refuses the credentials");
	CHECK(!strstr(log, "t0ken"));
	stop_server();
}

TEST(runner_whose_credentials_are_refused_on_return_ends_with_an_error)
{
	ends_when_refused("gannet-runner");
}

TEST(jobs_service_whose_credentials_are_refused_on_return_ends_with_an_error)
{
	test_postgres_url();
	ends_when_refused("gannet-jobs");
}
