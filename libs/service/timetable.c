/* A changeable table of cron schedules over the fixed ones of schedule.c. */
#include "service/timetable.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/store.h"
#include "contract/requests.h"

#define DAY_MS 86400000ll
#define STORE_MS 5000

/* What one lane's thread does; nobody else touches it once the lane runs. */
struct lane {
	struct timetable *t;
	struct schedules *schedules;
	uint64_t generation;
	struct timetable_entry entries[TIMETABLE_ENTRIES_MAX];
	struct schedule all[TIMETABLE_ENTRIES_MAX]; /* the name of a free one is empty */
};

struct timetable {
	struct timetable_options o;
	struct lane lanes[TIMETABLE_LANES_MAX];
	pthread_mutex_t lock; /* guards the rest */
	uint64_t generation;
	struct timetable_entry entries[TIMETABLE_ENTRIES_MAX];
	size_t n;
};

/* ---- adopting a new table: an entry keeps its place, so that what was published of it is remembered */

static struct timetable_entry *entry_named(struct timetable *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->entries[i].name, name) == 0)
			return &t->entries[i];
	return NULL;
}

static struct timetable_entry *slot_named(struct lane *l, const char *name)
{
	for (size_t i = 0; i < TIMETABLE_ENTRIES_MAX; i++)
		if (strcmp(l->entries[i].name, name) == 0)
			return &l->entries[i];
	return NULL;
}

static void adopt(void *arg, struct schedules *s)
{
	struct lane *l = arg;
	struct timetable *t = l->t;
	(void)s;
	pthread_mutex_lock(&t->lock);
	if (l->generation != t->generation) {
		l->generation = t->generation;
		for (size_t i = 0; i < TIMETABLE_ENTRIES_MAX; i++)
			if (l->entries[i].name[0] && !entry_named(t, l->entries[i].name))
				l->entries[i].name[0] = 0;
		for (size_t i = 0; i < t->n; i++) {
			struct timetable_entry *slot = slot_named(l, t->entries[i].name);
			if (!slot)
				slot = slot_named(l, "");
			if (slot)
				*slot = t->entries[i];
		}
	}
	pthread_mutex_unlock(&t->lock);
}

/* ---- callbacks of the schedules */

static void turns(void *arg, const struct schedule *s, int64_t now_ms, int64_t *ret_last_ms, int64_t *ret_next_ms)
{
	struct lane *l = arg;
	struct timetable_entry *e = &l->entries[s - l->all];
	if (!e->name[0])
		return;
	if (e->from_ms > now_ms + DAY_MS)
		e->from_ms = now_ms; /* it was the word of a clock that went wrong */
	*ret_last_ms = cron_last(&e->cron, e->zone, now_ms);
	*ret_next_ms = cron_next(&e->cron, e->zone, now_ms);
	if (*ret_last_ms != INT64_MAX && *ret_last_ms <= e->from_ms)
		*ret_last_ms = INT64_MAX;
}

static enum status run(void *arg, const struct schedule_turn *turn, struct err *err)
{
	struct lane *l = arg;
	return l->t->o.run(l->t->o.arg, turn->name, turn, err);
}

static enum status start_lane(struct timetable *t, struct lane *l, struct err *err)
{
	l->t = t;
	for (size_t i = 0; i < TIMETABLE_ENTRIES_MAX; i++)
		l->all[i] = (struct schedule){.name = l->entries[i].name, .turns = turns, .run = run};
	const struct schedules_options o = {
	    .bus = t->o.bus,
	    .clock = t->o.clock,
	    .service = t->o.service,
	    .consumer = t->o.consumer,
	    .lease_ms = t->o.lease_ms,
	    .all = l->all,
	    .n = TIMETABLE_ENTRIES_MAX,
	    .other = run,
	    .idle = adopt,
	    .arg = l,
	};
	return schedules_start(&o, &l->schedules, err);
}

enum status timetable_start(const struct timetable_options *o, struct timetable **ret, struct err *err)
{
	struct timetable *t = calloc(1, sizeof *t);
	if (!t)
		abort();
	t->o = *o;
	pthread_mutex_init(&t->lock, NULL);
	for (unsigned i = 0; i < o->lanes && i < TIMETABLE_LANES_MAX; i++) {
		if (start_lane(t, &t->lanes[i], err) != STATUS_OK) {
			timetable_stop(t);
			return err->status;
		}
	}
	*ret = t;
	return STATUS_OK;
}

void timetable_set(struct timetable *t, const struct timetable_entry *entries, size_t n)
{
	pthread_mutex_lock(&t->lock);
	t->n = n < TIMETABLE_ENTRIES_MAX ? n : TIMETABLE_ENTRIES_MAX;
	memcpy(t->entries, entries, t->n * sizeof *entries);
	t->generation++;
	pthread_mutex_unlock(&t->lock);
}

enum status timetable_publish(struct timetable *t, const char *name, int64_t at_ms, struct err *err)
{
	char id[128], subject[64];
	snprintf(id, sizeof id, "%s.%s-by-hand-%" PRId64, t->o.service, name, at_ms);
	snprintf(subject, sizeof subject, "gannet.tick.%s", t->o.service);
	const struct bus_header header = {HEADER_MSG_ID, span_from(id)};
	const struct tick tick = {span_from(name), {at_ms}};
	scoped_buf body = {0};
	json_encode(&tick_table, &tick, &(struct json_writer){.out = &body});
	const struct bus_out out = {subject, NULL, buf_span(&body), &header, 1};
	return bus_store_wait(t->o.bus, &out, STORE_MS, NULL, err);
}

void timetable_stop(struct timetable *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < TIMETABLE_LANES_MAX; i++)
		schedules_stop(t->lanes[i].schedules);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
