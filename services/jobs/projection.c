/* Pulls events in batches, folds them per job, writes each batch in one transaction and acknowledges what is committed.
 */
#include "projection.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "bus/pull.h"
#include "bus/topology.h"
#include "core/log.h"
#include "core/metrics.h"
#include "events.h"
#include "fold.h"
#include "service/trace.h"
#include "write.h"

extern const struct store_migration migrations_jobs[];
extern const size_t migrations_jobs_n;

#define WINDOW 16384                    /* events asked for or held, at most */
#define WINDOW_BYTES ((size_t)48 << 20) /* the same in bytes, by the size of recent events */
#define WINDOW_MIN 64
#define BATCH_BYTES ((size_t)24 << 20)
#define ROWS_BYTES_MAX ((size_t)256 << 20)
#define GATHER_EVENTS 1024 /* a smaller batch begins GATHER_MS after the last one at the earliest */
#define GATHER_MS 10
#define STATEMENT_TIMEOUT_MS 20000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define NO_RECORD UINT32_MAX

struct held {
	struct bus_delivery delivery;
	uint32_t record; /* index into the fold; NO_RECORD: nothing to write */
};

struct projection {
	struct projection_options o;
	struct store *store;
	struct bus_pull *pull;
	pthread_t thread;

	/* Between the client's thread and ours. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bus_delivery *inbox; /* WINDOW places, ring */
	size_t head, waiting;
	bool stopping;
	int64_t deadline_mono_ms;
	pthread_cond_t committed; /* `commits` grew */
	uint64_t commits;

	/* Ours alone. */
	struct held batch[FOLD_EVENTS_MAX];
	size_t batch_n;
	struct fold fold;
	struct arena arena;
	struct buf rows;
	bool failed[FOLD_EVENTS_MAX]; /* by record: PostgreSQL cannot take it, ever */
	size_t event_bytes;           /* moving average */
	int64_t last_batch_mono_ms, renewed_mono_ms;
	bool away;
};

static const double batch_bounds[] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
static struct metric events_total = {"gannet_projection_events_total", "Events by what became of them.", METRIC_COUNTER,
                                     "outcome"};
static struct metric batch_seconds = {.name = "gannet_projection_batch_seconds",
                                      .help = "Time to write and commit a batch.",
                                      .kind = METRIC_HISTOGRAM,
                                      .bounds = batch_bounds,
                                      .bounds_n = countof(batch_bounds),
                                      .scale = 1e-6};
static struct metric pending_gauge = {"gannet_projection_pending", "Events in the broker that are not recorded yet.",
                                      METRIC_GAUGE};
static struct {
	struct metric_series *recorded, *ignored, *poison, *seconds, *pending;
} metrics;

static void register_metrics(void)
{
	metric_register(&events_total);
	metric_register(&batch_seconds);
	metric_register(&pending_gauge);
	metrics.recorded = metric_series(&events_total, "recorded", NULL);
	metrics.ignored = metric_series(&events_total, "ignored", NULL);
	metrics.poison = metric_series(&events_total, "poison", NULL);
	metrics.seconds = metric_series(&batch_seconds, NULL, NULL);
	metrics.pending = metric_series(&pending_gauge, NULL, NULL);
}

/* ---- the inbox */

static void on_delivery(void *arg, struct bus_delivery *d)
{
	struct projection *p = arg;
	pthread_mutex_lock(&p->lock);
	bool room = p->waiting < WINDOW;
	if (room)
		p->inbox[(p->head + p->waiting++) % WINDOW] = *d;
	if (p->waiting == 1 || p->waiting == GATHER_EVENTS)
		pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (!room)
		bus_delivery_free(d); /* more than was asked for, which comes again */
}

