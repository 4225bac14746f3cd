/* Whether the jobs service has recorded all that EVENTS holds. */
#include <pthread.h>

#include "bus/topology.h"
#include "store/store.h"
#include "tests/lib/jobs.h"
#include "tests/lib/process.h"

static struct store *store;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void close_store(void)
{
	store_free(store);
}

/* Under the lock. */
static enum status ask(uint64_t *ret_sequence, struct err *err)
{
	const struct store_options o = {.url = postgres_known_url(), .application = "test positions"};
	if (!o.url)
		return err_set(err, STATUS_UNAVAILABLE, "no PostgreSQL was started");
	if (!store && store_new(&o, &store, err) != STATUS_OK)
		return err->status;
	scoped_result table = {0}, found = {0};
	enum status status = store_query(store, "SELECT to_regclass('stream_positions')", NULL, 0, &table, err);
	if (status == STATUS_OK && !store_value(&table, 0, 0).p)
		return err_set(err, STATUS_NOT_FOUND, "no schema yet");
	if (status == STATUS_OK)
		status = store_query(store, "SELECT sequence FROM stream_positions WHERE reader = 'jobs'", NULL, 0, &found, err);
	if (status != STATUS_OK)
		return status;
	int64_t sequence;
	if (!found.rows || !span_i64(store_value(&found, 0, 0), &sequence))
		return err_set(err, STATUS_NOT_FOUND, "nothing was recorded yet");
	*ret_sequence = (uint64_t)sequence;
	return STATUS_OK;
}

bool test_unrecorded(struct bus *b, uint64_t *ret)
{
	struct bus_stream_state events;
	uint64_t sequence = 0;
	struct err err;
	if (bus_stream_state(b, STREAM_EVENTS, &events, &err) != STATUS_OK)
		return false;
	pthread_mutex_lock(&lock);
	if (!store)
		test_at_end(TEST_END_SERVERS, close_store);
	bool known = ask(&sequence, &err) == STATUS_OK;
	pthread_mutex_unlock(&lock);
	if (known)
		*ret = sequence < events.last_sequence ? events.last_sequence - sequence : 0;
	return known;
}

bool test_all_recorded(struct bus *b)
{
	uint64_t n;
	return test_unrecorded(b, &n) && n == 0;
}
