/* Findings of watches that are in the configuration no more: nobody looks again, so they are closed after a while. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "core/map.h"
#include "services/watchers/watcher.h"

#define LOOK_EVERY_MS 600000              /* at most */
#define RESOLVED_KEPT_MS (7ll * 86400000) /* where no notifier takes what is resolved away */

struct unwatched {
	struct watchers *w;
	struct map since; /* "<tenant>.<watch>" → int64_t: the moment (monotonic) it was missed first */
	int64_t looked_mono_ms;
};

struct unwatched *unwatched_new(struct watchers *w)
{
	struct unwatched *u = calloc(1, sizeof *u);
	if (!u)
		abort();
	u->w = w;
	u->looked_mono_ms = INT64_MIN;
	return u;
}

static void forget(struct unwatched *u)
{
	for (struct map_slot *s = map_next(&u->since, NULL); s; s = map_next(&u->since, s))
		free(s->value);
	map_free(&u->since);
}

void unwatched_free(struct unwatched *u)
{
	if (!u)
		return;
	forget(u);
	free(u);
}

/* ---- what is there */

struct looking {
	const struct watchers_config *config;
	struct arena *arena;
	struct noted {
		struct noted *next;
		struct finding_kept is;
	} *noted; /* not watched any more, or resolved */
};

static bool is_watched(const struct watchers_config *c, const struct finding_kept *k)
{
	for (size_t i = 0; i < c->watches_n; i++)
		if (span_eq(c->watches[i].name, k->watch) && span_eq(c->watches[i].tenant, k->tenant))
			return true;
	return false;
}

/* Others may have a label called watch, too. */
static bool is_of_a_watcher(const struct finding *f)
{
	for (size_t i = 0; i < watcher_kinds_n; i++)
		if (span_is(f->source, watcher_kinds[i]->source ? watcher_kinds[i]->source : watcher_kinds[i]->name))
			return true;
	return false;
}

static void look_at(void *arg, const struct finding_kept *k)
{
	struct looking *l = arg;
	bool fine = k->finding.status == FINDING_OPEN && is_watched(l->config, k);
	if (fine || !is_of_a_watcher(&k->finding))
		return;
	struct noted *n = arena_new(l->arena, struct noted);
	n->is = *k;
	n->next = l->noted;
	l->noted = n;
}

/* ---- what is done about it */

/* When the watch was missed first; what is known of watches that are back is dropped. */
static int64_t since_when(struct unwatched *u, struct map *now, const struct finding_kept *k, struct arena *a)
{
	struct span name = arena_printf(a, "%.*s.%.*s", SPAN_ARG(k->tenant), SPAN_ARG(k->watch));
	int64_t *since = map_get(now, name);
	if (!since) {
		since = map_del(&u->since, name);
		if (!since) {
			since = malloc(sizeof *since);
			if (!since)
				abort();
			*since = clock_mono_ms(u->w->clock);
		}
		map_put(now, name, since);
	}
	return *since;
}

/* With one label more. */
static struct json mark_unwatched(struct json labels, struct arena *a)
{
	scoped_buf text = {0};
	struct json key, v;
	struct json_writer w = {.out = &text};
	json_begin_object(&w);
	for (struct json_iter it = json_iter(labels); json_next(&it, &key, &v);) {
		if (json_text_is(key, SPAN(FINDING_RESOLUTION)))
			continue;
		json_key(&w, json_text(key, a));
		json_put(&w, v);
	}
	json_kv_cstr(&w, FINDING_RESOLUTION, FINDING_UNWATCHED);
	json_end_object(&w);
	return (struct json){arena_dup(a, buf_span(&text)), JSON_OBJECT};
}

/* The bucket first: of several replicas one gets through, and none where a run wrote it meanwhile. */
static enum status close_one(struct unwatched *u, const struct finding_kept *k, struct arena *a, struct err *err)
{
	char key[128], turn[64];
	scoped_buf body = {0};
	uint64_t revision;
	struct finding f = k->finding;
	snprintf(key, sizeof key, "%.*s.%.*s", SPAN_ARG(k->tenant), SPAN_ARG(f.fingerprint));
	snprintf(turn, sizeof turn, FINDING_UNWATCHED "-%" PRId64, f.timestamp.ms);
	f.status = FINDING_RESOLVED;
	f.timestamp.ms = clock_wall_ms(u->w->clock);
	f.labels = mark_unwatched(f.labels, a);
	json_encode(&finding_table, &f, &(struct json_writer){.out = &body});
	enum status s = bus_kv_update(u->w->bus, BUCKET_FINDINGS, key, buf_span(&body), k->revision, &revision, err);
	if (s == STATUS_CONFLICT)
		return STATUS_OK;
	if (s == STATUS_OK)
		s = finding_publish(u->w->bus, k->tenant, &f, turn, err);
	if (s == STATUS_OK)
		log_fields(LOG_INFO, "a finding is no longer watched and closed", LOG_S("tenant", k->tenant),
		           LOG_S("watch", k->watch), LOG_S("fingerprint", f.fingerprint));
	return s;
}

static enum status act_on(struct unwatched *u, struct map *now, const struct finding_kept *k, struct arena *a,
                          struct err *err)
{
	char key[128];
	bool old = clock_wall_ms(u->w->clock) - k->finding.timestamp.ms > RESOLVED_KEPT_MS;
	if (k->finding.status == FINDING_OPEN)
		return clock_mono_ms(u->w->clock) - since_when(u, now, k, a) < u->w->env->unwatched_ms ? STATUS_OK
		                                                                                       : close_one(u, k, a, err);
	snprintf(key, sizeof key, "%.*s.%.*s", SPAN_ARG(k->tenant), SPAN_ARG(k->finding.fingerprint));
	return old ? bus_kv_delete(u->w->bus, BUCKET_FINDINGS, key, err) : STATUS_OK;
}

static enum status look(struct unwatched *u, const struct watchers_config *c, struct err *err)
{
	scoped_arena a = {0};
	struct looking l = {.config = c, .arena = &a};
	struct map now = {0};
	enum status s = findings_each(u->w->bus, "$KV." BUCKET_FINDINGS ".>", &a, look_at, &l, err);
	if (s != STATUS_OK)
		return s;
	for (struct noted *n = l.noted; n && s == STATUS_OK; n = n->next)
		s = act_on(u, &now, &n->is, &a, err);
	if (s == STATUS_OK) {
		forget(u);
		u->since = now;
		return s;
	}
	/* Cut short: what was not come to is missed since it was. */
	for (struct map_slot *slot = map_next(&now, NULL); slot; slot = map_next(&now, slot))
		free(map_put(&u->since, span_of(slot->key, slot->key_n), slot->value));
	map_free(&now);
	return s;
}

void unwatched_look(struct unwatched *u)
{
	struct err err = {0};
	int64_t now_ms = clock_mono_ms(u->w->clock), every_ms = u->w->env->unwatched_ms / 6;
	every_ms = every_ms < LOOK_EVERY_MS ? every_ms : LOOK_EVERY_MS;
	if (!u->w->env->unwatched_ms || (u->looked_mono_ms != INT64_MIN && now_ms - u->looked_mono_ms < every_ms))
		return;
	u->looked_mono_ms = now_ms;
	struct held_config *c = settings_hold(u->w->settings);
	if (look(u, &c->config, &err) != STATUS_OK)
		log_error("findings of watches that are no more could not be closed, will try again", &err);
	settings_release(u->w->settings, c);
}
