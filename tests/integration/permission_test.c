/* Every user at the broker does what is its own, and nothing else. */
#include <dirent.h>
#include <stdatomic.h>

#include "tests/integration/permission_helpers.h"

/* ---- what has to work */

static const char *in_ms(int64_t ms)
{
	char text[RFC3339_BYTES];
	return text_of("%s", rfc3339_format(clock_wall_ms(&clock_system) + ms, text));
}

static const char *acme_asks(struct bus *acme, const char *verb, const char *body)
{
	enum status status;
	struct err err = {0};
	const char *answer = test_request(acme, text_of("gannet.acme.jobs.%s", verb), body, &status, &err);
	CHECK_MSG(status == STATUS_OK, "%s: %s", verb, err.msg);
	return answer;
}

static bool is_recorded(struct bus *acme, const char *id, const char *want)
{
	enum status status;
	const char *body = text_of("{\"job_id\":\"%s\"}", id);
	const char *answer = test_request(acme, "gannet.acme.jobs.get", body, &status, NULL);
	return status == STATUS_OK && strcmp(test_json(answer, "/status"), want) == 0;
}

#define SIMULATED "\"model\":\"simulated\",\"template\":\"Say hello.\""

static void submit_jobs(struct bus *acme, struct test_events *events)
{
	test_submit(acme, "acme", "llm", "high", "plain", SIMULATED);
	test_submit(acme, "acme", "llm", "default", "told", SIMULATED ",\"stream\":true,\"reply_to\":\"_INBOX.acme.told\"");
	test_wait_event(events, "completed", "plain");
	test_wait_event(events, "completed", "told");
	/* Nobody is at the provider's port; waits longer than a second go through DELAYED. */
	test_submit(acme, "acme", "llm", "low", "again",
	            "\"model\":\"gpt-4o\",\"template\":\"Say hello.\",\"max_retries\":1");
	test_wait_event(events, "retrying", "again");
	test_wait_event(events, "failed", "again");
}

static void ask_everything(struct bus *acme, struct test_events *events)
{
	acme_asks(acme, "create", text_of("{" SIMULATED ",\"job_id\":\"later\",\"run_at\":\"%s\"}", in_ms(1200)));
	acme_asks(acme, "create", text_of("{" SIMULATED ",\"job_id\":\"never\",\"run_at\":\"%s\"}", in_ms(3600000)));
	WAIT_FOR(is_recorded(acme, "never", "pending"), "the record of the job to be cancelled");
	acme_asks(acme, "cancel", "{\"job_id\":\"never\"}");
	test_wait_event(events, "cancelled", "never");
	test_wait_event(events, "completed", "later");
	WAIT_FOR(is_recorded(acme, "again", "failed"), "the failed job's record");
	acme_asks(acme, "retry", "{\"job_id\":\"again\"}");
	WAIT_FOR(is_recorded(acme, "later", "completed"), "the later job's record");
	for (int i = 0; i < 2; i++) /* of the second the broker has to be asked whose the first was */
		acme_asks(acme, "create", "{" SIMULATED ",\"job_id\":\"twice\"}");
	acme_asks(acme, "rerun", "{\"job_id\":\"later\"}");
	acme_asks(acme, "regenerate", "{\"job_id\":\"later\",\"model\":\"simulated\"}");
	acme_asks(acme, "feedback", "{\"job_id\":\"later\",\"feedback\":\"thumbs_up\"}");
	acme_asks(acme, "list", "{}");
	acme_asks(acme, "stats", "{}");
	acme_asks(acme, "bulk_retry", "{}");
	acme_asks(acme, "queue_pending", "{}");
	acme_asks(acme, "retry_failed", "{}");
	acme_asks(acme, "cleanup", "{\"days\":1}");
}