static struct timespec from_now(int64_t ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* Waits for events; a small batch is put off a little, so that a steady trickle does not become a transaction per
 * event. */
static bool wait_for_events(struct projection *p)
{
	while (!p->waiting && !p->stopping)
		pthread_cond_wait(&p->changed, &p->lock);
	int64_t pause_ms = p->last_batch_mono_ms + GATHER_MS - clock_mono_ms(p->o.clock);
	if (pause_ms > 0 && pause_ms <= GATHER_MS) {
		struct timespec until = from_now(pause_ms);
		while (p->waiting < GATHER_EVENTS && !p->stopping && pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0)
			;
	}
	return p->waiting > 0;
}

/* Moves events from the inbox to the batch; false when it is time to end. */
static bool take_batch(struct projection *p)
{
	size_t bytes = 0;
	pthread_mutex_lock(&p->lock);
	bool any = wait_for_events(p);
	bool late = p->stopping && clock_mono_ms(p->o.clock) >= p->deadline_mono_ms;
	while (!late && p->waiting && p->batch_n < FOLD_EVENTS_MAX && bytes < BATCH_BYTES) {
		struct held *h = &p->batch[p->batch_n++];
		h->delivery = p->inbox[p->head];
		h->record = NO_RECORD;
		bytes += h->delivery.in.data.n;
		p->head = (p->head + 1) % WINDOW;
		p->waiting--;
	}
	pthread_mutex_unlock(&p->lock);
	p->last_batch_mono_ms = clock_mono_ms(p->o.clock);
	if (p->batch_n)
		p->event_bytes = (p->event_bytes * 3 + bytes / p->batch_n) / 4 + 1;
	return any && !late;
}

/* Keeps as many events asked for or held as the window allows. */
static void want_more(struct projection *p)
{
	size_t window = WINDOW_BYTES / p->event_bytes;
	window = window > WINDOW ? WINDOW : window < WINDOW_MIN ? WINDOW_MIN : window;
	pthread_mutex_lock(&p->lock);
	size_t held = p->waiting + p->batch_n + bus_pull_wanted(p->pull);
	bool stopping = p->stopping;
	pthread_mutex_unlock(&p->lock);
	if (!stopping && held < window)
		bus_pull_want(p->pull, window - held);
}

/* ---- decoding */

static void record_trace(const struct held *h, const struct record *r, int64_t now_ms)
{
	struct trace_context parent;
	struct span text = bus_in_header(&h->delivery.in, HEADER_TRACEPARENT);
	if (!text.p || !trace_parse(text, &parent))
		parent = trace_of_job(r->key.tenant, r->key.job_id);
	struct trace_context self = trace_child(&parent);
	const struct trace_attribute attributes[] = {{"gannet.job_id", r->key.job_id, 0},
	                                             {"gannet.tenant", r->key.tenant, 0}};
	trace_record(&self, parent.span, "record job", TRACE_CONSUMER, h->delivery.stored_ms,
	             (now_ms - h->delivery.stored_ms) * 1000, NULL, attributes, countof(attributes));
}

static void refuse(struct projection *p, const struct held *h, const struct err *why)
{
	struct err ignored = {0};
	metric_add(metrics.poison, 1);
	log_fields(LOG_ERROR, "event cannot be recorded", LOG_S("subject", h->delivery.in.subject),
	           LOG_I("sequence", (int64_t)h->delivery.stream_sequence), LOG_I("bytes", (int64_t)h->delivery.in.data.n),
	           LOG_C("code", status_code(why->status)), LOG_C("error", why->msg));
	if (bus_term(p->o.bus, h->delivery.in.reply, &ignored) != STATUS_OK)
		return; /* it comes again, and is refused again */
}

static void fold_batch(struct projection *p)
{
	struct err err = {0};
	size_t kept = 0;
	for (size_t i = 0; i < p->batch_n; i++) {
		struct held *h = &p->batch[i];
		struct event_facts facts;
		struct record *r = fold_next(&p->fold);
		if (event_is_job(h->delivery.in.subject)) {
			if (event_decode(&h->delivery, p->o.jobs_created_ms, &p->arena, r, &facts, &err) != STATUS_OK) {
				refuse(p, h, &err);
				bus_delivery_free(&h->delivery);
				continue;
			}
			if (facts.is_final)
				estimate_note(p->o.estimate, r, &facts);
			h->record = (uint32_t)fold_add(&p->fold);
		}
		p->batch[kept++] = *h;
	}
	p->batch_n = kept;
}

/* ---- writing */

/* The leases of all that is held, so that no other replica begins the same work while PostgreSQL is away. */
static void renew(struct projection *p)
{
	struct err ignored = {0};
	int64_t now = clock_mono_ms(p->o.clock);
	if (now - p->renewed_mono_ms < p->o.lease_ms / 4)
		return;
	p->renewed_mono_ms = now;
	for (size_t i = 0; i < p->batch_n; i++)
		if (bus_in_progress(p->o.bus, p->batch[i].delivery.in.reply, &ignored) != STATUS_OK)
			return;
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->waiting; i++)
		if (bus_in_progress(p->o.bus, p->inbox[(p->head + i) % WINDOW].in.reply, &ignored) != STATUS_OK)
			break;
	pthread_mutex_unlock(&p->lock);
}

