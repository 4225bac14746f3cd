/* Reads events in batches, folds them per job, and writes each batch with its place in EVENTS in one transaction. */
#include "projection.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "batch.h"
#include "bus/reader.h"
#include "bus/topology.h"
#include "core/log.h"
#include "core/wait.h"
#include "service/trouble.h"
#include "write.h"

extern const struct store_migration migrations_jobs[];
extern const size_t migrations_jobs_n;

#define READER "jobs"
#define OLD_CONSUMER "jobs-projection" /* of versions that kept their place in the broker */
#define ROWS_BYTES_MAX ((size_t)256 << 20)
#define GATHER_EVENTS 1024 /* a smaller batch begins GATHER_MS after the last one at the earliest */
#define GATHER_MS 20
#define STATEMENT_TIMEOUT_MS 20000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define STANDBY_MS 250 /* how often a replica that does not record asks whether it is to */
#define CHECK_MS 10000 /* how often at most the stream is looked at, which may have been made anew, and PostgreSQL hears of us */

struct projection {
	struct projection_options o;
	struct trouble trouble;
	struct store *store;
	pthread_t thread;

	pthread_mutex_t lock; /* guards this block */
	pthread_cond_t changed;
	bool stopping, active;
	struct bus_reader *reader; /* NULL while another replica records */
	pthread_cond_t committed;  /* `commits` grew */
	uint64_t commits;

	/* The thread's alone. */
	struct store_position position;
	struct batch batch;
	int64_t last_batch_mono_ms, checked_mono_ms;
	bool standing_by;
};

static bool is_stopping(struct projection *p)
{
	pthread_mutex_lock(&p->lock);
	bool stopping = p->stopping;
	pthread_mutex_unlock(&p->lock);
	return stopping;
}

/* False when it is time to end. */
static bool pause_between_tries(struct projection *p, int64_t ms)
{
	struct timespec until = wait_until(ms);
	pthread_mutex_lock(&p->lock);
	while (!p->stopping && pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0)
		;
	bool stopping = p->stopping;
	pthread_mutex_unlock(&p->lock);
	return !stopping;
}

/* ---- becoming the one that records */

static enum status find_stream(struct projection *p, struct err *err)
{
	struct bus_stream_state events;
	enum status status = bus_stream_state(p->o.bus, STREAM_EVENTS, &events, err);
	if (status == STATUS_OK) {
		p->position.created_ms = events.created_ms;
		p->checked_mono_ms = clock_mono_ms(p->o.clock);
	}
	return status;
}

/* The first time ever: behind what an earlier version had acknowledged, whose consumer then goes. */
static enum status begin_position(struct projection *p, struct err *err)
{
	struct bus_consumer_state old;
	enum status status = bus_consumer_state(p->o.bus, STREAM_EVENTS, OLD_CONSUMER, &old, err);
	if (status != STATUS_OK && status != STATUS_NOT_FOUND)
		return status;
	p->position.sequence = status == STATUS_OK ? old.acknowledged : 0;
	if (store_position_begin(p->store, &p->position, err) != STATUS_OK)
		return err->status;
	return bus_consumer_delete(p->o.bus, STREAM_EVENTS, OLD_CONSUMER, err);
}

static enum status open_reader(struct projection *p, struct err *err)
{
	struct bus_reader *reader;
	const struct bus_reader_options o = {.stream = STREAM_EVENTS, .after = p->position.sequence};
	enum status status = bus_reader_open(p->o.bus, &o, &reader, err);
	if (status != STATUS_OK)
		return status;
	log_fields(LOG_INFO, "recording jobs", LOG_I("after_sequence", (int64_t)p->position.sequence));
	pthread_mutex_lock(&p->lock);
	p->reader = reader;
	p->active = true;
	if (p->stopping)
		bus_reader_wake(reader);
	pthread_mutex_unlock(&p->lock);
	return STATUS_OK;
}

static enum status take_over(struct projection *p, bool *ret_taken, struct err *err)
{
	bool known = p->position.created_ms && clock_mono_ms(p->o.clock) - p->checked_mono_ms < CHECK_MS;
	enum status status = known ? STATUS_OK : find_stream(p, err);
	if (status == STATUS_OK)
		status = store_position_take(p->store, &p->position, ret_taken, err);
	if (status == STATUS_OK && *ret_taken && p->position.is_new)
		status = begin_position(p, err);
	return status == STATUS_OK && *ret_taken ? open_reader(p, err) : status;
}

