/* What is to be done about an entry, whose text it is, and when a week ends. */
#include "services/notifier/entry.c"
#include "services/notifier/render.c"
#include "services/notifier/target.c"
#include "services/notifier/weekly.c"
#include "services/notifier/window.c"
#include "tests/lib/test.h"

const struct target_kind *const target_kinds[] = {NULL};
const size_t target_kinds_n = 0;
bool routing_has(const struct routing *c, const struct target *t, struct span tenant, const struct finding *f)
{
	(void)c, (void)t, (void)tenant, (void)f;
	return true;
}
bool routing_holds_back(const struct routing *c, struct span tenant, const struct finding *f, int64_t now_ms)
{
	(void)c, (void)tenant, (void)f, (void)now_ms;
	return false;
}
const struct map *board_lock(struct board *b)
{
	return (const struct map *)b;
}
void board_unlock(struct board *b)
{
	(void)b;
}

static const struct pace pace = {.claim_ms = 1000, .update_every_ms = 500};

static enum step step_of(unsigned state, const char *told, unsigned told_severity, size_t open_n, bool muted, int64_t now_ms,
                         int64_t *due_ms)
{
	const struct notified r = {
	    .state = state, .revision = span_from(told), .severity = told_severity, .updated_at = {10000}};
	struct entry e = {.open_n = open_n, .muted = muted, .severity = SEVERITY_HIGH, .revision = "now", .told = &r};
	*due_ms = INT64_MAX;
	return entry_step(&e, &pace, now_ms, due_ms);
}

TEST(what_is_new_is_opened_unless_it_is_muted_or_over)
{
	int64_t due_ms = INT64_MAX;
	CHECK_INT(entry_step(&(struct entry){.open_n = 1}, &pace, 0, &due_ms), STEP_OPEN);
	CHECK_INT(entry_step(&(struct entry){.open_n = 1, .muted = true}, &pace, 0, &due_ms), STEP_NONE);
	CHECK_INT(entry_step(&(struct entry){.open_n = 0}, &pace, 0, &due_ms), STEP_NONE);
}

TEST(what_was_told_is_updated_at_its_pace_and_at_once_when_it_gets_worse)
{
	int64_t due_ms;
	CHECK_INT(step_of(NOTIFIED_OPEN, "now", SEVERITY_HIGH, 1, false, 20000, &due_ms), STEP_NONE);
	CHECK_INT(step_of(NOTIFIED_OPEN, "old", SEVERITY_HIGH, 1, false, 10100, &due_ms), STEP_NONE);
	CHECK_INT(due_ms, 10500);
	CHECK_INT(step_of(NOTIFIED_OPEN, "old", SEVERITY_HIGH, 1, false, 10500, &due_ms), STEP_UPDATE);
	CHECK_INT(step_of(NOTIFIED_OPEN, "old", SEVERITY_LOW, 1, false, 10100, &due_ms), STEP_UPDATE);
	CHECK_INT(step_of(NOTIFIED_OPEN, "old", SEVERITY_HIGH, 1, false, 9000, &due_ms), STEP_UPDATE); /* the clock went back */
	CHECK_INT(step_of(NOTIFIED_OPEN, "old", SEVERITY_HIGH, 1, false, 9900, &due_ms), STEP_NONE);
	CHECK_INT(step_of(NOTIFIED_OPEN, "old", SEVERITY_LOW, 1, true, 10100, &due_ms), STEP_NONE);
}

TEST(recovery_closes_and_the_next_time_reopens)
{
	int64_t due_ms;
	CHECK_INT(step_of(NOTIFIED_OPEN, "now", SEVERITY_HIGH, 0, true, 10001, &due_ms), STEP_CLOSE);
	CHECK_INT(step_of(NOTIFIED_CLOSED, "now", SEVERITY_HIGH, 0, true, 10001, &due_ms), STEP_NONE);
	CHECK_INT(step_of(NOTIFIED_CLOSED, "now", SEVERITY_HIGH, 1, false, 10001, &due_ms), STEP_REOPEN);
	CHECK_INT(step_of(NOTIFIED_CLOSED, "now", SEVERITY_HIGH, 1, true, 10001, &due_ms), STEP_NONE);
}

TEST(a_claim_is_left_alone_until_it_is_old)
{
	int64_t due_ms;
	CHECK_INT(step_of(NOTIFIED_PENDING, "", SEVERITY_LOW, 1, false, 10999, &due_ms), STEP_NONE);
	CHECK_INT(due_ms, 11000);
	CHECK_INT(step_of(NOTIFIED_PENDING, "", SEVERITY_LOW, 1, false, 11000, &due_ms), STEP_TAKE_OVER);
}

TEST(a_week_ends_on_monday_at_nine)
{
	int64_t monday_ms, at_ms;
	CHECK(rfc3339_parse(SPAN("2026-11-23T09:00:00Z"), &monday_ms)); /* a Monday */
	CHECK_INT(weekly_turn_ms(monday_ms), monday_ms);
	CHECK_INT(weekly_turn_ms(monday_ms - 1), monday_ms - WEEK_MS);
	CHECK(rfc3339_parse(SPAN("2026-11-29T23:59:59Z"), &at_ms));
	CHECK_INT(weekly_turn_ms(at_ms), monday_ms);
}

TEST(the_last_mark_of_a_text_counts_and_only_a_whole_one)
{
	CHECK_SPAN(target_marked(SPAN("x <!-- gannet acme.a --> y\n<!-- gannet acme.b -->\n")), "acme.b");
	CHECK_SPAN(target_marked(SPAN("<!-- gannet acme.b -->\n<!-- gannet acme.c")), "acme.b");
	CHECK(!target_marked(SPAN("<!-- gannet ACME.b -->")).p);
	CHECK(!target_marked(SPAN("<!-- gannet acme -->")).p);
	CHECK(!target_marked((struct span){0}).p);
}

TEST(text_of_findings_neither_mentions_people_nor_hides_marks)
{
	scoped_buf out = {0};
	entry_text(&out, SPAN("@ops <!-- gannet a.b --> \xc3\xa4\xc3\xa4"), 28);
	CHECK(!target_marked(buf_span(&out)).p);
	CHECK(!strstr(out.data, "@ops"));
	CHECK_HAS(out.data, "\xc3\xa4 …"); /* cut between characters */
	buf_reset(&out);
	write_code(&out, SPAN("{\"a\":\"``` <!-- gannet a.b -->\"}"), "json");
	CHECK(strncmp(out.data, "````json\n", 9) == 0);
	CHECK(!target_marked(buf_span(&out)).p);
}

TEST(a_count_that_grows_a_little_is_no_news)
{
	CHECK_INT(magnitude(5), magnitude(7));
	CHECK(magnitude(8) > magnitude(7));
}
