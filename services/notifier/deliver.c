/* Compares what is open with what was told, target by target, and does what is missing. */
#include "deliver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/wait.h"
#include "target.h"
#include "weekly.h"

#define ENTRY_NAME_BYTES (TENANT_ID_MAX + FINDING_FINGERPRINT_MAX + 2)
#define HOUR_MS (3600ll * 1000)
#define UNSEEN_MS 1000
#define LOOK_EVERY_MS 30000 /* silences and windows end without a message */

static struct metric told_total = {.name = "gannet_notifications_total",
                                   .help = "Entries opened, updated, closed and reopened at targets, and calls that failed.",
                                   .kind = METRIC_COUNTER,
                                   .label1 = "target",
                                   .label2 = "what"};
static const char *const step_names[] = {"none", "opened", "updated", "closed", "reopened", "taken_over"};

struct refusal {
	char revision[FINDING_FINGERPRINT_BYTES];
	int64_t until_mono_ms;
};

struct delivery {
	struct deliveries *all;
	struct dealing dealing;
	pthread_t thread;
	bool running;
	struct map refused; /* entry's "<tenant>.<key>" → struct refusal *: not asked again for a while */
	bool listed; /* dealing.seen holds what the target has, as of this pass */
	int64_t not_before_mono_ms, backoff_ms;
	char written_key[256]; /* the record written last: a pass begins when the board has it */
	uint64_t written_revision;
};

struct deliveries {
	struct deliveries_options o;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t changes;
	bool stopping;
	struct delivery each[NOTIFIER_TARGETS_MAX];
	size_t n;
};

/* ---- records */

static enum status write_record(struct delivery *d, struct entry *e, const struct notified *r, struct err *err)
{
	scoped_buf value = {0};
	char key[256];
	snprintf(key, sizeof key, "%.*s.%.*s.%.*s", SPAN_ARG(e->tenant), SPAN_ARG(e->key),
	         SPAN_ARG(d->dealing.target->is.name));
	json_encode(&notified_table, r, &(struct json_writer){.out = &value});
	if (bus_kv_update(d->all->o.bus, BUCKET_NOTIFIED, key, buf_span(&value), e->told_revision, &e->told_revision, err) !=
	    STATUS_OK)
		return err->status;
	memcpy(d->written_key, key, sizeof key);
	d->written_revision = e->told_revision;
	return STATUS_OK;
}

static bool sees_own_writes(const struct delivery *d)
{
	const struct map *notified = &board_lock(d->all->o.board)[BOARD_NOTIFIED];
	const struct kept *k = map_get(notified, span_from(d->written_key));
	bool sees = !d->written_revision || (k && k->revision >= d->written_revision);
	board_unlock(d->all->o.board);
	return sees;
}

static struct notified record_of(const struct delivery *d, const struct entry *e)
{
	struct notified r = {.entry = e->key, .target = d->dealing.target->is.name};
	if (e->told)
		r = *e->told;
	r.updated_at.ms = clock_wall_ms(d->all->o.clock);
	return r;
}

/* CONFLICT: another replica was faster. */
static enum status claim(struct delivery *d, struct entry *e, struct err *err)
{
	struct notified r = record_of(d, e);
	r.state = NOTIFIED_PENDING;
	return write_record(d, e, &r, err);
}

/* The call is done, so its record is written whatever the broker does meanwhile; a lost one is looked up again. */
static enum status settle(struct delivery *d, struct entry *e, enum notified_state state, const struct reference *at,
                          struct err *err)
{
	struct notified r = record_of(d, e);
	r.state = state;
	r.revision = state == NOTIFIED_OPEN ? span_from(e->revision) : r.revision;
	r.severity = e->severity;
	if (!r.opened_at.ms)
		r.opened_at = r.updated_at;
	if (at && at->id[0])
		r.reference = span_from(at->id);
	if (at && at->url[0])
		r.url = span_from(at->url);
	return write_record(d, e, &r, err);
}

