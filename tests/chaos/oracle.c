/* Judges the account: each rule is one promise, with the first job that breaks it. */
#include <stdio.h>

#include "contract/job.h"
#include "tests/chaos/chaos.h"

/* Of gpt-4o-mini, as OpenAI publishes it: 0.15 and 0.60 dollars per million tokens. */
#define INPUT_NANOUSD 150
#define OUTPUT_NANOUSD 600

/* What is wrong with one submission; NULL when nothing is. Texts may be static or `out`. */
typedef const char *(*entry_rule)(const struct account *a, uint32_t n, char *out, size_t out_bytes);

static bool ended(const struct entry *e)
{
	return e->finals;
}

static const char *not_missing(const struct account *a, uint32_t n, char *out, size_t out_bytes)
{
	const struct entry *e = &a->entries[n];
	(void)out, (void)out_bytes;
	return e->stored && !ended(e) ? "was acknowledged and has no final event" : NULL;
}

static const char *not_twice(const struct account *a, uint32_t n, char *out, size_t out_bytes)
{
	const struct entry *e = &a->entries[n];
	snprintf(out, out_bytes, "has %u final events, and %u under other ids", e->finals, e->other_ids);
	return (e->finals > 1 || e->other_ids) && !e->late ? out : NULL;
}

static const char *recorded_once(const struct account *a, uint32_t n, char *out, size_t out_bytes)
{
	const struct entry *e = &a->entries[n];
	snprintf(out, out_bytes, "has %u records", e->rows);
	return (e->stored || ended(e)) && e->rows != 1 ? out : NULL;
}

static unsigned status_of(unsigned state)
{
	return state == JOB_EVENT_COMPLETED ? JOB_COMPLETED : state == JOB_EVENT_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
}

static const char *states_agree(const struct account *a, uint32_t n, char *out, size_t out_bytes)
{
	const struct entry *e = &a->entries[n];
	if (!ended(e) || !e->rows)
		return NULL;
	snprintf(out, out_bytes, "EVENTS say %s, the record says %s", job_state_names[e->state],
	         job_status_names[e->row_status]);
	return e->row_status != status_of(e->state) ? out : NULL;
}

static const char *sums_agree(const struct account *a, uint32_t n, char *out, size_t out_bytes)
{
	const struct entry *e = &a->entries[n];
	if (e->state != JOB_EVENT_COMPLETED || !ended(e) || !e->rows)
		return NULL;
	int64_t tokens = e->input < 0 ? -1 : e->input + e->output;
	snprintf(out, out_bytes, "EVENTS say %lld tokens and %lld nano-dollars, the record %d and %lld", (long long)tokens,
	         (long long)e->cost_nanousd, e->row_tokens, (long long)e->row_cost_nanousd);
	return tokens != e->row_tokens || e->cost_nanousd != e->row_cost_nanousd ? out : NULL;
}

/* A job that ran and died with its worker too often is given up, and says so: that is a promise kept, too. */
static const char *ends_as_expected(const struct account *a, uint32_t n, char *out, size_t out_bytes)
{
	const struct entry *e = &a->entries[n];
	const struct class *c = &classes[submission_of(a->seed, n).class];
	if (!ended(e) || e->poison || (e->state == JOB_EVENT_CANCELLED && e->cancel != CANCEL_NOT_ASKED))
		return NULL;
	enum job_state wanted = c->expected == EXPECT_COMPLETED ? JOB_EVENT_COMPLETED : JOB_EVENT_FAILED;
	snprintf(out, out_bytes, "of class %s has %s", c->name, job_state_names[e->state]);
	return e->state != wanted ? out : NULL;
}

static const char *cancelled_as_told(const struct account *a, uint32_t n, char *out, size_t out_bytes)
{
	const struct entry *e = &a->entries[n];
	snprintf(out, out_bytes, "was said to be cancelled and has %s", ended(e) ? job_state_names[e->state] : "not ended");
	return e->cancel == CANCEL_DONE && (!ended(e) || e->state != JOB_EVENT_CANCELLED) ? out : NULL;
}