TEST(services_do_all_their_work_with_their_own_permissions)
{
	test_postgres_url();
	start_secured("");
	bootstrap();
	const char *nobody = text_of("OPENAI_BASE_URL=http://127.0.0.1:%d/v1", test_free_port());
	struct test_process *jobs = spawn_as("jobs", (const char *[]){"GANNET_RETRY_FAILED_INTERVAL=1s", NULL});
	struct test_process *runner =
	    spawn_as("runner", (const char *[]){"OPENAI_API_KEY=k", nobody, "RETRY_DELAY=1500ms", NULL});
	test_ready(jobs);
	test_ready(runner);
	struct bus *acme = open_as("tenant-acme", "_INBOX.acme");
	struct test_events *events = test_follow(open_as("admin", NULL), "acme");
	test_submit(acme, "acme", "llm", "urgent", "lost", SIMULATED);
	submit_jobs(acme, events);
	ask_everything(acme, events);
	test_wait_event(events, "rejected", "lost");
	test_kill(runner, SIGTERM);
	CHECK_INT(test_wait_exit(runner), 0);
	test_kill(jobs, SIGTERM);
	CHECK_INT(test_wait_exit(jobs), 0);
	check_nothing_refused();
}

/* Also those that were not there when this was written. */
TEST(every_service_starts_with_its_own_permissions)
{
	static char names[32][64];
	size_t n = 0;
	test_postgres_url();
	test_redis_url();
	start_secured("");
	bootstrap();
	DIR *d = opendir(test_bin());
	CHECK(d != NULL);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		scoped_buf out = {0};
		if (strncmp(e->d_name, "gannet-", 7) != 0 ||
		    test_run(e->d_name, (const char *[]){"--permissions", NULL}, NULL, &out) != 0)
			continue;
		CHECK(n < countof(names));
		snprintf(names[n++], sizeof names[0], "%s", e->d_name + 7);
	}
	closedir(d);
	CHECK(n >= 2);
	/* What one of them does not start without. */
	const char *const env[] = {"GANNET_HTTP_PORT=0", "GANNET_JWT_SECRET=a secret that nobody else shall ever know", NULL};
	for (size_t i = 0; i < n; i++)
		test_ready(spawn_as(names[i], env));
	check_nothing_refused();
}

static void count(void *arg, const struct bus_in *m)
{
	(void)m;
	atomic_fetch_add((atomic_int *)arg, 1);
}

TEST(answers_reach_a_job_s_publisher_and_no_one_else)
{
	static atomic_int mine, theirs;
	struct err err;
	struct bus_sub *sub;
	start_secured("");
	bootstrap();
	test_ready(spawn_as("runner", NULL));
	struct bus *acme = open_as("tenant-acme", "_INBOX.acme"), *globex = open_as("tenant-globex", "_INBOX.globex");
	CHECK_OK(bus_subscribe(globex, "_INBOX.acme.>", NULL, count, &theirs, &sub, &err), err);
	CHECK_OK(bus_subscribe(acme, "_INBOX.acme.mine", NULL, count, &mine, &sub, &err), err);
	CHECK(was_refused(globex, "Subscription", "tenant-globex", "_INBOX.acme.>"));
	test_submit(acme, "acme", "llm", "default", "mine", SIMULATED ",\"reply_to\":\"_INBOX.acme.mine\"");
	WAIT_FOR(atomic_load(&mine) == 1, "the answer");
	CHECK_OK(bus_flush(globex, 5000, &err), err);
	CHECK_INT(atomic_load(&theirs), 0);
}

/* ---- what must not */

static void ignore(void *arg, const struct bus_in *m)
{
	(void)arg, (void)m;
}

/* Every subject is tried; each has to be refused. */
static void check_may_not_publish(struct bus *b, const char *user, const char *const *subjects)
{
	struct err err;
	for (; *subjects; subjects++) {
		CHECK_OK(bus_publish(b, &(struct bus_out){.subject = *subjects, .data = SPAN("{}")}, &err), err);
		CHECK_MSG(was_refused(b, "Publish", user, *subjects), "%s may publish to %s", user, *subjects);
	}
}

