/* The observer of messages: a test passes only if all that was said on the broker keeps the contract. */
#include "tests/lib/selftest.h"
#include "tests/lib/servers.h"

#define PIECE "{\"job_id\":\"j1\",\"seq\":0,\"delta\":\"a\"}"

static void publish(const char *subject, const char *reply, const char *body)
{
	struct err err;
	struct bus_out m = {.subject = subject, .reply = reply, .data = span_from(body)};
	CHECK_OK(bus_publish(test_bus(), &m, &err), err);
	CHECK_OK(bus_flush(test_bus(), 5000, &err), err);
}

TEST(valid_messages_and_foreign_subjects_pass)
{
	for (int i = 0; i < 1000; i++)
		publish("gannet.acme.jobs.stream.j1", NULL, PIECE);
	publish("elsewhere.x", NULL, "not JSON");
}

TEST(what_a_test_breaks_on_purpose_passes)
{
	test_expect_invalid("gannet.acme.jobs.stream.");
	publish("gannet.acme.jobs.stream.j1", NULL, "{");
}

TEST(observing_survives_a_broker_that_is_gone)
{
	publish("gannet.acme.jobs.stream.j1", NULL, PIECE);
	test_nats_kill(9);
}

CASE(breaks_the_schema)
{
	publish("gannet.acme.jobs.stream.j1", NULL, PIECE);
	publish("gannet.acme.jobs.stream.j1", NULL, "{\"job_id\":\"j1\",\"seq\":-1}");
}

CASE(says_no_json)
{
	test_expect_invalid("gannet.other.");
	publish("gannet.acme.jobs.stream.j1", NULL, "{");
}

CASE(uses_an_unknown_subject)
{
	publish("gannet.acme.nothing.like.it", NULL, "{}");
}

CASE(breaks_a_bucket)
{
	publish("$KV.workers.w1", NULL, "{\"worker_id\":1}");
}

TEST(a_message_that_breaks_the_contract_fails_the_test)
{
	CHECK_INT(selftest_run("breaks_the_schema"), 1);
	CHECK_HAS(selftest_output(),
	          "1 messages break the contract:\ngannet.acme.jobs.stream.j1: not a valid job.stream: /seq: ");
	CHECK_INT(selftest_run("says_no_json"), 1);
	CHECK_HAS(selftest_output(), "gannet.acme.jobs.stream.j1: not a valid job.stream: ");
	CHECK_INT(selftest_run("uses_an_unknown_subject"), 1);
	CHECK_HAS(selftest_output(), "gannet.acme.nothing.like.it: no row of the contract has this subject");
	CHECK_INT(selftest_run("breaks_a_bucket"), 1);
	CHECK_HAS(selftest_output(), "$KV.workers.w1: not a valid worker.info: ");
}