/* Gives the claim up so that anybody may take it over at once. */
static void release(struct delivery *d, struct entry *e, const struct err *why)
{
	struct err err = {0};
	struct notified r = record_of(d, e);
	r.state = e->told ? e->told->state : NOTIFIED_PENDING;
	r.updated_at = e->told ? e->told->updated_at : (struct json_time){0};
	/* It may have been done: what it was told last is no longer known. */
	if (why->retryable && e->told && e->told->state != NOTIFIED_PENDING)
		r.revision = (struct span){0};
	if (write_record(d, e, &r, &err) != STATUS_OK)
		log_error("a claim could not be given up, it ends by itself", &err);
}

/* ---- one entry */

static enum status list_once(struct delivery *d, struct err *err)
{
	if (d->listed || !d->dealing.target->kind->find_all)
		return STATUS_OK;
	dealing_forget(&d->dealing);
	enum status s = d->dealing.target->kind->find_all(&d->dealing, err);
	d->listed = s == STATUS_OK;
	return s;
}

static struct span name_of(const struct entry *e, char out[ENTRY_NAME_BYTES])
{
	int n = snprintf(out, ENTRY_NAME_BYTES, "%.*s.%.*s", SPAN_ARG(e->tenant), SPAN_ARG(e->key));
	return span_of(out, (size_t)n);
}

static const struct reference *seen(struct delivery *d, const struct entry *e)
{
	char name[ENTRY_NAME_BYTES];
	return map_get(&d->dealing.seen, name_of(e, name));
}

/* An entry that the target will not have must not keep the others waiting. */
static void refuse(struct delivery *d, const struct entry *e)
{
	char name[ENTRY_NAME_BYTES];
	struct refusal *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	memcpy(r->revision, e->revision, sizeof r->revision);
	r->until_mono_ms = clock_mono_ms(d->all->o.clock) + DELIVER_REFUSED_MS;
	free(map_put(&d->refused, name_of(e, name), r));
}

static bool is_refused(const struct delivery *d, const struct entry *e)
{
	char name[ENTRY_NAME_BYTES];
	const struct refusal *r = map_get(&d->refused, name_of(e, name));
	return r && strcmp(r->revision, e->revision) == 0 && clock_mono_ms(d->all->o.clock) < r->until_mono_ms;
}

/* Whether it is the entry that is at fault, not the target or the way to it. */
static bool is_about_entry(const struct err *err)
{
	return !err->retryable && err->status != STATUS_UNAUTHORIZED && err->status != STATUS_FORBIDDEN;
}

static struct reference reference_of(const struct entry *e)
{
	struct reference r = {0};
	span_copy(e->told->reference, r.id, sizeof r.id);
	span_copy(e->told->url, r.url, sizeof r.url);
	return r;
}

/* New here, or nobody knows: looked for first, opened if it is not there. */
static enum status open_entry(struct delivery *d, struct entry *e, struct err *err)
{
	const struct target_kind *kind = d->dealing.target->kind;
	struct reference made = {0};
	bool old = clock_wall_ms(d->all->o.clock) - e->newest_ms > TARGET_BLIND_MS;
	if (list_once(d, err) != STATUS_OK)
		return err->status;
	const struct reference *there = seen(d, e), known = e->told ? reference_of(e) : made;
	enum status s = STATUS_OK;
	if (!there && known.id[0])
		there = &known;
	if (there && e->open_n && there->closed)
		s = kind->close(&d->dealing, e, false, there, err);
	else if (there && e->open_n)
		s = kind->update(&d->dealing, e, false, there, err);
	else if (there && !there->closed)
		s = kind->close(&d->dealing, e, true, there, err);
	else if (!there && e->open_n && !(kind->blind && old))
		s = kind->open(&d->dealing, e, &made, err);
	if (s == STATUS_NOT_FOUND && there && e->open_n) { /* somebody deleted it there */
		there = NULL;
		s = kind->open(&d->dealing, e, &made, err);
	}
	if (s != STATUS_OK)
		return s;
	return settle(d, e, e->open_n ? NOTIFIED_OPEN : NOTIFIED_CLOSED, there ? there : &made, err);
}

