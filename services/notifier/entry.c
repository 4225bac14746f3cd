/* Makes entries of what is on the board, and decides what is to be done about each. */
#include "entry.h"

#include <stdio.h>
#include <stdlib.h>

#include "window.h"

#define TOLD_KEY_BYTES (TENANT_ID_MAX + FINDING_FINGERPRINT_MAX + NOTIFIER_NAME_MAX + 4)

/* ---- the key of a finding's entry */

static struct span label_of(const struct finding *f, struct span name, struct arena *a)
{
	struct json v;
	return json_member(f->labels, name, &v) ? json_text(v, a) : SPAN("");
}

static struct span group_value(const struct finding *f, struct span by, struct arena *a)
{
	if (span_is(by, "source"))
		return f->source;
	if (span_is(by, "type"))
		return f->type;
	if (span_is(by, "severity"))
		return span_from(severity_names[f->severity]);
	return span_starts(by, SPAN("label:")) ? label_of(f, span_of(by.p + 6, by.n - 6), a) : SPAN("");
}

static struct span entry_key(const struct target *t, const struct finding *f, struct arena *a)
{
	enum { PARTS_MAX = 16 };
	struct span parts[PARTS_MAX];
	struct json key, v;
	char out[FINDING_FINGERPRINT_BYTES];
	size_t n = 0;
	for (struct json_iter it = json_iter(t->is.group_by); n < PARTS_MAX && json_next(&it, &key, &v);)
		parts[n++] = group_value(f, json_text(v, a), a);
	if (!n)
		return f->fingerprint;
	finding_fingerprint(parts, n, out);
	return arena_dup(a, span_from(out));
}

/* ---- gathering */

struct gathering {
	struct arena *a;
	struct entry *all;
	size_t n, cap;
	struct map by_key; /* "<tenant>.<key>" → index + 1 */
};

static struct entry *entry_for(struct gathering *g, struct span tenant, struct span key)
{
	struct span name = arena_printf(g->a, "%.*s.%.*s", SPAN_ARG(tenant), SPAN_ARG(key));
	size_t at = (size_t)(uintptr_t)map_get(&g->by_key, name);
	if (at)
		return &g->all[at - 1];
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 64;
		struct entry *all = arena_zalloc(g->a, cap * sizeof *all);
		if (g->n)
			memcpy(all, g->all, g->n * sizeof *all);
		g->all = all;
		g->cap = cap;
	}
	g->all[g->n] = (struct entry){.tenant = arena_dup(g->a, tenant), .key = arena_dup(g->a, key), .muted = true};
	map_put(&g->by_key, name, (void *)(uintptr_t)(g->n + 1));
	return &g->all[g->n++];
}

static void add_member(struct entry *e, const struct finding *f, struct arena *a)
{
	const struct finding **members = arena_alloc(a, (e->members_n + 1) * sizeof(void *));
	bool open = f->status == FINDING_OPEN;
	size_t at = open ? e->open_n : e->members_n;
	if (e->members_n)
		memcpy(members, e->members, e->members_n * sizeof(void *));
	memmove(members + at + 1, members + at, (e->members_n - at) * sizeof(void *));
	members[at] = f;
	e->members = members;
	e->members_n++;
	e->open_n += open;
	if (f->timestamp.ms > e->newest_ms)
		e->newest_ms = f->timestamp.ms;
}

static bool is_silenced(const struct map *silences, struct span name, int64_t now_ms)
{
	const struct kept *k = map_get(silences, name);
	return k && k->silence.until.ms > now_ms;
}

static const struct finding *copy_finding(const struct kept *k, struct arena *a)
{
	struct finding *f = arena_new(a, struct finding);
	struct json v = {arena_dup(a, k->value.text), k->value.type};
	struct err ignored = {0};
	return json_decode(&finding_table, v, JSON_LENIENT, a, f, &ignored) == STATUS_OK ? f : NULL;
}

static void take_told(struct entry *e, const struct target *t, const struct map *notified, struct arena *a)
{
	char name[TOLD_KEY_BYTES];
	struct err ignored = {0};
	int n = snprintf(name, sizeof name, "%.*s.%.*s.%.*s", SPAN_ARG(e->tenant), SPAN_ARG(e->key), SPAN_ARG(t->is.name));
	const struct kept *k = map_get(notified, span_of(name, (size_t)n));
	if (!k)
		return;
	struct notified *told = arena_new(a, struct notified);
	struct json v = {arena_dup(a, k->value.text), k->value.type};
	if (json_decode(&notified_table, v, JSON_LENIENT, a, told, &ignored) == STATUS_OK) {
		e->told = told;
		e->told_revision = k->revision;
	}
}

static int by_fingerprint(const void *x, const void *y)
{
	const struct finding *a = *(const struct finding *const *)x, *b = *(const struct finding *const *)y;
	if (a->status != b->status)
		return a->status == FINDING_OPEN ? -1 : 1;
	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	size_t n = a->fingerprint.n < b->fingerprint.n ? a->fingerprint.n : b->fingerprint.n;
	int order = memcmp(a->fingerprint.p, b->fingerprint.p, n);
	return order ? order : (a->fingerprint.n > b->fingerprint.n) - (a->fingerprint.n < b->fingerprint.n);
}

/* A count that grows by one is no news; one that doubles is. */
static int64_t magnitude(int64_t n)
{
	int64_t bits = 0;
	while (n >>= 1)
		bits++;
	return bits;
}

static bool is_unwatched(const struct finding *f)
{
	struct json v;
	return f->status == FINDING_RESOLVED && json_member(f->labels, SPAN(FINDING_RESOLUTION), &v) &&
	       json_text_is(v, SPAN(FINDING_UNWATCHED));
}

