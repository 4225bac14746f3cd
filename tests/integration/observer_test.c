/* The observer of messages: a test passes only if all that was said on the broker keeps the contract. */
#include "tests/lib/selftest.h"
#include "tests/lib/servers.h"

#define PIECE "{\"job_id\":\"j1\",\"seq\":0,\"delta\":\"a\"}"

#define REQUEST "{\"job_id\":\"j1\"}"
#define REPLY "{\"job_id\":\"j1\",\"output_id\":\"out-j1\",\"status\":\"queued\",\"run\":2}"
#define REFUSAL "{\"error\":{\"code\":\"invalid\",\"message\":\"no\"}}"

static void publish(const char *subject, const char *reply, const char *body)
{
	struct err err;
	struct bus_out m = {.subject = subject, .reply = reply, .data = span_from(body)};
	CHECK_OK(bus_publish(test_bus(), &m, &err), err);
	CHECK_OK(bus_flush(test_bus(), 5000, &err), err);
}

/* Answers every request for a retry with the text at `arg`, as an error if it is one. */
static void answer(void *arg, const struct bus_in *m)
{
	struct err err;
	struct bus_header code = {"Nats-Service-Error-Code", SPAN("400")};
	char subject[256];
	CHECK(span_copy(m->reply, subject, sizeof subject));
	struct bus_out out = {.subject = subject, .data = span_from(arg), .headers = &code};
	out.headers_n = span_starts(out.data, SPAN("{\"error\"")) ? 1 : 0;
	CHECK_OK(bus_publish(test_bus(), &out, &err), err);
}

static void converse(const char *request, char *reply)
{
	struct err err;
	struct bus_sub *sub;
	scoped_buf got = {0};
	struct bus_out m = {.subject = "gannet.acme.jobs.retry", .data = span_from(request)};
	CHECK_OK(bus_subscribe(test_bus(), m.subject, NULL, answer, reply, &sub, &err), err);
	bool refused = bus_request(test_bus(), &m, 5000, &got, &err) != STATUS_OK;
	CHECK(refused == (reply[2] == 'e'));
	bus_unsubscribe(sub);
}

TEST(valid_requests_get_valid_replies_and_invalid_ones_errors)
{
	converse(REQUEST, (char[]){REPLY});
	converse(REQUEST, (char[]){REFUSAL});
	converse("{\"job\":\"j1\"}", (char[]){REFUSAL});
	converse("", (char[]){REFUSAL});
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

CASE(breaks_a_reply)
{
	converse(REQUEST, (char[]){"{\"job_id\":\"j1\"}"});
}

CASE(breaks_a_refusal)
{
	converse(REQUEST, (char[]){"{\"error\":{}}"});
}

CASE(accepts_a_broken_request)
{
	converse("{\"job_id\":7}", (char[]){REPLY});
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
	CHECK_INT(selftest_run("breaks_a_reply"), 1);
	CHECK_HAS(selftest_output(), ": not a valid jobs.retry.reply: ");
	CHECK_INT(selftest_run("breaks_a_refusal"), 1);
	CHECK_HAS(selftest_output(), ": not a valid error: /error");
	CHECK_INT(selftest_run("accepts_a_broken_request"), 1);
	CHECK_HAS(selftest_output(), "gannet.acme.jobs.retry: not a valid jobs.retry.request: /job_id: ");
}