static int64_t cost_of(int64_t input, int64_t output)
{
	return input * INPUT_NANOUSD + output * OUTPUT_NANOUSD;
}

/* All answers to a job cost the same, as they follow from its prompt; which one was recorded does not matter. */
static const char *paid_as_billed(const struct account *a, uint32_t n, char *out, size_t out_bytes)
{
	const struct entry *e = &a->entries[n];
	if (!ended(e) || e->state != JOB_EVENT_COMPLETED)
		return NULL;
	if (!classes[submission_of(a->seed, n).class].asks)
		return e->cost_nanousd == 0 ? NULL : "was answered by nobody and cost something";
	snprintf(out, out_bytes, "recorded %d+%d tokens for %lld nano-dollars, the provider answered %u times with %d+%d",
	         e->input, e->output, (long long)e->cost_nanousd, e->answers, e->answer_input, e->answer_output);
	bool same = e->answers && !e->answers_differ && e->input == e->answer_input && e->output == e->answer_output &&
	            e->cost_nanousd == cost_of(e->answer_input, e->answer_output);
	return same ? NULL : out;
}

static const struct {
	const char *name;
	entry_rule broken;
} entry_rules[] = {
    {"every acknowledged submission has ended", not_missing},
    {"no submission has ended twice", not_twice},
    {"every submission has exactly one record", recorded_once},
    {"events and records agree on how each ended", states_agree},
    {"events and records agree on tokens and costs", sums_agree},
    {"every job ended as its answers had it", ends_as_expected},
    {"what was said to be cancelled is cancelled", cancelled_as_told},
    {"each bill is one the provider wrote for that job", paid_as_billed},
};

static size_t passed, failed;

static void tell(const char *rule, bool ok, const char *why)
{
	*(ok ? &passed : &failed) += 1;
	printf("%-4s %s%s%s\n", ok ? "ok" : "FAIL", rule, ok || !*why ? "" : ": ", ok ? "" : why);
}

static void judge_entries(const struct account *a, size_t rule, FILE *list)
{
	char text[160], why[320] = "";
	uint32_t broken = 0;
	for (uint32_t n = 0; n < a->n; n++) {
		const char *wrong = entry_rules[rule].broken(a, n, text, sizeof text);
		if (!wrong)
			continue;
		fprintf(list, "%s: job %u (%s, class %s) %s\n", entry_rules[rule].name, n, a->entries[n].id,
		        classes[submission_of(a->seed, n).class].name, wrong);
		if (!broken++)
			snprintf(why, sizeof why, "job %u (%s) %s", n, a->entries[n].id[0] ? a->entries[n].id : "?", wrong);
	}
	size_t used = strlen(why);
	if (broken > 1)
		snprintf(why + used, sizeof why - used, "; %u more", broken - 1);
	tell(entry_rules[rule].name, !broken, why);
}

struct balance {
	uint32_t submitted, by[JOB_CANCELLED + 1], unacknowledged, unacknowledged_ended, poison, late;
	int64_t records[JOB_CANCELLED + 1];
	int64_t cost, bills, repeated, repeated_cost;
};

static struct balance balance_of(const struct account *a)
{
	struct balance b = {0};
	for (uint32_t n = 0; n < a->n; n++) {
		const struct entry *e = &a->entries[n];
		b.submitted += e->stored;
		b.unacknowledged += e->sent && !e->stored;
		b.unacknowledged_ended += !e->stored && ended(e);
		b.poison += e->poison;
		b.late += e->late;
		if (e->stored && ended(e))
			b.by[status_of(e->state)]++;
		if (e->rows && e->row_status <= JOB_CANCELLED)
			b.records[e->row_status] += e->rows;
		if (ended(e) && e->state == JOB_EVENT_COMPLETED && e->cost_nanousd > 0) {
			b.cost += e->cost_nanousd;
			b.bills += e->answers ? cost_of(e->answer_input, e->answer_output) : 0;
		}
		uint16_t needed = ended(e) && e->state == JOB_EVENT_COMPLETED;
		if (e->answers > needed) {
			b.repeated += e->answers - needed;
			b.repeated_cost += (e->answers - needed) * cost_of(e->answer_input, e->answer_output);
		}
	}
	return b;
}

