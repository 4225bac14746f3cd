/* Message ids as a tenant sees them who would like another tenant's messages to be taken for duplicates. */
#include "bus/kv.h"
#include "bus/private_id.h"
#include "bus/topology.h"
#include "tests/integration/path_helpers.h"

#define SEQUENCES 40

static struct bus *bus;

/* A submission of another tenant under a message id of its choice. */
static void forge(const char *msg_id)
{
	test_store(bus, "gannet.evil.jobs.submit.llm.default", SPAN("{\"model\":\"gpt-fake\",\"template\":\"x\"}"), msg_id);
}

static uint64_t messages(const char *stream)
{
	struct bus_stream_state state;
	struct err err;
	CHECK_OK(bus_stream_state(bus, stream, &state, &err), err);
	return state.messages;
}

/* What the suite calls the messages of a job, and what could be guessed of it if names were ids. */
static void forge_all(const char *job)
{
	struct bus_stream_state delayed;
	struct err err;
	CHECK_OK(bus_stream_state(bus, STREAM_DELAYED, &delayed, &err), err);
	forge(text_of("acme.%s:1", job));
	forge(text_of("final:acme.%s:1", job));
	forge(text_of("announce:acme.%s:1", job));
	forge(text_of("submit:acme.%s:1", job));
	forge(text_of("run-at:acme.%s:1", job));
	for (int i = 1; i <= SEQUENCES; i++) {
		forge(text_of("overflow:%d", i));
		forge(text_of("delay:%d:1", i));
		forge(text_of("hand-back:%d:1", i));
		forge(text_of("delayed-%lld-%d", (long long)delayed.created_ms, i));
	}
	WAIT_FOR(messages(STREAM_JOBS) == 0, "the forger's own jobs to end");
}

TEST(ids_that_another_tenant_used_first_suppress_nothing)
{
	char at[RFC3339_BYTES];
	bus = test_bus();
	start_jobs(NULL);
	start_runner(start_fake(NULL), NULL);
	forge_all("now");
	forge_all("later");
	const char *due = rfc3339_format(clock_wall_ms(&clock_system) + 1500, at);
	CHECK(is(ask(bus, "acme", "create", "{\"job_id\":\"now\",\"model\":\"gpt-fake\",\"template\":\"x\"}"), "/status", "queued"));
	ask(bus, "acme", "create",
	    text_of("{\"job_id\":\"later\",\"model\":\"gpt-fake\",\"template\":\"x\",\"run_at\":\"%s\"}", due));
	wait_status("acme", "now", "completed");
	wait_status("acme", "later", "completed");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs WHERE tenant = 'acme'"), 2);
}

TEST(job_created_twice_is_still_one)
{
	bus = test_bus();
	start_jobs(NULL);
	struct test_process *fake = start_fake(NULL);
	start_runner(fake, NULL);
	for (int i = 0; i < 2; i++) {
		ask(bus, "acme", "create", "{\"job_id\":\"twin\",\"model\":\"gpt-fake\",\"template\":\"x\"}");
		wait_status("acme", "twin", "completed");
	}
	WAIT_FOR(messages(STREAM_JOBS) == 0, "JOBS to be empty");
	CHECK_INT(fake_stat(fake, "/requests"), 1);
}

static const char *id_of(struct bus *b, const char *name)
{
	char id[BUS_PRIVATE_ID_BYTES];
	bus_private_id(b, name, id);
	return text_of("%s", id);
}

TEST(services_agree_on_ids_and_suites_do_not)
{
	struct err err;
	struct bus *one = test_bus(), *two;
	CHECK_OK(bus_open(&(struct bus_options){.url = test_nats_url(), .clock = &clock_system}, &two, &err), err);
	CHECK_OK(bus_topology_ensure(one, BUCKET_KEYS, &bus_limits_default, &err), err);
	CHECK_OK(bus_private_ids_open(one, &err), err);
	CHECK_OK(bus_private_ids_open(two, &err), err);
	const char *before = id_of(one, "final:acme.a:1");
	CHECK_SPAN(span_from(id_of(two, "final:acme.a:1")), before);
	CHECK_INT(strlen(before), BUS_PRIVATE_ID_BYTES - 1);
	CHECK_OK(bus_kv_delete(one, BUCKET_KEYS, "message-ids", &err), err);
	CHECK_OK(bus_private_ids_open(two, &err), err);
	CHECK(strcmp(id_of(two, "final:acme.a:1"), before) != 0);
	bus_close(two);
}

TEST(a_key_that_is_none_is_named)
{
	struct err err;
	bus = test_bus();
	CHECK_OK(bus_topology_ensure(bus, BUCKET_KEYS, &bus_limits_default, &err), err);
	static const char *const bad[] = {"", "00", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdefg",
	                                  "0123456789abcdef-123456789abcdef", "0123456789abcdef 123456789abcdef",
	                                  "0x23456789abcdef0x23456789abcdef"};
	for (size_t i = 0; i < countof(bad); i++) {
		CHECK_OK(bus_kv_put(bus, BUCKET_KEYS, "message-ids", span_from(bad[i]), NULL, &err), err);
		CHECK_STATUS(bus_private_ids_open(bus, &err), STATUS_INVALID);
		CHECK_HAS(err.msg, "message-ids");
	}
}