static void check_may_not_subscribe(struct bus *b, const char *user, const char *const *subjects)
{
	struct err err;
	struct bus_sub *sub;
	for (; *subjects; subjects++) {
		CHECK_OK(bus_subscribe(b, *subjects, NULL, ignore, NULL, &sub, &err), err);
		CHECK_MSG(was_refused(b, "Subscription", user, *subjects), "%s may subscribe to %s", user, *subjects);
	}
}

TEST(tenant_cannot_name_read_or_change_another)
{
	start_secured("");
	bootstrap();
	struct bus *acme = open_as("tenant-acme", "_INBOX.acme");
	check_may_not_publish(acme, "tenant-acme",
	                      (const char *const[]){"gannet.globex.jobs.submit.llm.high", "gannet.globex.jobs.get",
	                                            "gannet.globex.jobs.cancel", "gannet.globex.reply.x",
	                                            "gannet.globex.signals.deploy", "_INBOX.globex.x", NULL});
	check_may_not_subscribe(acme, "tenant-acme",
	                        (const char *const[]){"gannet.globex.jobs.event.>", "gannet.*.jobs.event.>", "gannet.>", ">",
	                                              "_INBOX.>", "_INBOX.globex.>", "_INBOX_jobs.>", "$KV.>", NULL});
}

TEST(tenant_cannot_act_as_a_service_or_touch_streams)
{
	start_secured("");
	bootstrap();
	struct bus *acme = open_as("tenant-acme", "_INBOX.acme");
	check_may_not_publish(acme, "tenant-acme",
	                      (const char *const[]){"gannet.acme.jobs.event.completed.a", "gannet.acme.jobs.delayed.llm.high.1.a",
	                                            "gannet.acme.jobs.overflow.llm.high.1", "gannet.acme.jobs.stream.a",
	                                            "gannet.tick.jobs", "gannet.workers.registered",
	                                            "$KV.cancelled.globex.a.1", "$KV.workers.w", "$JS.API.STREAM.INFO.JOBS",
	                                            "$JS.API.STREAM.PURGE.JOBS", "$JS.API.STREAM.DELETE.EVENTS",
	                                            "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.DIRECT.GET.EVENTS",
	                                            "$JS.API.CONSUMER.CREATE.EVENTS", "$JS.API.CONSUMER.MSG.NEXT.JOBS.llm_high",
	                                            "$JS.ACK.JOBS.llm_high.1.1.1.1.0", "$SYS.REQ.SERVER.PING", NULL});
	check_may_not_subscribe(acme, "tenant-acme", (const char *const[]){"$JS.>", "$SRV.>", "$SYS.>", "gannet.tick.>", NULL});
}

TEST(service_cannot_do_another_s_work)
{
	start_secured("");
	bootstrap();
	struct bus *runner = open_as("runner", "_INBOX_runner"), *jobs = open_as("jobs", "_INBOX_jobs");
	check_may_not_publish(runner, "runner",
	                      (const char *const[]){"gannet.acme.jobs.submit.llm.high", "gannet.acme.jobs.get",
	                                            "gannet.acme.jobs.delayed.text.high.1.a.1", "$KV.cancelled.acme.a.1",
	                                            "$JS.API.STREAM.CREATE.JOBS", "$JS.API.STREAM.UPDATE.JOBS",
	                                            "$JS.API.STREAM.DELETE.JOBS", "$JS.API.STREAM.PURGE.JOBS",
	                                            "$JS.API.STREAM.MSG.DELETE.JOBS", "$JS.API.CONSUMER.DELETE.JOBS.llm_high",
	                                            "$JS.API.CONSUMER.DURABLE.CREATE.JOBS.text_high",
	                                            "$JS.API.CONSUMER.MSG.NEXT.STATE.reasoning",
	                                            "$JS.API.CONSUMER.CREATE.EVENTS", "$JS.API.DIRECT.GET.JOBS",
	                                            "_INBOX_jobs.x", NULL});
	check_may_not_subscribe(runner, "runner",
	                        (const char *const[]){"gannet.>", "gannet.*.jobs.get", "_INBOX.>", "_INBOX_jobs.>", "$JS.>", NULL});
	check_may_not_publish(jobs, "jobs",
	                      (const char *const[]){"gannet.acme.jobs.event.completed.a", "gannet.acme.jobs.stream.a",
	                                            "$JS.API.CONSUMER.MSG.NEXT.JOBS.llm_high", "$JS.ACK.JOBS.llm_high.1.1.1.1.0",
	                                            "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS",
	                                            "$JS.API.STREAM.MSG.DELETE.EVENTS", "$KV.workers.w", "_INBOX_runner.x", NULL});
	check_may_not_subscribe(jobs, "jobs", (const char *const[]){"gannet.>", "gannet.*.jobs.submit.>", "_INBOX_runner.>", NULL});
}