static enum status do_step(struct delivery *d, struct entry *e, enum step step, struct err *err)
{
	const struct target_kind *kind = d->dealing.target->kind;
	struct reference at = {0};
	enum status s = STATUS_OK;
	if (step == STEP_OPEN || step == STEP_TAKE_OVER)
		return open_entry(d, e, err);
	at = reference_of(e);
	if (step == STEP_UPDATE)
		s = kind->update(&d->dealing, e, e->severity > e->told->severity, &at, err);
	else
		s = kind->close(&d->dealing, e, step == STEP_CLOSE, &at, err);
	if (s == STATUS_NOT_FOUND) { /* somebody deleted it there */
		if (step == STEP_CLOSE)
			return settle(d, e, NOTIFIED_CLOSED, &at, err);
		s = kind->open(&d->dealing, e, &at, err);
	}
	return s == STATUS_OK ? settle(d, e, step == STEP_CLOSE ? NOTIFIED_CLOSED : NOTIFIED_OPEN, &at, err) : s;
}

static void count(const struct delivery *d, const char *what)
{
	scoped_arena a = {0};
	metric_add(metric_series(&told_total, arena_cstr(&a, d->dealing.target->is.name), what), 1);
}

static enum status handle(struct delivery *d, struct entry *e, enum step step, struct err *err)
{
	enum status s = claim(d, e, err);
	if (s == STATUS_CONFLICT)
		return STATUS_OK;
	if (s != STATUS_OK)
		return s;
	s = do_step(d, e, step, err);
	count(d, s == STATUS_OK ? step_names[step] : "failed");
	if (s != STATUS_OK)
		release(d, e, err);
	else
		log_fields(LOG_INFO, "told a target", LOG_S("target", d->dealing.target->is.name), LOG_S("tenant", e->tenant),
		           LOG_S("entry", e->key), LOG_C("what", step_names[step]));
	return s;
}

/* ---- one pass */

/* How many entries were opened in the last hour, by the records: it holds after a restart, and for all replicas. */
static size_t opened_lately(const struct delivery *d, int64_t now_ms, int64_t *ret_oldest_ms)
{
	size_t n = 0;
	*ret_oldest_ms = now_ms;
	const struct map *notified = &board_lock(d->all->o.board)[BOARD_NOTIFIED];
	for (struct map_slot *s = map_next(notified, NULL); s; s = map_next(notified, s)) {
		const struct notified *r = &((struct kept *)s->value)->notified;
		if (!span_eq(r->target, d->dealing.target->is.name) || now_ms - r->opened_at.ms >= HOUR_MS)
			continue;
		n++;
		if (r->opened_at.ms < *ret_oldest_ms)
			*ret_oldest_ms = r->opened_at.ms;
	}
	board_unlock(d->all->o.board);
	return n;
}

static bool is_stopping(struct deliveries *all)
{
	pthread_mutex_lock(&all->lock);
	bool stopping = all->stopping;
	pthread_mutex_unlock(&all->lock);
	return stopping;
}

static void back_off(struct delivery *d, const struct err *err)
{
	if (err->retryable) {
		d->backoff_ms = d->backoff_ms ? d->backoff_ms * 2 : DELIVER_BACKOFF_MIN_MS;
		d->backoff_ms = d->backoff_ms < DELIVER_BACKOFF_MAX_MS ? d->backoff_ms : DELIVER_BACKOFF_MAX_MS;
	} else {
		d->backoff_ms = DELIVER_REFUSED_MS;
	}
	int64_t wait_ms = d->dealing.wait_ms > d->backoff_ms ? d->dealing.wait_ms : d->backoff_ms;
	d->not_before_mono_ms = clock_mono_ms(d->all->o.clock) + wait_ms;
	d->dealing.wait_ms = 0;
	log_fields(LOG_WARN, "a target could not be told", LOG_S("target", d->dealing.target->is.name),
	           LOG_C("error", err->msg), LOG_C("field", err->field), LOG_I("again_in_ms", wait_ms));
}

/* Worst first; returns until when it can wait. */
static int by_severity(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	return a->severity != b->severity ? (a->severity > b->severity ? -1 : 1)
	                                  : (a->newest_ms > b->newest_ms) - (a->newest_ms < b->newest_ms);
}