/* Waits for its turn to record; false when the service ends before. */
static bool become_active(struct projection *p)
{
	int64_t wait_ms = BACKOFF_MIN_MS;
	for (bool taken = false; !is_stopping(p);) {
		struct err err = {0};
		enum status status = take_over(p, &taken, &err);
		trouble_note(&p->trouble, status == STATUS_OK ? NULL : &err);
		if (status == STATUS_OK && taken) {
			p->standing_by = false;
			return true;
		}
		if (status == STATUS_OK && !p->standing_by)
			log_fields(LOG_INFO, "another replica records jobs; standing by", LOG_C("stream", STREAM_EVENTS));
		p->standing_by |= status == STATUS_OK;
		wait_ms = status == STATUS_OK ? STANDBY_MS : wait_ms * 2 < BACKOFF_MAX_MS ? wait_ms * 2 : BACKOFF_MAX_MS;
		pause_between_tries(p, wait_ms);
	}
	return false;
}

static void give_up_turn(struct projection *p)
{
	pthread_mutex_lock(&p->lock);
	struct bus_reader *reader = p->reader;
	p->reader = NULL;
	p->active = false;
	pthread_mutex_unlock(&p->lock);
	bus_reader_close(reader);
	batch_reset(&p->batch);
}

/* ---- recording */

static int64_t check_every_ms(const struct projection *p)
{
	return p->o.lease_ms / 4 < CHECK_MS ? p->o.lease_ms / 4 : CHECK_MS;
}

/* False when EVENTS is not the stream any more whose sequences the position counts in. */
static bool is_same_stream(struct projection *p)
{
	struct bus_stream_state events;
	struct err ignored; /* unanswered is no proof; a PostgreSQL that is away shows when there is something to write */
	int64_t now = clock_mono_ms(p->o.clock);
	if (now - p->checked_mono_ms < check_every_ms(p))
		return true;
	p->checked_mono_ms = now;
	if (store_ping(p->store, &ignored) != STATUS_OK || !bus_is_connected(p->o.bus))
		return true;
	if (bus_stream_state(p->o.bus, STREAM_EVENTS, &events, &ignored) != STATUS_OK ||
	    events.created_ms == p->position.created_ms)
		return true;
	p->position.created_ms = events.created_ms;
	return false;
}

/* Waits for events; a small batch is put off a little, so that a steady trickle does not become a transaction per event. */
static void wait_for_events(struct projection *p)
{
	if (!bus_reader_wait(p->reader, 1, check_every_ms(p)))
		return;
	int64_t pause_ms = p->last_batch_mono_ms + GATHER_MS - clock_mono_ms(p->o.clock);
	if (pause_ms > 0 && pause_ms <= GATHER_MS)
		bus_reader_wait(p->reader, GATHER_EVENTS, pause_ms);
}

/* An empty batch when nothing came for a while. */
static void take_batch(struct projection *p)
{
	struct bus_delivery some[64];
	size_t n;
	wait_for_events(p);
	p->last_batch_mono_ms = clock_mono_ms(p->o.clock);
	do {
		size_t room, bytes;
		batch_room(&p->batch, &room, &bytes);
		n = bus_reader_take(p->reader, some, room < countof(some) ? room : countof(some), bytes);
		for (size_t i = 0; i < n; i++)
			batch_add(&p->batch, &some[i]);
	} while (n);
}

enum insistence { WRITTEN, ENDING, LOST };

/* Insists until the batch is committed, the service ends, or another replica turns out to record. */
static enum insistence insist(struct projection *p)
{
	for (int64_t wait_ms = BACKOFF_MIN_MS;; wait_ms = wait_ms * 2 < BACKOFF_MAX_MS ? wait_ms * 2 : BACKOFF_MAX_MS) {
		struct err err = {0};
		enum status status = batch_write(&p->batch, p->store, &p->position, &err);
		if (status == STATUS_CANCELLED)
			return LOST;
		trouble_note(&p->trouble, status == STATUS_OK ? NULL : &err);
		if (status == STATUS_OK)
			return WRITTEN;
		if (!pause_between_tries(p, wait_ms))
			return ENDING;
	}
}

