/* Positions of readers: one reads at a time, and what is stored and how far it was read are one. */
#include <stdlib.h>

#include "store/position.h"
#include "tests/lib/servers.h"

static struct store *open_store(void)
{
	struct err err = {0};
	struct store *s;
	const struct store_options o = {.url = test_postgres_url(), .application = "position_test"};
	static const struct store_migration migrations[] = {{1, "one", "CREATE TABLE work (n int)"}};
	CHECK_OK(store_new(&o, &s, &err), err);
	CHECK_OK(store_migrate(s, "test", migrations, 1, NULL, &err), err);
	return s;
}

static struct store_position position(void)
{
	return (struct store_position){.reader = "r", .stream = "S", .silence_ms = 30000, .created_ms = 1};
}

static bool take(struct store *s, struct store_position *p)
{
	struct err err = {0};
	bool taken;
	CHECK_OK(store_position_take(s, p, &taken, &err), err);
	return taken;
}

static void begin(struct store *s, struct store_position *p, uint64_t sequence)
{
	struct err err = {0};
	CHECK(take(s, p));
	CHECK(p->is_new);
	p->sequence = sequence;
	CHECK_OK(store_position_begin(s, p, &err), err);
}

/* One row of work and the position behind it. */
static enum status work(struct store *s, struct store_position *p, uint64_t to, struct err *err)
{
	CHECK_OK(store_begin(s, err), *err);
	CHECK_OK(store_exec(s, "INSERT INTO work VALUES (1)", NULL, 0, err), *err);
	enum status status = store_position_move(s, p, to, err);
	if (status == STATUS_OK)
		status = store_commit(s, err);
	if (status == STATUS_OK)
		p->sequence = to;
	else
		store_rollback(s);
	return status;
}

TEST(a_position_moves_with_the_work_and_is_found_again)
{
	struct err err = {0};
	struct store *s = open_store();
	struct store_position p = position(), again = position();
	begin(s, &p, 5);
	CHECK_OK(work(s, &p, 9, &err), err);
	CHECK_OK(store_begin(s, &err), err);
	CHECK_OK(store_position_move(s, &p, 12, &err), err);
	store_rollback(s);
	CHECK(take(s, &again));
	CHECK(!again.is_new);
	CHECK_INT(again.sequence, 9);
	CHECK_INT(atol(test_sql("SELECT count(*) FROM work")), 1);
	store_free(s);
}

TEST(one_reads_at_a_time_and_the_next_begins_when_its_connection_ends)
{
	struct store *a = open_store(), *b = open_store();
	struct store_position p = position(), q = position();
	begin(a, &p, 5);
	CHECK(!take(b, &q));
	store_free(a);
	WAIT_FOR(take(b, &q), "the lock");
	CHECK_INT(q.sequence, 5);
	struct store_position other = position();
	other.reader = "other";
	struct store *c = open_store();
	CHECK(take(c, &other));
	store_free(b);
	store_free(c);
}

TEST(one_that_lost_its_turn_stores_nothing)
{
	struct err err = {0};
	struct store *a = open_store(), *b = open_store();
	struct store_position p = position(), q;
	begin(a, &p, 5);
	test_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')");
	q = position();
	WAIT_FOR(take(b, &q), "the lock");
	CHECK(store_ping(a, &err) == STATUS_OK || store_ping(a, &err) == STATUS_OK); /* on a connection of its own again */
	CHECK_STATUS(work(a, &p, 9, &err), STATUS_CANCELLED);
	CHECK_OK(work(b, &q, 8, &err), err);
	store_free(b);
	/* Alone again, but somebody has moved the position meanwhile. */
	CHECK_STATUS(work(a, &p, 9, &err), STATUS_CANCELLED);
	CHECK_INT(atol(test_sql("SELECT count(*) FROM work")), 1);
	WAIT_FOR(take(a, &p), "the lock");
	CHECK_INT(p.sequence, 8);
	CHECK_OK(work(a, &p, 9, &err), err);
	store_free(a);
}

TEST(a_silent_reader_loses_its_turn)
{
	struct err err = {0};
	struct store *a = open_store(), *b = open_store();
	struct store_position p = position(), q = position();
	begin(a, &p, 5);
	CHECK(!take(b, &q));
	q.silence_ms = 300;
	WAIT_FOR(take(b, &q), "the silent connection to be ended");
	CHECK(store_ping(a, &err) == STATUS_OK || store_ping(a, &err) == STATUS_OK);
	CHECK(!take(a, &p));
	store_free(a);
	store_free(b);
}

TEST(another_stream_of_the_same_name_is_new)
{
	struct store *s = open_store();
	struct store_position p = position(), q = position();
	begin(s, &p, 5);
	q.created_ms = 2;
	begin(s, &q, 0);
	CHECK(take(s, &q));
	CHECK(!q.is_new);
	CHECK_INT(q.sequence, 0);
	store_free(s);
}