/* Sleeps between tries, never so long that a lease ends; false when it is time to end. */
static bool pause_between_tries(struct projection *p, int64_t ms)
{
	struct timespec until = from_now(ms < p->o.lease_ms / 4 ? ms : p->o.lease_ms / 4);
	renew(p);
	pthread_mutex_lock(&p->lock);
	while (!p->stopping && pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0)
		;
	bool stopping = p->stopping;
	pthread_mutex_unlock(&p->lock);
	return !stopping;
}

static bool data_is_at_fault(const struct err *e)
{
	return e->status == STATUS_INVALID || e->status == STATUS_CONFLICT || e->status == STATUS_TOO_LARGE;
}

/* Writes records, halving until the one that PostgreSQL cannot take stands alone. */
static enum status write_some(struct projection *p, struct record **records, size_t n, struct err *err)
{
	enum status status = write_records(p->store, records, n, &p->rows, err);
	if (status == STATUS_OK || !data_is_at_fault(err))
		return status;
	if (n == 1) {
		log_fields(LOG_ERROR, "record cannot be stored", LOG_S("tenant", records[0]->key.tenant),
		           LOG_S("job_id", records[0]->key.job_id), LOG_C("error", err->msg));
		p->failed[records[0] - p->fold.records] = true;
		return STATUS_OK;
	}
	status = write_some(p, records, n / 2, err);
	return status == STATUS_OK ? write_some(p, records + n / 2, n - n / 2, err) : status;
}

static void note_availability(struct projection *p, enum status status, const struct err *err)
{
	bool away = status != STATUS_OK;
	if (away && !p->away)
		log_error("cannot record jobs, will try again", err);
	if (!away && p->away)
		log_fields(LOG_INFO, "recording jobs again", LOG_I("held", (int64_t)p->batch_n));
	p->away = away;
}

/* Insists until the batch is committed; false when the service ends before. */
static bool write_batch(struct projection *p)
{
	struct err err = {0};
	struct record *records[FOLD_EVENTS_MAX];
	for (size_t i = 0; i < p->fold.count; i++)
		records[i] = &p->fold.records[i];
	p->renewed_mono_ms = clock_mono_ms(p->o.clock);
	for (int64_t wait_ms = BACKOFF_MIN_MS;; wait_ms = wait_ms * 2 < BACKOFF_MAX_MS ? wait_ms * 2 : BACKOFF_MAX_MS) {
		int64_t began_ns = clock_mono_ns(p->o.clock);
		memset(p->failed, 0, p->fold.count * sizeof p->failed[0]);
		enum status status = p->fold.count ? write_some(p, records, p->fold.count, &err) : STATUS_OK;
		note_availability(p, status, &err);
		if (status == STATUS_OK) {
			metric_observe(metrics.seconds, (clock_mono_ns(p->o.clock) - began_ns) / 1000);
			return true;
		}
		if (!pause_between_tries(p, wait_ms))
			return false;
	}
}

/* After the commit, and only then. An acknowledgement that gets lost brings the event back, which changes nothing. */
static void acknowledge(struct projection *p)
{
	struct err err = {0};
	int64_t now_ms = clock_wall_ms(p->o.clock);
	for (size_t i = 0; i < p->batch_n; i++) {
		const struct held *h = &p->batch[i];
		if (h->record != NO_RECORD && p->failed[h->record]) {
			err_set(&err, STATUS_INVALID, "PostgreSQL does not take the record");
			refuse(p, h, &err);
			continue;
		}
		metric_add(h->record == NO_RECORD ? metrics.ignored : metrics.recorded, 1);
		if (h->record != NO_RECORD && trace_enabled() && p->fold.records[h->record].state.completed_at)
			record_trace(h, &p->fold.records[h->record], now_ms);
		if (bus_ack(p->o.bus, h->delivery.in.reply, &err) != STATUS_OK)
			break;
	}
	if (p->batch_n)
		metric_set(metrics.pending, (int64_t)p->batch[p->batch_n - 1].delivery.pending);
}

static void tell_committed(struct projection *p)
{
	pthread_mutex_lock(&p->lock);
	p->commits++;
	pthread_cond_broadcast(&p->committed);
	pthread_mutex_unlock(&p->lock);
}

bool projection_wait(struct projection *p, int64_t at_most_ms)
{
	struct timespec until = from_now(at_most_ms);
	pthread_mutex_lock(&p->lock);
	uint64_t before = p->commits;
	while (p->commits == before && !p->stopping && pthread_cond_timedwait(&p->committed, &p->lock, &until) == 0)
		;
	bool grew = p->commits != before;
	pthread_mutex_unlock(&p->lock);
	return grew;
}