static void tell_committed(struct projection *p)
{
	pthread_mutex_lock(&p->lock);
	p->commits++;
	pthread_cond_broadcast(&p->committed);
	pthread_mutex_unlock(&p->lock);
}

/* Commits of other replicas are not heard of: whoever waits looks again soon. */
#define LOOK_AGAIN_MS 50

enum status projection_place(struct store *s, int64_t *ret_created_ms, uint64_t *ret_sequence, struct err *err)
{
	scoped_result r = {0};
	const struct span reader = SPAN(READER);
	int64_t sequence = 0;
	enum status status = store_query_prepared(
	    s, "place", "SELECT created_ms, sequence FROM stream_positions WHERE reader = $1", &reader, 1, &r, err);
	*ret_created_ms = 0;
	if (status == STATUS_OK && r.rows &&
	    !(span_i64(store_value(&r, 0, 0), ret_created_ms) && span_i64(store_value(&r, 0, 1), &sequence)))
		return err_set(err, STATUS_INTERNAL, "the projection's position is no number");
	*ret_sequence = (uint64_t)sequence;
	return status;
}

enum status projection_check(void *projection, struct err *err)
{
	struct projection *p = projection;
	return trouble_check(&p->trouble, err);
}

bool projection_wait(struct projection *p, int64_t at_most_ms)
{
	pthread_mutex_lock(&p->lock);
	bool active = p->active;
	struct timespec until = wait_until(active || at_most_ms < LOOK_AGAIN_MS ? at_most_ms : LOOK_AGAIN_MS);
	uint64_t before = p->commits;
	while (p->commits == before && !p->stopping && pthread_cond_timedwait(&p->committed, &p->lock, &until) == 0)
		;
	bool again = p->commits != before || (!active && !p->stopping);
	pthread_mutex_unlock(&p->lock);
	return again;
}

/* Until the service ends, another replica records, or the stream is another one. */
static void record(struct projection *p)
{
	while (!is_stopping(p) && is_same_stream(p)) {
		take_batch(p);
		if (!p->batch.n)
			continue;
		batch_fold(&p->batch);
		if (insist(p) != WRITTEN)
			return;
		tell_committed(p);
		batch_recorded(&p->batch);
		batch_reset(&p->batch);
	}
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
		trouble_note(&p->trouble, status == STATUS_OK ? NULL : &err);
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
	while (become_active(p)) {
		record(p);
		give_up_turn(p);
	}
	return NULL;
}

static void release(struct projection *p)
{
	batch_free(&p->batch);
	store_free(p->store);
	pthread_cond_destroy(&p->changed);
	pthread_cond_destroy(&p->committed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void init_locks(struct projection *p)
{
	wait_cond_init(&p->changed);
	wait_cond_init(&p->committed);
	pthread_mutex_init(&p->lock, NULL);
}

enum status projection_start(const struct projection_options *o, struct projection **ret, struct err *err)
{
	struct projection *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	*p = (struct projection){.o = *o, .trouble = TROUBLE_INIT("cannot record jobs, will try again", "recording jobs again")};
	p->position = (struct store_position){.reader = READER, .stream = STREAM_EVENTS, .silence_ms = o->lease_ms};
	p->batch.clock = o->clock;
	p->batch.estimate = o->estimate;
	p->batch.jobs_created_ms = o->jobs_created_ms;
	p->batch.rows.max_bytes = ROWS_BYTES_MAX;
	init_locks(p);
	batch_register_metrics();
	const struct store_options so = {.url = o->database_url,
	                                 .application = "gannet-jobs projection",
	                                 .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
	                                 .session_sql = write_session_sql};
	enum status status = store_new(&so, &p->store, err);
	if (status == STATUS_OK && pthread_create(&p->thread, NULL, run, p) != 0)
		status = err_retry(err, STATUS_UNAVAILABLE, "no thread for the projection");
	if (status != STATUS_OK) {
		release(p);
		return status;
	}
	*ret = p;
	return STATUS_OK;
}

void projection_stop(struct projection *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->changed);
	pthread_cond_broadcast(&p->committed);
	if (p->reader)
		bus_reader_wake(p->reader);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	release(p);
}