static int64_t pass(struct delivery *d)
{
	const struct deliveries_options *o = &d->all->o;
	const struct target *t = d->dealing.target;
	scoped_arena a = {0};
	struct err err = {0};
	struct entry *entries;
	int64_t now_ms = clock_wall_ms(o->clock), due_ms = now_ms + LOOK_EVERY_MS, oldest_ms;
	size_t most = (size_t)(t->is.max_per_hour.set ? t->is.max_per_hour.v : NOTIFIER_MAX_PER_HOUR);
	size_t opened = opened_lately(d, now_ms, &oldest_ms);
	size_t n = entries_of(o->board, o->routing, t, now_ms, &a, &entries);
	n = weekly_entries(o->bus, o->board, t, now_ms, &a, &entries, n);
	if (n)
		qsort(entries, n, sizeof *entries, by_severity);
	d->listed = false;
	for (size_t i = 0; i < n && !is_stopping(d->all); i++) {
		enum step step = entry_step(&entries[i], &o->pace, now_ms, &due_ms);
		if (step == STEP_NONE || is_refused(d, &entries[i]))
			continue;
		if (step == STEP_OPEN && opened >= most) {
			due_ms = oldest_ms + HOUR_MS < due_ms ? oldest_ms + HOUR_MS : due_ms;
			continue;
		}
		if (handle(d, &entries[i], step, &err) != STATUS_OK) {
			if (is_about_entry(&err)) {
				refuse(d, &entries[i]);
				log_error("a target refuses an entry", &err);
				continue;
			}
			back_off(d, &err);
			return d->not_before_mono_ms - clock_mono_ms(o->clock);
		}
		opened += step == STEP_OPEN;
		d->backoff_ms = 0;
	}
	return due_ms - now_ms;
}

/* ---- the thread */

static void wait_for(struct deliveries *all, uint64_t seen_changes, bool changes_count, int64_t ms)
{
	struct timespec until = wait_until(ms < 1 ? 1 : ms < LOOK_EVERY_MS ? ms : LOOK_EVERY_MS);
	while (!all->stopping && !(changes_count && all->changes != seen_changes) &&
	       pthread_cond_timedwait(&all->changed, &all->lock, &until) == 0)
		;
}

static void *run(void *arg)
{
	struct delivery *d = arg;
	struct deliveries *all = d->all;
	pthread_mutex_lock(&all->lock);
	while (!all->stopping) {
		uint64_t changes = all->changes;
		int64_t pause_ms = d->not_before_mono_ms - clock_mono_ms(all->o.clock);
		bool waiting = pause_ms > 0;
		pthread_mutex_unlock(&all->lock);
		if (!board_ready(all->o.board) || !sees_own_writes(d))
			pause_ms = UNSEEN_MS;
		else if (!waiting)
			pause_ms = pass(d);
		pthread_mutex_lock(&all->lock);
		wait_for(all, changes, d->not_before_mono_ms <= clock_mono_ms(all->o.clock), pause_ms);
	}
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

enum status deliveries_start(const struct deliveries_options *o, struct deliveries **ret, struct err *err)
{
	struct deliveries *all = calloc(1, sizeof *all);
	if (!all)
		abort();
	metric_register(&told_total);
	all->o = *o;
	pthread_mutex_init(&all->lock, NULL);
	wait_cond_init(&all->changed);
	for (size_t i = 0; i < o->routing->targets_n; i++) {
		struct delivery *d = &all->each[all->n++];
		*d = (struct delivery){.all = all, .dealing = {.target = &o->routing->targets[i], .clock = o->clock}};
		d->running = pthread_create(&d->thread, NULL, run, d) == 0;
		if (!d->running) {
			deliveries_stop(all);
			return err_retry(err, STATUS_UNAVAILABLE, "no thread for a target");
		}
	}
	*ret = all;
	return STATUS_OK;
}

void deliveries_wake(struct deliveries *all)
{
	pthread_mutex_lock(&all->lock);
	all->changes++;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
}

void deliveries_stop(struct deliveries *all)
{
	if (!all)
		return;
	pthread_mutex_lock(&all->lock);
	all->stopping = true;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
	for (size_t i = 0; i < all->n; i++) {
		if (all->each[i].running)
			pthread_join(all->each[i].thread, NULL);
		dealing_forget(&all->each[i].dealing);
		for (struct map_slot *s = map_next(&all->each[i].refused, NULL); s; s = map_next(&all->each[i].refused, s))
			free(s->value);
		map_free(&all->each[i].refused);
	}
	pthread_cond_destroy(&all->changed);
	pthread_mutex_destroy(&all->lock);
	free(all);
}
