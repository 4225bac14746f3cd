/* Pulls events in batches, folds them per job, writes each batch in one transaction and acknowledges what is committed.
 */
#include "projection.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "batch.h"
#include "bus/topology.h"
#include "core/log.h"
#include "write.h"

extern const struct store_migration migrations_jobs[];
extern const size_t migrations_jobs_n;

#define WINDOW 16384                    /* events asked for or held, at most */
#define WINDOW_BYTES ((size_t)48 << 20) /* the same in bytes, by the size of recent events */
#define WINDOW_MIN 64
#define ROWS_BYTES_MAX ((size_t)256 << 20)
#define GATHER_EVENTS 1024 /* a smaller batch begins GATHER_MS after the last one at the earliest */
#define GATHER_MS 10
#define STATEMENT_TIMEOUT_MS 20000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000

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
	struct batch batch;
	size_t event_bytes; /* moving average */
	int64_t last_batch_mono_ms, renewed_mono_ms;
	bool away;
};

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
	pthread_mutex_lock(&p->lock);
	bool any = wait_for_events(p);
	bool late = p->stopping && clock_mono_ms(p->o.clock) >= p->deadline_mono_ms;
	while (!late && p->waiting && batch_add(&p->batch, &p->inbox[p->head])) {
		p->head = (p->head + 1) % WINDOW;
		p->waiting--;
	}
	pthread_mutex_unlock(&p->lock);
	p->last_batch_mono_ms = clock_mono_ms(p->o.clock);
	if (p->batch.n)
		p->event_bytes = (p->event_bytes * 3 + p->batch.bytes / p->batch.n) / 4 + 1;
	return any && !late;
}

/* Keeps as many events asked for or held as the window allows. */
static void want_more(struct projection *p)
{
	size_t window = WINDOW_BYTES / p->event_bytes;
	window = window > WINDOW ? WINDOW : window < WINDOW_MIN ? WINDOW_MIN : window;
	pthread_mutex_lock(&p->lock);
	size_t held = p->waiting + p->batch.n + bus_pull_wanted(p->pull);
	bool stopping = p->stopping;
	pthread_mutex_unlock(&p->lock);
	if (!stopping && held < window)
		bus_pull_want(p->pull, window - held);
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
	batch_renew(&p->batch);
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

static void note_availability(struct projection *p, enum status status, const struct err *err)
{
	bool away = status != STATUS_OK;
	if (away && !p->away)
		log_error("cannot record jobs, will try again", err);
	if (!away && p->away)
		log_fields(LOG_INFO, "recording jobs again", LOG_I("held", (int64_t)p->batch.n));
	p->away = away;
}

/* Insists until the batch is committed; false when the service ends before. */
static bool insist(struct projection *p)
{
	struct err err = {0};
	p->renewed_mono_ms = clock_mono_ms(p->o.clock);
	for (int64_t wait_ms = BACKOFF_MIN_MS;; wait_ms = wait_ms * 2 < BACKOFF_MAX_MS ? wait_ms * 2 : BACKOFF_MAX_MS) {
		enum status status = batch_write(&p->batch, p->store, &err);
		note_availability(p, status, &err);
		if (status == STATUS_OK)
			return true;
		if (!pause_between_tries(p, wait_ms))
			return false;
	}
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
	bool written = true;
	while (written && take_batch(p)) {
		batch_fold(&p->batch);
		/* While PostgreSQL writes this batch the broker sends the next. */
		want_more(p);
		written = insist(p);
		if (written) {
			tell_committed(p);
			batch_acknowledge(&p->batch);
		} else {
			batch_hand_back(&p->batch);
		}
		batch_reset(&p->batch);
		want_more(p);
	}
	return NULL;
}

static void release(struct projection *p)
{
	if (p->pull)
		bus_pull_close(p->pull);
	/* What came last goes back as well. */
	while (p->waiting) {
		if (batch_add(&p->batch, &p->inbox[p->head])) {
			p->head = (p->head + 1) % WINDOW;
			p->waiting--;
		} else {
			batch_hand_back(&p->batch);
			batch_reset(&p->batch);
		}
	}
	batch_hand_back(&p->batch);
	batch_free(&p->batch);
	store_free(p->store);
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
	p->batch.bus = o->bus;
	p->batch.clock = o->clock;
	p->batch.estimate = o->estimate;
	p->batch.jobs_created_ms = o->jobs_created_ms;
	p->batch.rows.max_bytes = ROWS_BYTES_MAX;
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
	batch_register_metrics();
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