static void finish(struct entry *e, struct arena *a)
{
	scoped_buf text = {0};
	size_t judged = e->open_n ? e->open_n : e->members_n;
	e->unwatched = !e->open_n;
	for (size_t i = 0; i < e->members_n; i++)
		e->unwatched &= is_unwatched(e->members[i]);
	qsort(e->members, e->members_n, sizeof *e->members, by_fingerprint);
	for (size_t i = 0; i < judged; i++) {
		const struct finding *f = e->members[i];
		if (f->severity > e->severity)
			e->severity = f->severity;
		buf_printf(&text, "%.*s %u %u %lld %.*s\n%.*s\n%.*s\n", SPAN_ARG(f->fingerprint), f->severity, f->status,
		           (long long)magnitude(f->occurrences), SPAN_ARG(f->title), SPAN_ARG(f->description),
		           SPAN_ARG(f->recommendation));
	}
	const struct span all = buf_span(&text);
	finding_fingerprint(&all, 1, e->revision);
	entry_write(e, a);
}

size_t entries_of(struct board *b, const struct routing *c, const struct target *t, int64_t now_ms, struct arena *a,
                  struct entry **ret)
{
	struct gathering g = {.a = a};
	const struct map *maps = board_lock(b);
	const struct map *findings = &maps[BOARD_FINDINGS];
	for (struct map_slot *s = map_next(findings, NULL); s; s = map_next(findings, s)) {
		const struct kept *k = s->value;
		if (!routing_has(c, t, k->tenant, &k->finding))
			continue;
		const struct finding *f = copy_finding(k, a);
		if (!f)
			continue;
		struct entry *e = entry_for(&g, k->tenant, entry_key(t, f, a));
		add_member(e, f, a);
		if (f->status == FINDING_OPEN)
			e->muted &= is_silenced(&maps[BOARD_SILENCES], span_of(s->key, s->key_n), now_ms) ||
			            routing_holds_back(c, k->tenant, f, now_ms) ||
			            window_holds_back(&maps[BOARD_SILENCES], k->tenant, f, now_ms);
	}
	for (size_t i = 0; i < g.n; i++)
		take_told(&g.all[i], t, &maps[BOARD_NOTIFIED], a);
	board_unlock(b);
	for (size_t i = 0; i < g.n; i++)
		finish(&g.all[i], a);
	map_free(&g.by_key);
	*ret = g.all;
	return g.n;
}

/* Whether an open finding still holds an entry of several open. */
static bool has_open_member(const struct map *findings, const struct routing *c, const struct target *t, struct span tenant,
                            struct span key, struct arena *a)
{
	for (struct map_slot *s = map_next(findings, NULL); s; s = map_next(findings, s)) {
		const struct kept *k = s->value;
		if (k->finding.status == FINDING_OPEN && span_eq(k->tenant, tenant) && routing_has(c, t, tenant, &k->finding) &&
		    span_eq(entry_key(t, &k->finding, a), key))
			return true;
	}
	return false;
}

bool entry_is_over(const struct map *maps, const struct routing *c, const struct kept *resolved)
{
	scoped_arena a = {0};
	for (size_t i = 0; i < c->targets_n; i++) {
		const struct target *t = &c->targets[i];
		struct entry e = {.tenant = resolved->tenant};
		if (!routing_has(c, t, resolved->tenant, &resolved->finding))
			continue;
		e.key = entry_key(t, &resolved->finding, &a);
		take_told(&e, t, &maps[BOARD_NOTIFIED], &a);
		if (e.told && e.told->state != NOTIFIED_CLOSED &&
		    !has_open_member(&maps[BOARD_FINDINGS], c, t, e.tenant, e.key, &a))
			return false;
	}
	return true;
}

/* ---- deciding */

static void not_before(int64_t at_ms, int64_t *due_ms)
{
	if (at_ms < *due_ms)
		*due_ms = at_ms;
}

/* Also where the clock was set back meanwhile: what lies far ahead is over, too. */
static bool is_past(int64_t at_ms, int64_t for_ms, int64_t now_ms)
{
	return now_ms >= at_ms + for_ms || now_ms <= at_ms - for_ms;
}

static enum step step_of_open(const struct entry *e, const struct pace *pace, int64_t now_ms, int64_t *due_ms)
{
	int64_t next_ms = e->told->updated_at.ms + pace->update_every_ms;
	if (!e->open_n)
		return STEP_CLOSE;
	if (e->muted || span_is(e->told->revision, e->revision))
		return STEP_NONE;
	if (e->severity > e->told->severity || is_past(e->told->updated_at.ms, pace->update_every_ms, now_ms))
		return STEP_UPDATE;
	not_before(next_ms, due_ms);
	return STEP_NONE;
}

enum step entry_step(const struct entry *e, const struct pace *pace, int64_t now_ms, int64_t *ret_due_ms)
{
	if (!e->told)
		return e->open_n && !e->muted ? STEP_OPEN : STEP_NONE;
	switch ((enum notified_state)e->told->state) {
	case NOTIFIED_OPEN:
		return step_of_open(e, pace, now_ms, ret_due_ms);
	case NOTIFIED_CLOSED:
		return e->open_n && !e->muted ? STEP_REOPEN : STEP_NONE;
	case NOTIFIED_PENDING:
		break;
	}
	if (is_past(e->told->updated_at.ms, pace->claim_ms, now_ms))
		return STEP_TAKE_OVER;
	not_before(e->told->updated_at.ms + pace->claim_ms, ret_due_ms);
	return STEP_NONE;
}
