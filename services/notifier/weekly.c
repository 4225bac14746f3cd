/* Counts what a week brought, from the stream of findings and the board. */
#include "weekly.h"

#include <pthread.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "core/log.h"
#include "core/wait.h"

#define DAY_MS (24ll * 3600 * 1000)
#define WEEK_MS (7 * DAY_MS)
#define MONDAY_NINE_MS (4 * DAY_MS + 9ll * 3600 * 1000) /* 1970-01-05, the first Monday */
#define READ_MAX_S 10
#define WORST_SHOWN 10
#define TENANTS_MAX 1024

int64_t weekly_turn_ms(int64_t now_ms)
{
	return (now_ms - MONDAY_NINE_MS) / WEEK_MS * WEEK_MS + MONDAY_NINE_MS;
}

/* ---- what the stream has of the week */

struct week {
	int64_t from_ms;
	int64_t opened, resolved;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool caught_up;
};

static void on_finding(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	struct week *w = arg;
	scoped_arena a = {0};
	struct json v;
	struct finding f;
	struct err ignored = {0};
	(void)sequence;
	if (stored_ms < w->from_ms || json_parse(m->data, &v, &ignored) != STATUS_OK ||
	    json_decode(&finding_table, v, JSON_LENIENT, &a, &f, &ignored) != STATUS_OK)
		return;
	w->resolved += f.status == FINDING_RESOLVED;
	w->opened += f.status == FINDING_OPEN && (f.first_seen.ms ? f.first_seen.ms : f.timestamp.ms) >= w->from_ms;
}

static void on_read(void *arg)
{
	struct week *w = arg;
	pthread_mutex_lock(&w->lock);
	w->caught_up = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void read_week(struct bus *bus, struct span tenant, struct week *w)
{
	char filter[96];
	struct bus_follow *f;
	struct err err = {0};
	snprintf(filter, sizeof filter, "gannet.%.*s.findings.*.*", SPAN_ARG(tenant));
	const struct bus_follow_options o = {
	    .stream = STREAM_FINDINGS, .filter = filter, .message = on_finding, .caught_up = on_read, .arg = w};
	pthread_mutex_init(&w->lock, NULL);
	wait_cond_init(&w->changed);
	if (bus_follow_open(bus, &o, &f, &err) != STATUS_OK) {
		log_error("the week's findings cannot be read", &err);
	} else {
		struct timespec until = wait_until(READ_MAX_S * 1000);
		pthread_mutex_lock(&w->lock);
		while (!w->caught_up && pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0)
			;
		pthread_mutex_unlock(&w->lock);
		bus_follow_close(f);
	}
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
}

/* ---- what is open */

struct open_now {
	int64_t by_severity[SEVERITY_COUNT], all;
	struct buf worst;
	size_t worst_n;
};

static void look_at_board(struct board *b, struct span tenant, struct open_now *o)
{
	const struct map *findings = &board_lock(b)[BOARD_FINDINGS];
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_LOW; severity--)
		for (struct map_slot *s = map_next(findings, NULL); s; s = map_next(findings, s)) {
			const struct kept *k = s->value;
			if (!span_eq(k->tenant, tenant) || k->finding.status != FINDING_OPEN || (int)k->finding.severity != severity)
				continue;
			o->by_severity[severity]++;
			o->all++;
			if (o->worst_n++ < WORST_SHOWN) {
				buf_printf(&o->worst, "- **%s** %.*s: ", severity_names[severity], SPAN_ARG(k->finding.source));
				entry_text(&o->worst, k->finding.title, FINDING_TITLE_MAX);
				buf_addc(&o->worst, '\n');
			}
		}
	board_unlock(b);
}

static void write_summary(struct bus *bus, struct board *b, struct entry *e, int64_t turn_ms, struct arena *a)
{
	struct week week = {.from_ms = turn_ms - WEEK_MS};
	struct open_now now = {0};
	scoped_buf body = {0};
	read_week(bus, e->tenant, &week);
	look_at_board(b, e->tenant, &now);
	buf_printf(&body, "%lld opened and %lld resolved in the week, %lld open now.\n\n", (long long)week.opened,
	           (long long)week.resolved, (long long)now.all);
	buf_adds(&body, "| severity | open |\n|---|---|\n");
	for (int i = SEVERITY_CRITICAL; i >= SEVERITY_LOW; i--)
		buf_printf(&body, "| %s | %lld |\n", severity_names[i], (long long)now.by_severity[i]);
	if (now.all)
		buf_printf(&body, "\n### The worst\n\n%s", now.worst.data);
	e->body = arena_dup(a, buf_span(&body));
	buf_free(&now.worst);
}

/* ---- entries */

static size_t tenants_of(struct board *b, struct arena *a, struct span tenants[TENANTS_MAX])
{
	size_t n = 0;
	const struct map *findings = &board_lock(b)[BOARD_FINDINGS];
	for (struct map_slot *s = map_next(findings, NULL); s && n < TENANTS_MAX; s = map_next(findings, s)) {
		const struct kept *k = s->value;
		size_t i = 0;
		while (i < n && !span_eq(tenants[i], k->tenant))
			i++;
		if (i == n)
			tenants[n++] = arena_dup(a, k->tenant);
	}
	board_unlock(b);
	return n;
}

static bool was_told(struct board *b, const struct target *t, struct entry *e, struct arena *a)
{
	struct span name = arena_printf(a, "%.*s.%.*s.%.*s", SPAN_ARG(e->tenant), SPAN_ARG(e->key), SPAN_ARG(t->is.name));
	const struct kept *k = map_get(&board_lock(b)[BOARD_NOTIFIED], name);
	struct notified *told = arena_new(a, struct notified);
	if (k) {
		*told = (struct notified){.entry = e->key,
		                          .target = t->is.name,
		                          .state = k->notified.state,
		                          .reference = arena_dup(a, k->notified.reference),
		                          .url = arena_dup(a, k->notified.url),
		                          .revision = arena_dup(a, k->notified.revision),
		                          .opened_at = k->notified.opened_at,
		                          .updated_at = k->notified.updated_at};
		e->told = told;
		e->told_revision = k->revision;
	}
	board_unlock(b);
	return e->told && e->told->state != NOTIFIED_PENDING;
}

size_t weekly_entries(struct bus *bus, struct board *b, const struct target *t, int64_t now_ms, struct arena *a,
                      struct entry **entries, size_t n)
{
	int64_t turn_ms = weekly_turn_ms(now_ms);
	char date[RFC3339_BYTES], key[FINDING_FINGERPRINT_BYTES];
	struct span tenants[TENANTS_MAX];
	if (!t->is.weekly_summary.v || now_ms - turn_ms > WEEKLY_LATE_MS)
		return n;
	size_t tenants_n = tenants_of(b, a, tenants);
	struct entry *all = arena_zalloc(a, (n + tenants_n + 1) * sizeof *all);
	if (n)
		memcpy(all, *entries, n * sizeof *all);
	rfc3339_format(turn_ms, date);
	for (size_t i = 0; i < tenants_n; i++) {
		const struct span parts[] = {SPAN("weekly"), tenants[i], span_of(date, 10)};
		finding_fingerprint(parts, countof(parts), key);
		struct entry e = {.tenant = tenants[i], .key = arena_dup(a, span_from(key)), .open_n = 1, .newest_ms = turn_ms};
		snprintf(e.revision, sizeof e.revision, "weekly");
		e.title = arena_printf(a, "Findings of the week to %.10s", date);
		if (!was_told(b, t, &e, a))
			write_summary(bus, b, &e, turn_ms, a);
		all[n++] = e;
	}
	*entries = all;
	return n;
}
