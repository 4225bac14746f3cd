/* What each submission asks for: it follows from the seed and its number. */
#include <stdio.h>

#include "contract/job.h"
#include "tests/chaos/chaos.h"

#define TRIES "\"max_retries\":25"

/* The fake provider tells them apart by the class's name in the prompt. Odd endings come with a chance, so that a job ends well in time. */
const struct class classes[] = {
    {"instant", 520, false, EXPECT_COMPLETED, "", NULL},
    {"call", 200, true, EXPECT_COMPLETED, TRIES, "\"latency\":\"5ms..60ms\""},
    {"stream", 60, true, EXPECT_COMPLETED, "\"stream\":true," TRIES,
     "\"latency\":\"5ms..40ms\",\"gap\":\"2ms\",\"tokens\":60"},
    {"slow", 60, true, EXPECT_COMPLETED, TRIES, "\"latency\":\"300ms..2500ms\""},
    {"limited", 40, true, EXPECT_COMPLETED, TRIES, "\"status\":429,\"retry-after-ms\":60,\"chance\":0.3"},
    {"flaky", 40, true, EXPECT_COMPLETED, TRIES, "\"status\":503,\"latency\":\"10ms\",\"chance\":0.3"},
    {"cut", 20, true, EXPECT_COMPLETED, TRIES, "\"fault\":\"truncated\",\"chance\":0.3"},
    {"garbled", 20, true, EXPECT_COMPLETED, TRIES, "\"fault\":\"malformed\",\"chance\":0.3"},
    {"silent", 10, true, EXPECT_COMPLETED, "\"timeout_ms\":1500," TRIES, "\"fault\":\"hang\",\"chance\":0.3"},
    {"refused", 20, true, EXPECT_FAILED, "", "\"status\":400"},
    {"broken", 10, true, EXPECT_FAILED, "\"max_retries\":1", "\"status\":500"},
};
const size_t classes_n = countof(classes);

enum { PURPOSE_SUBMISSION = 2 };

static unsigned pick_class(struct random *r)
{
	int64_t all = 0;
	for (size_t i = 0; i < classes_n; i++)
		all += classes[i].weight;
	int64_t at = random_between(r, 0, all - 1);
	unsigned i = 0;
	while ((at -= classes[i].weight) >= 0)
		i++;
	return i;
}

static enum way pick_way(struct random *r)
{
	int64_t at = random_between(r, 0, 99);
	return at < 70 ? WAY_PUBLISHED : at < 82 ? WAY_CLAIMED : at < 87 ? WAY_UNNAMED : WAY_CREATED;
}

struct submission submission_of(uint64_t seed, uint32_t n)
{
	static const char *const tenants[] = {"acme", "globex", "initech"};
	struct random r = random_stream(seed, PURPOSE_SUBMISSION, n);
	if (n % SUBMISSIONS_A_BURST < BURST)
		return (struct submission){
		    .way = WAY_PUBLISHED, .priority = PRIORITY_DEFAULT, .tenant = "noisy", .cancel_ms = -1, .duplicate_ms = -1};
	struct submission s = {.class = pick_class(&r), .way = pick_way(&r), .cancel_ms = -1, .duplicate_ms = -1};
	s.priority = (unsigned)random_between(&r, 0, PRIORITY_COUNT - 1);
	s.tenant = tenants[random_between(&r, 0, countof(tenants) - 1)];
	if (random_chance(&r, 0.06))
		s.delay_ms = random_between(&r, 500, 12000);
	bool lasts = s.delay_ms || span_is(span_from(classes[s.class].name), "slow");
	if (s.way != WAY_UNNAMED && random_chance(&r, lasts ? 0.3 : 0.02))
		s.cancel_ms = random_between(&r, 0, 1500);
	if (s.way == WAY_PUBLISHED || s.way == WAY_CLAIMED)
		s.duplicate_ms = random_chance(&r, 0.05) ? random_between(&r, 0, 4000) : -1;
	return s;
}

/* The length differs from job to job, so that bills do too. */
void submission_prompt(uint64_t seed, uint32_t n, char *out, size_t out_bytes)
{
	static const char filler[] =
	    "Gannets dive from thirty metres, wings closed, and are under water before the fish has seen them. ";
	const char *class = classes[submission_of(seed, n).class].name;
	int filler_n = (int)(n * 7 % (sizeof filler - 1));
	snprintf(out, out_bytes, "[%s] job %u: %.*s", class, n, filler_n, filler);
}