/* At the end: for another replica, now rather than when the lease is over. */
static void hand_back(struct projection *p, struct bus_delivery *d)
{
	struct err ignored = {0};
	enum status status = bus_nak(p->o.bus, d->in.reply, 0, &ignored);
	(void)status; /* the end of the lease does the same, later */
	bus_delivery_free(d);
}

static void drop_batch(struct projection *p, bool written)
{
	for (size_t i = 0; i < p->batch_n; i++) {
		if (written)
			bus_delivery_free(&p->batch[i].delivery);
		else
			hand_back(p, &p->batch[i].delivery);
	}
	p->batch_n = 0;
	fold_reset(&p->fold);
	arena_reset(&p->arena);
}

/* ---- the thread */

/* Brings the schema up to date, waiting for PostgreSQL; false when that cannot be done or the service ends. */
static bool migrate(struct projection *p)
{
	struct err err = {0};
	struct store *s;
	const struct store_options o = {.url = p->o.database_url, .application = "gannet-jobs migrations"};
	if (store_new(&o, &s, &err) != STATUS_OK) {
		p->o.broken(p->o.arg, &err);
		return false;
	}
	bool done = false, go_on = true;
	while (go_on && !done) {
		int applied = 0;
		enum status status = store_migrate(s, "jobs", migrations_jobs, migrations_jobs_n, &applied, &err);
		note_availability(p, status, &err);
		done = status == STATUS_OK;
		if (done)
			log_fields(LOG_INFO, "schema is up to date", LOG_I("applied", applied));
		else if (err.retryable)
			go_on = pause_between_tries(p, 500);
		else
			go_on = false;
	}
	if (!done && !err.retryable)
		p->o.broken(p->o.arg, &err);
	store_free(s);
	return done;
}

static void *run(void *arg)
{
	struct projection *p = arg;
	if (!migrate(p))
		return NULL;
	p->o.migrated(p->o.arg);
	want_more(p);
	while (take_batch(p)) {
		fold_batch(p);
		/* While PostgreSQL writes this batch the broker sends the next, unless it is away: then nothing more is taken.
		 */
		if (!p->away)
			want_more(p);
		bool written = write_batch(p);
		if (written) {
			tell_committed(p);
			acknowledge(p);
		}
		drop_batch(p, written);
		if (!written)
			break;
		want_more(p);
	}
	return NULL;
}

static void release(struct projection *p)
{
	if (p->pull)
		bus_pull_close(p->pull);
	for (; p->waiting; p->waiting--, p->head = (p->head + 1) % WINDOW)
		hand_back(p, &p->inbox[p->head]);
	store_free(p->store);
	fold_free(&p->fold);
	arena_free(&p->arena);
	buf_free(&p->rows);
	pthread_cond_destroy(&p->changed);
	pthread_cond_destroy(&p->committed);
	pthread_mutex_destroy(&p->lock);
	free(p->inbox);
	free(p);
}

enum status projection_start(const struct projection_options *o, struct projection **ret, struct err *err)
{
	struct projection *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->o = *o;
	p->event_bytes = 4096;
	p->rows.max_bytes = ROWS_BYTES_MAX;
	p->inbox = calloc(WINDOW, sizeof *p->inbox);
	if (!p->inbox)
		abort();
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &attributes);
	pthread_cond_init(&p->committed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&p->lock, NULL);
	register_metrics();
	const struct store_options so = {.url = o->database_url,
	                                 .application = "gannet-jobs projection",
	                                 .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
	                                 .session_sql = write_session_sql};
	enum status status = store_new(&so, &p->store, err);
	if (status == STATUS_OK)
		status = bus_pull_open(o->bus, STREAM_EVENTS, CONSUMER_EVENTS_JOBS, on_delivery, p, &p->pull, err);
	if (status == STATUS_OK && pthread_create(&p->thread, NULL, run, p) != 0)
		status = err_retry(err, STATUS_UNAVAILABLE, "no thread for the projection");
	if (status != STATUS_OK) {
		release(p);
		return status;
	}
	*ret = p;
	return STATUS_OK;
}

void projection_stop(struct projection *p, int64_t deadline_mono_ms)
{
	bus_pull_stop(p->pull);
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	p->deadline_mono_ms = deadline_mono_ms;
	pthread_cond_signal(&p->changed);
	pthread_cond_broadcast(&p->committed);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	release(p);
}