static void judge_sums(const struct verdict *v, const struct balance *b)
{
	char why[200];
	const struct provider_books *p = v->books;
	snprintf(why, sizeof why, "%u submitted, %u completed + %u failed + %u cancelled", b->submitted,
	         b->by[JOB_COMPLETED], b->by[JOB_FAILED], b->by[JOB_CANCELLED]);
	tell("submitted = completed + failed + cancelled",
	     b->submitted == b->by[JOB_COMPLETED] + b->by[JOB_FAILED] + b->by[JOB_CANCELLED], why);
	int64_t provider = cost_of(p->input, p->output);
	snprintf(why, sizeof why, "%lld recorded + %lld for answers lost on the way, and the provider wrote %lld",
	         (long long)b->cost, (long long)b->repeated_cost, (long long)provider);
	tell("the provider's bill = costs recorded + answers lost on the way",
	     b->cost == b->bills && b->cost + b->repeated_cost == provider && !p->lost && !p->unknown, why);
	bool same = true;
	for (int s = JOB_PENDING; s <= JOB_CANCELLED; s++)
		same &= v->evidence->counted[s] == b->records[s];
	snprintf(why, sizeof why, "completed %lld and %lld, failed %lld and %lld, cancelled %lld and %lld",
	         (long long)v->evidence->counted[JOB_COMPLETED], (long long)b->records[JOB_COMPLETED],
	         (long long)v->evidence->counted[JOB_FAILED], (long long)b->records[JOB_FAILED],
	         (long long)v->evidence->counted[JOB_CANCELLED], (long long)b->records[JOB_CANCELLED]);
	tell("the counters of states equal the records", same, why);
}

static void judge_rest(const struct verdict *v)
{
	const struct evidence *e = v->evidence;
	char why[320];
	snprintf(why, sizeof why, "%lld events, %lld records, %lld calls; %s", (long long)e->unknown_events,
	         (long long)e->unknown_rows, (long long)v->books->unknown, e->unknown);
	tell("nothing is there that nobody submitted", !e->unknown_events && !e->unknown_rows && !v->books->unknown, why);
	tell("no good request was refused", !v->account->refused, v->account->complaint);
	tell("all was settled in time once the faults were over", !v->unsettled[0], v->unsettled);
	tell("every program ended when and as it was told to", !v->bad_ends[0], v->bad_ends);
}

static void print_balance(const struct verdict *v, const struct balance *b)
{
	const struct account *a = v->account;
	printf("\nsubmitted %u = completed %u + failed %u + cancelled %u\n", b->submitted, b->by[JOB_COMPLETED],
	       b->by[JOB_FAILED], b->by[JOB_CANCELLED]);
	printf("published again %u (%u of them after the horizon), cancellations asked %u, given up as poison %u, never "
	       "acknowledged %u (%u of them ran)\n",
	       a->duplicates, b->late, a->cancels, b->poison, b->unacknowledged, b->unacknowledged_ended);
	printf("events %lld, records %lld; calls %lld, answers %lld, of which lost on the way or for nothing %lld\n",
	       (long long)v->evidence->events, (long long)v->evidence->rows, (long long)v->books->calls,
	       (long long)v->books->answers, (long long)b->repeated);
	printf("recorded $%.6f, the provider's bill $%.6f, the difference is those %lld answers: $%.6f\n\n",
	       (double)b->cost / 1e9, (double)cost_of(v->books->input, v->books->output) / 1e9, (long long)b->repeated,
	       (double)b->repeated_cost / 1e9);
}

size_t oracle_judge(const struct verdict *v, FILE *list, size_t *ret_passed)
{
	struct balance b = balance_of(v->account);
	print_balance(v, &b);
	for (size_t i = 0; i < countof(entry_rules); i++)
		judge_entries(v->account, i, list);
	judge_sums(v, &b);
	judge_rest(v);
	*ret_passed = passed;
	return failed;
}
