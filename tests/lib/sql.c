/* One value out of the test's database. */
#include <pthread.h>

#include "store/store.h"
#include "tests/lib/servers.h"

static struct store *store;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void close_store(void)
{
	store_free(store);
}

/* The server may have been killed since the last call, which the old connection only notices when it is used. */
static struct store *connection(void)
{
	struct err err;
	struct store_options o = {.url = test_postgres_url(), .application = "test"};
	if (!store) {
		CHECK_OK(store_new(&o, &store, &err), err);
		test_at_end(TEST_END_SERVERS, close_store);
	}
	if (store_ping(store, &err) != STATUS_OK)
		CHECK_OK(store_ping(store, &err), err);
	return store;
}

const char *test_sql(const char *sql)
{
	static _Thread_local char value[65536];
	scoped_result r = {0};
	struct err err;
	pthread_mutex_lock(&lock);
	CHECK_OK(store_query(connection(), sql, NULL, 0, &r, &err), err);
	struct span got = r.rows && r.columns ? store_value(&r, 0, 0) : SPAN("");
	CHECK_MSG(span_copy(got, value, sizeof value), "%zu bytes of %s do not fit", got.n, sql);
	pthread_mutex_unlock(&lock);
	return value;
}
