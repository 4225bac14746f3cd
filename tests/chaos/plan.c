/* The faults: what each kind does, and a plan of them that follows from the seed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/chaos/chaos.h"

#define FIRST_MS 3000
#define GAP_LEAST_MS 300
#define GAP_MOST_MS 2000
#define REST_MS 1500 /* a target is left alone for so long after a fault */
#define DISK_FROM_MS 15000

enum { PURPOSE_PLAN = 1 };
#define TARGETS_MAX (size_t) LINK_COUNT
_Static_assert((int)LINK_COUNT >= (int)MEMBER_COUNT, "room for either");

#define BIT(x) (1u << (x))
#define SERVICES (BIT(RUNNER_1) | BIT(RUNNER_2) | BIT(JOBS_1) | BIT(JOBS_2))
#define SERVERS (BIT(BROKER) | BIT(DATABASE))
#define ALL_LINKS (BIT(LINK_COUNT) - 1)

static void kill_it(const struct fault *f)
{
	stack_stop(f->target, SIGKILL);
}
static void restart_it(const struct fault *f)
{
	stack_stop(f->target, SIGTERM);
}
static void run_it(const struct fault *f)
{
	stack_run(f->target);
}
static void pause_it(const struct fault *f)
{
	stack_pause(f->target, true);
}
static void resume_it(const struct fault *f)
{
	stack_pause(f->target, false);
}
static void jump_it(const struct fault *f)
{
	stack_jump(f->target, f->amount * 1000);
}
static void jump_back(const struct fault *f)
{
	stack_jump(f->target, 0);
}
static void cut_link(const struct fault *f)
{
	proxy_cut(stack_link(f->target));
}
static void part_link(const struct fault *f)
{
	proxy_weather(stack_link(f->target), &(struct proxy_weather){.refused = true});
	proxy_cut(stack_link(f->target));
}
static void delay_link(const struct fault *f)
{
	proxy_weather(stack_link(f->target), &(struct proxy_weather){.delay_ms = f->amount});
}
static void limit_link(const struct fault *f)
{
	proxy_weather(stack_link(f->target), &(struct proxy_weather){.bytes_per_s = f->amount * 1000});
}
static void silence_link(const struct fault *f)
{
	proxy_weather(stack_link(f->target), &(struct proxy_weather){.silent = true});
}
static void mend_link(const struct fault *f)
{
	proxy_weather(stack_link(f->target), &(struct proxy_weather){0});
}
static void fill_disk(const struct fault *f)
{
	(void)f;
	CHECK_MSG(stack_disk_full(true), "the broker's disk cannot be filled");
}
/* With its disk full the broker switches JetStream off, or hangs and hears no SIGTERM: it has to be killed and started again. */
static void empty_disk(const struct fault *f)
{
	(void)f;
	CHECK_MSG(stack_disk_full(false), "the broker's disk cannot be emptied");
	stack_stop(BROKER, SIGKILL);
	stack_run(BROKER);
}

/* The provider is never killed: it is the witness for the money. Losing its answers is the links' part. */
static const struct kind {
	const char *name;
	bool on_link;
	unsigned targets; /* bits */
	int64_t least_ms, most_ms;
	int64_t amount_least, amount_most;
	const char *amount_unit; /* NULL: no amount */
	void (*begin)(const struct fault *f);
	void (*end)(const struct fault *f);
} kinds[] = {
    {"kill", false, SERVICES | SERVERS, 0, 2500, 0, 0, NULL, kill_it, run_it},
    {"restart", false, SERVICES | SERVERS, 0, 1000, 0, 0, NULL, restart_it, run_it},
    {"pause", false, SERVICES | SERVERS | BIT(PROVIDER), 200, 6000, 0, 0, NULL, pause_it, resume_it},
    {"jump", false, SERVICES, 1000, 15000, -600, 600, "s", jump_it, jump_back},
    {"cut", true, ALL_LINKS, 0, 0, 0, 0, NULL, cut_link, NULL},
    {"part", true, ALL_LINKS, 300, 5000, 0, 0, NULL, part_link, mend_link},
    {"delay", true, ALL_LINKS, 1000, 6000, 20, 250, "ms", delay_link, mend_link},
    {"limit", true, ALL_LINKS, 1000, 6000, 20, 200, "kB/s", limit_link, mend_link},
    {"silence", true, ALL_LINKS, 500, 8000, 0, 0, NULL, silence_link, mend_link},
    {"full disk", false, BIT(BROKER), 1000, 4000, 0, 0, NULL, fill_disk, empty_disk},
};

static const char *target_name(const struct fault *f)
{
	return kinds[f->kind].on_link ? link_names[f->target] : member_names[f->target];
}

/* ---- making it */

struct card {
	unsigned kind, target;
};