TEST(bootstrap_may_create_but_neither_read_nor_delete)
{
	start_secured("");
	struct bus *b = open_as("bootstrap", "_INBOX_bootstrap");
	check_may_not_publish(b, "bootstrap",
	                      (const char *const[]){"$JS.API.STREAM.DELETE.JOBS", "$JS.API.STREAM.UPDATE.JOBS",
	                                            "$JS.API.CONSUMER.MSG.NEXT.JOBS.llm_high", "$JS.API.DIRECT.GET.EVENTS",
	                                            "gannet.acme.jobs.submit.llm.high", NULL});
	check_may_not_subscribe(b, "bootstrap", (const char *const[]){"gannet.>", "_INBOX.>", NULL});
}

TEST(wrong_password_and_unknown_user_are_refused)
{
	struct err err;
	struct bus *b;
	start_secured("");
	static const char *const users[] = {"runner:wrong", "nobody:x", ""};
	for (size_t i = 0; i < countof(users); i++) {
		const struct bus_options o = {
		    .url = text_of("nats://%s%s%s", users[i], users[i][0] ? "@" : "", test_nats_url() + strlen("nats://")),
		    .clock = &clock_system};
		CHECK_STATUS(bus_open(&o, &b, &err), STATUS_UNAUTHORIZED);
	}
}

/* ---- new passwords without a break */

static bool connects_as(const char *user, const char *password)
{
	struct err err;
	struct bus *b;
	const struct bus_options o = {
	    .url = text_of("nats://%s:%s@%s", user, password, test_nats_url() + strlen("nats://")), .clock = &clock_system};
	if (bus_open(&o, &b, &err) != STATUS_OK)
		return false;
	bus_close(b);
	return true;
}

TEST(passwords_change_while_work_goes_on)
{
	start_secured("");
	bootstrap();
	scoped_buf body = {0};
	struct test_process *first = spawn_as("runner", NULL);
	test_ready(first);
	const char *old = password_of("runner"), *path = text_of("%s/keys/passwords.conf", test_dir());
	/* The second user takes over, then the first one's password changes. */
	const char *all[] = {text_of("NATS_URL=%s", url_of("runner-next")), "NATS_INBOX_PREFIX=_INBOX_runner", NULL};
	struct test_process *next = test_spawn("gannet-runner", all, NULL);
	test_ready(next);
	const char *text = read_text(path), *at = strstr(text, old);
	CHECK(at != NULL);
	write_text(path, span_from(text_of("%.*schanged%s", (int)(at - text), text, at + strlen(old))));
	kill(test_nats_pid(), SIGHUP);
	WAIT_FOR(connects_as("runner", "changed"), "the new password to count");
	CHECK(!connects_as("runner", old));
	struct bus *acme = open_as("tenant-acme", "_INBOX.acme");
	struct test_events *events = test_follow(open_as("admin", NULL), "acme");
	test_submit(acme, "acme", "llm", "default", "meanwhile", SIMULATED);
	test_wait_event(events, "completed", "meanwhile");
	/* Who was left behind ends, to be started again with what its secret's file holds then. */
	CHECK_INT(test_wait_exit(first), 1);
	CHECK_INT(test_http_get(next->health_port, "/health/ready", &body), 200);
}
