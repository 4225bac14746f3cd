/* Snapshots: what is known of each metric, and where one is found. */
#include "contract/snapshot.h"
#include "tests/lib/test.h"

static struct snapshot with_metrics(const char *metrics)
{
	struct snapshot s = {0};
	struct err err;
	CHECK_OK(json_parse(span_from(metrics), &s.metrics, &err), err);
	return s;
}

TEST(what_is_known_of_a_metric_is_read_by_its_name)
{
	struct snapshot s = with_metrics("{\"a\":{\"status\":\"ok\",\"age_ms\":3,\"source\":\"sql-1\"},"
	                                 "\"b\":{\"status\":\"stale\",\"age_ms\":60000,\"source\":\"x\"},"
	                                 "\"c\":{\"status\":\"error\",\"source\":\"y\"}}");
	struct snapshot_metric m;
	CHECK(snapshot_metric(&s, "a", &m) && m.status == METRIC_OK && m.age_ms == 3);
	CHECK_SPAN(m.source, "sql-1");
	CHECK(snapshot_metric(&s, "b", &m) && m.status == METRIC_STALE && m.age_ms == 60000);
	CHECK(snapshot_metric(&s, "c", &m) && m.status == METRIC_ERROR && m.age_ms == -1);
	CHECK(!snapshot_metric(&s, "d", &m));
}

TEST(a_status_that_this_version_does_not_know_is_no_value_to_rely_on)
{
	struct snapshot s = with_metrics("{\"a\":{\"status\":\"guessed\",\"age_ms\":3,\"source\":\"x\"},\"b\":7}");
	struct snapshot_metric m;
	CHECK(snapshot_metric(&s, "a", &m) && m.status == METRIC_ERROR);
	CHECK(!snapshot_metric(&s, "b", &m));
}

TEST(a_snapshot_has_its_key_and_its_subject_by_tenant)
{
	char key[SNAPSHOT_KEY_BYTES], subject[SNAPSHOT_SUBJECT_BYTES], longest[SNAPSHOT_KEY_BYTES];
	snapshot_key(SPAN("acme"), key);
	snapshot_subject(SPAN("acme"), subject);
	CHECK(strcmp(key, "acme.snapshot") == 0);
	CHECK(strcmp(subject, "gannet.acme.snapshot.taken") == 0);
	snapshot_key(SPAN("abcdefghijklmnopqrstuvwxyz012345"), longest);
	CHECK(strcmp(longest, "abcdefghijklmnopqrstuvwxyz012345.snapshot") == 0);
}
