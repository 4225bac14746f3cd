/* The writer's thread: election, place, reading, writing, and beginning again when anything fails. */
#include "ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "bus/topology.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/wait.h"
#include "service/trouble.h"
#include "write.h"

extern const struct store_migration migrations_analytics[];
extern const size_t migrations_analytics_n;

#define LOCK_SQL "SELECT pg_try_advisory_lock(7449356679075097963)"
#define STANDBY_MS 1000          /* how often a replica that does not write tries to become the writer */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define IDLE_MS 5000             /* a place that moved over events of other kinds is stored at least this often */
#define GATHER_ROWS 1024         /* after a smaller batch the next one gathers for GATHER_MS */
#define GATHER_MS 20
#define STATEMENT_TIMEOUT_MS 60000

static struct metric events_total = {.name = "gannet_ledger_events_total",
                                     .help = "Final events, by what became of them",
                                     .kind = METRIC_COUNTER,
                                     .label1 = "result"};
static struct metric lag_gauge = {.name = "gannet_ledger_lag_seconds",
                                  .help = "Age of the last event when its row was committed",
                                  .kind = METRIC_GAUGE,
                                  .scale = 1e-3};
static const double seconds_bounds[] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
static struct metric write_seconds = {.name = "gannet_ledger_write_seconds",
                                      .help = "Time to write a batch",
                                      .kind = METRIC_HISTOGRAM,
                                      .bounds = seconds_bounds,
                                      .bounds_n = countof(seconds_bounds),
                                      .scale = 1e-6};
static struct metric writer_gauge = {
    .name = "gannet_ledger_writer", .help = "1 in the replica that writes the ledger", .kind = METRIC_GAUGE};

struct ledger {
	struct ledger_options o;
	struct trouble trouble;
	pthread_t thread;
	atomic_bool writing;
	struct {
		struct metric_series *entered, *poison, *lag, *seconds, *writer;
	} metrics;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
	struct reader *reader; /* of the session that runs, to be interrupted */
};

static bool is_stopping(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	bool stopping = l->stopping;
	pthread_mutex_unlock(&l->lock);
	return stopping;
}

/* False when it is time to end. */
static bool pause_ms(struct ledger *l, int64_t ms)
{
	struct timespec until = wait_until(ms);
	pthread_mutex_lock(&l->lock);
	while (!l->stopping && pthread_cond_timedwait(&l->changed, &l->lock, &until) == 0)
		;
	bool stopping = l->stopping;
	pthread_mutex_unlock(&l->lock);
	return !stopping;
}

static void set_writing(struct ledger *l, bool writing)
{
	if (atomic_exchange(&l->writing, writing) != writing)
		log_fields(LOG_INFO, writing ? "this replica writes the ledger" : "this replica does not write the ledger any more");
	metric_set(l->metrics.writer, writing);
}

/* ---- one session: from the lock to the first error */

static enum status take_lock(struct store *s, bool *ret, struct err *err)
{
	scoped_result r = {0};
	enum status status = store_query(s, LOCK_SQL, NULL, 0, &r, err);
	if (status == STATUS_OK)
		*ret = span_is(store_value(&r, 0, 0), "t");
	return status;
}

static void use_reader(struct ledger *l, struct reader *r)
{
	pthread_mutex_lock(&l->lock);
	l->reader = r;
	pthread_mutex_unlock(&l->lock);
}

static void count_batch(struct ledger *l, const struct usage_batch *b, int64_t refused, int64_t began_ns)
{
	metric_add(l->metrics.entered, (int64_t)b->n - refused);
	metric_add(l->metrics.poison, (int64_t)b->poison + refused);
	if (!b->n)
		return;
	metric_observe(l->metrics.seconds, (clock_mono_ns(l->o.clock) - began_ns) / 1000);
	int64_t lag_ms = clock_wall_ms(l->o.clock) - b->last_stored_ms;
	metric_set(l->metrics.lag, lag_ms > 0 ? lag_ms : 0);
}

static enum status write_all(struct ledger *l, struct writer *w, struct reader *r, struct err *err)
{
	for (bool go_on = true; go_on;) {
		struct usage_batch *b;
		reader_take(r, IDLE_MS, &b);
		go_on = !is_stopping(l);
		int64_t began_ns = clock_mono_ns(l->o.clock), refused = w->refused;
		enum status status = writer_write(w, b, err);
		if (status != STATUS_OK)
			return status;
		trouble_note(&l->trouble, NULL);
		count_batch(l, b, w->refused - refused, began_ns);
		if (go_on && b->n < GATHER_ROWS)
			(void)pause_ms(l, GATHER_MS); /* what has gathered is written before the end */
	}
	return STATUS_OK;
}

/* What the stream has dropped before it was read is lost to the ledger: that must not pass unseen. */
static void warn_of_gap(const struct bus_stream_state *state, const struct ledger_place *place)
{
	if (place->sequence && state->first_sequence > place->sequence + 1)
		log_fields(LOG_WARN, "EVENTS begins behind the place that the ledger has read up to",
		           LOG_I("read_up_to", (int64_t)place->sequence), LOG_I("begins_at", (int64_t)state->first_sequence));
}