/* Every kind on every process twice and on every connection once, shuffled: a short run meets many different faults. */
static size_t deal(struct card *out, struct random *r)
{
	size_t n = 0;
	for (unsigned k = 0; k < countof(kinds); k++)
		for (unsigned t = 0; t < TARGETS_MAX; t++)
			for (int i = 0; (kinds[k].targets & BIT(t)) && i < (kinds[k].on_link ? 1 : 2); i++)
				out[n++] = (struct card){k, t};
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)random_between(r, 0, (int64_t)i - 1);
		struct card c = out[i - 1];
		out[i - 1] = out[j];
		out[j] = c;
	}
	return n;
}

void plan_make(struct plan *p, uint64_t seed, int64_t duration_ms)
{
	struct random r = random_stream(seed, PURPOSE_PLAN, 0);
	struct card deck[2 * countof(kinds) * TARGETS_MAX];
	int64_t busy_ms[2][TARGETS_MAX] = {0};
	size_t left = 0;
	p->faults = calloc(FAULTS_MAX, sizeof *p->faults);
	CHECK(p->faults);
	for (int64_t at = FIRST_MS; at < duration_ms && p->n < FAULTS_MAX;
	     at += random_between(&r, GAP_LEAST_MS, GAP_MOST_MS)) {
		if (!left)
			left = deal(deck, &r);
		struct card c = deck[--left];
		const struct kind *k = &kinds[c.kind];
		struct fault f = {.at_ms = at, .kind = c.kind, .target = c.target};
		f.for_ms = random_between(&r, k->least_ms, k->most_ms);
		f.amount = random_between(&r, k->amount_least, k->amount_most);
		if (k->begin == fill_disk && f.at_ms < DISK_FROM_MS)
			f.at_ms = DISK_FROM_MS;
		int64_t *busy = &busy_ms[k->on_link][c.target];
		if (f.at_ms < *busy)
			f.at_ms = *busy;
		*busy = f.at_ms + f.for_ms + REST_MS;
		if (f.at_ms + f.for_ms < duration_ms)
			p->faults[p->n++] = f;
	}
}

/* ---- carrying it out */

static bool is_possible(const struct fault *f)
{
	return kinds[f->kind].begin != fill_disk || !stack_disk_missing();
}

static void end(struct fault *f)
{
	f->ended = true;
	if (kinds[f->kind].end)
		kinds[f->kind].end(f);
}

void plan_turn(struct plan *p, int64_t now_ms)
{
	for (size_t i = 0; i < p->n; i++) {
		struct fault *f = &p->faults[i];
		if (!f->begun && !f->ended && now_ms >= f->at_ms) {
			f->begun = is_possible(f);
			f->ended = !f->begun;
			if (f->begun)
				kinds[f->kind].begin(f);
		}
		if (f->begun && !f->ended && now_ms >= f->at_ms + f->for_ms)
			end(f);
	}
}

void plan_end(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->faults[i].begun && !p->faults[i].ended)
			end(&p->faults[i]);
}

/* ---- telling of it */

void plan_describe(const struct fault *f, char *out, size_t out_bytes)
{
	const struct kind *k = &kinds[f->kind];
	int n = snprintf(out, out_bytes, "%7.1f s  %-9s %-21s", (double)f->at_ms / 1000, k->name, target_name(f));
	if (n > 0 && k->most_ms && (size_t)n < out_bytes)
		n += snprintf(out + n, out_bytes - (size_t)n, " for %.1f s", (double)f->for_ms / 1000);
	if (n > 0 && k->amount_unit && (size_t)n < out_bytes)
		snprintf(out + n, out_bytes - (size_t)n, ", %lld %s", (long long)f->amount, k->amount_unit);
}

void plan_print(const struct plan *p)
{
	char text[160];
	for (size_t i = 0; i < p->n; i++) {
		plan_describe(&p->faults[i], text, sizeof text);
		puts(text);
	}
}

size_t plan_struck(const struct plan *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->faults[i].begun;
	return n;
}

static int struck(const struct plan *p, unsigned kind, unsigned target)
{
	int n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->faults[i].begun && p->faults[i].kind == kind && p->faults[i].target == target;
	return n;
}

static void print_table(const struct plan *p, bool links, const char *const *names, unsigned names_n)
{
	printf("\n%-22s", links ? "faults of connections" : "faults of processes");
	for (unsigned k = 0; k < countof(kinds); k++)
		if (kinds[k].on_link == links)
			printf(" %9s", kinds[k].name);
	for (unsigned t = 0; t < names_n; t++) {
		int wide = 22;
		for (const char *c = names[t]; *c; c++)
			wide += (*c & 0xc0) == 0x80; /* bytes that take no column */
		printf("\n%-*s", wide, names[t]);
		for (unsigned k = 0; k < countof(kinds); k++) {
			if (kinds[k].on_link != links)
				continue;
			kinds[k].targets &BIT(t) ? printf(" %9d", struck(p, k, t)) : printf(" %9s", "");
		}
	}
	putchar('\n');
}

void plan_print_summary(const struct plan *p)
{
	print_table(p, false, member_names, MEMBER_COUNT);
	print_table(p, true, link_names, LINK_COUNT);
}