static enum status read_and_write(struct ledger *l, struct store *s, struct err *err)
{
	struct bus_stream_state state;
	struct writer w;
	struct reader *r;
	writer_init(&w, s);
	enum status status = bus_stream_state(l->o.bus, STREAM_EVENTS, &state, err);
	if (status == STATUS_OK)
		status = write_place(s, STREAM_EVENTS, state.created_ms, &w.place, err);
	if (status == STATUS_OK) {
		warn_of_gap(&state, &w.place);
		status = reader_open(l->o.bus, l->o.prices, w.place.stream_id, w.place.sequence, &r, err);
	}
	if (status == STATUS_OK) {
		use_reader(l, r);
		status = write_all(l, &w, r, err);
		use_reader(l, NULL);
		reader_close(r);
	}
	writer_free(&w);
	return status;
}

/* A connection of its own, so that the lock is gone with it. */
static enum status session(struct ledger *l, struct err *err)
{
	struct store *s;
	bool mine = false;
	const struct store_options o = {.url = l->o.database_url,
	                                .application = "gannet-analytics ledger",
	                                .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
	                                .session_sql = write_session_sql};
	enum status status = store_new(&o, &s, err);
	if (status != STATUS_OK)
		return status;
	for (;;) {
		status = take_lock(s, &mine, err);
		if (status != STATUS_OK || mine)
			break;
		trouble_note(&l->trouble, NULL);
		if (!pause_ms(l, STANDBY_MS))
			break;
	}
	if (mine) {
		set_writing(l, true);
		status = read_and_write(l, s, err);
		set_writing(l, false);
	}
	store_free(s);
	return status;
}

/* ---- the thread */

static bool migrate(struct ledger *l)
{
	struct err err = {0};
	struct store *s;
	const struct store_options o = {.url = l->o.database_url, .application = "gannet-analytics migrations"};
	enum status status = store_new(&o, &s, &err);
	if (status != STATUS_OK) {
		l->o.broken(l->o.arg, &err);
		return false;
	}
	int applied = 0;
	while ((status = store_migrate(s, "analytics", migrations_analytics, migrations_analytics_n, &applied, &err)) !=
	       STATUS_OK) {
		trouble_note(&l->trouble, &err);
		if (!err.retryable) {
			l->o.broken(l->o.arg, &err);
			break;
		}
		if (!pause_ms(l, 500))
			break;
	}
	store_free(s);
	if (status == STATUS_OK)
		log_fields(LOG_INFO, "schema is up to date", LOG_I("applied", applied));
	return status == STATUS_OK;
}

static void *run(void *arg)
{
	struct ledger *l = arg;
	if (!migrate(l))
		return NULL;
	l->o.migrated(l->o.arg);
	int64_t wait_ms = BACKOFF_MIN_MS;
	while (!is_stopping(l)) {
		struct err err = {0};
		int64_t began_ms = clock_mono_ms(l->o.clock);
		if (session(l, &err) == STATUS_OK)
			continue;
		trouble_note(&l->trouble, &err);
		if (clock_mono_ms(l->o.clock) - began_ms > BACKOFF_MAX_MS)
			wait_ms = BACKOFF_MIN_MS; /* it had worked for a while */
		if (!pause_ms(l, wait_ms))
			break;
		wait_ms = wait_ms * 2 < BACKOFF_MAX_MS ? wait_ms * 2 : BACKOFF_MAX_MS;
	}
	return NULL;
}

static void register_metrics(struct ledger *l)
{
	struct metric *const all[] = {&events_total, &lag_gauge, &write_seconds, &writer_gauge};
	for (size_t i = 0; i < countof(all); i++)
		metric_register(all[i]);
	l->metrics.entered = metric_series(&events_total, "entered", NULL);
	l->metrics.poison = metric_series(&events_total, "poison", NULL);
	l->metrics.lag = metric_series(&lag_gauge, NULL, NULL);
	l->metrics.seconds = metric_series(&write_seconds, NULL, NULL);
	l->metrics.writer = metric_series(&writer_gauge, NULL, NULL);
}

static void release(struct ledger *l)
{
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

enum status ledger_start(const struct ledger_options *o, struct ledger **ret, struct err *err)
{
	struct ledger *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	*l = (struct ledger){.o = *o, .trouble = TROUBLE_INIT("the ledger cannot be written, will try again", "writing the ledger again")};
	register_metrics(l);
	pthread_mutex_init(&l->lock, NULL);
	wait_cond_init(&l->changed);
	if (pthread_create(&l->thread, NULL, run, l) != 0) {
		release(l);
		return err_retry(err, STATUS_UNAVAILABLE, "no thread for the ledger");
	}
	*ret = l;
	return STATUS_OK;
}

enum status ledger_check(void *ledger, struct err *err)
{
	struct ledger *l = ledger;
	return trouble_check(&l->trouble, err);
}

bool ledger_is_writer(struct ledger *l)
{
	return atomic_load(&l->writing);
}

void ledger_stop(struct ledger *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	if (l->reader)
		reader_interrupt(l->reader);
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	release(l);
}
