/* The PostgreSQL library against a real server: parameters, errors, transactions, COPY, reconnects and migrations. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/lib/servers.h"

static struct store *open_store(const char *session_sql, int64_t statement_timeout_ms)
{
	struct err err = {0};
	struct store *s;
	const struct store_options o = {.url = test_postgres_url(),
	                                .application = "store_test",
	                                .session_sql = session_sql,
	                                .statement_timeout_ms = statement_timeout_ms};
	CHECK_OK(store_new(&o, &s, &err), err);
	return s;
}

static void run(struct store *s, const char *sql)
{
	struct err err = {0};
	CHECK_OK(store_exec(s, sql, NULL, 0, &err), err);
}

TEST(parameters_are_values_never_sql)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	const struct span nasty = SPAN("'); DROP TABLE x; -- \\ \" ÄÖ");
	const struct span params[] = {nasty, {0}, SPAN("")};
	scoped_result r = {0};
	CHECK_OK(store_query(s, "SELECT $1::text, $2::text, $3::text", params, 3, &r, &err), err);
	CHECK_INT(r.rows, 1);
	CHECK(span_eq(store_value(&r, 0, 0), nasty));
	CHECK(!store_value(&r, 0, 1).p);
	CHECK(store_value(&r, 0, 2).p && store_value(&r, 0, 2).n == 0);
	CHECK(!store_value(&r, 1, 0).p);
	CHECK(!store_value(&r, 0, 3).p);
	const struct span nul = {"a\0b", 3};
	CHECK_STATUS(store_exec(s, "SELECT $1::text", &nul, 1, &err), STATUS_INVALID);
	store_free(s);
}

TEST(errors_carry_class_and_sqlstate_but_no_values)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 200);
	run(s, "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL)");
	run(s, "INSERT INTO t VALUES (1, 1)");
	const struct span secret = SPAN("geheim");
	CHECK_STATUS(store_exec(s, "INSERT INTO t VALUES (1, 2)", NULL, 0, &err), STATUS_CONFLICT);
	CHECK_HAS(err.msg, "23505");
	CHECK(!err.retryable);
	CHECK_STATUS(store_exec(s, "SELECT $1::int", &secret, 1, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "22P02");
	CHECK(!strstr(err.msg, "geheim"));
	CHECK_STATUS(store_exec(s, "SELECT * FROM missing", NULL, 0, &err), STATUS_INTERNAL);
	CHECK_STATUS(store_exec(s, "SELECT pg_sleep(5)", NULL, 0, &err), STATUS_TIMEOUT);
	CHECK(err.retryable);
	run(s, "SELECT 1");
	store_free(s);
}

TEST(read_only_connections_refuse_to_write)
{
	struct err err = {0};
	struct store *s;
	const struct store_options o = {.url = test_postgres_url(), .read_only = true};
	CHECK_OK(store_new(&o, &s, &err), err);
	CHECK_OK(store_ping(s, &err), err);
	CHECK_STATUS(store_exec(s, "CREATE TABLE t (n int)", NULL, 0, &err), STATUS_UNAVAILABLE);
	store_free(s);
}

TEST(prepared_statements_survive_a_restart_of_the_server)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	for (int round = 0; round < 3; round++) {
		const struct span param = SPAN("41");
		for (int i = 0; i < 2; i++) {
			scoped_result r = {0};
			CHECK_OK(store_query_prepared(s, "inc", "SELECT $1::int + 1", &param, 1, &r, &err), err);
			CHECK_SPAN(store_value(&r, 0, 0), "42");
		}
		test_postgres_kill(round ? SIGKILL : SIGINT);
		/* A killed postmaster's children answer for a moment longer. */
		WAIT_FOR(store_ping(s, &err) != STATUS_OK, "the connection to be gone");
		CHECK_INT(err.status, STATUS_UNAVAILABLE);
		CHECK(err.retryable);
		test_postgres_start();
	}
	CHECK_OK(store_ping(s, &err), err);
	store_free(s);
}

TEST(session_sql_runs_on_every_connection)
{
	struct err err = {0};
	struct store *s = open_store("CREATE TEMPORARY TABLE mine (n int); SET application_name = 'set';", 0);
	for (int round = 0; round < 2; round++) {
		scoped_result r = {0};
		run(s, "INSERT INTO mine VALUES (1)");
		CHECK_OK(store_query(s, "SELECT count(*), current_setting('application_name') FROM mine", NULL, 0, &r, &err),
		         err);
		CHECK_SPAN(store_value(&r, 0, 0), "1");
		CHECK_SPAN(store_value(&r, 0, 1), "set");
		test_postgres_kill(SIGKILL);
		test_postgres_start();
	}
	store_free(s);
	s = open_store("SELECT 1 / 0;", 0);
	CHECK_STATUS(store_ping(s, &err), STATUS_INVALID);
	store_free(s);
}

TEST(nothing_runs_outside_the_transaction_it_was_meant_for)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	run(s, "CREATE TABLE t (n int)");
	CHECK_OK(store_begin(s, &err), err);
	run(s, "INSERT INTO t VALUES (1)");
	test_postgres_kill(SIGKILL);
	test_postgres_start();
	CHECK_STATUS(store_exec(s, "INSERT INTO t VALUES (2)", NULL, 0, &err), STATUS_UNAVAILABLE);
	CHECK_HAS(err.msg, "transaction");
	run(s, "INSERT INTO t VALUES (3)");
	CHECK(strcmp(test_sql("SELECT string_agg(n::text, ',') FROM t"), "3") == 0);
	store_free(s);
}

TEST(a_commit_that_rolled_back_is_an_error)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	run(s, "CREATE TABLE t (n int)");
	CHECK_OK(store_begin(s, &err), err);
	run(s, "INSERT INTO t VALUES (1)");
	CHECK_STATUS(store_exec(s, "SELECT 1 / 0", NULL, 0, &err), STATUS_INVALID);
	CHECK_STATUS(store_commit(s, &err), STATUS_INTERNAL);
	CHECK_OK(store_begin(s, &err), err);
	run(s, "INSERT INTO t VALUES (2)");
	store_rollback(s);
	store_rollback(s);
	CHECK_OK(store_begin(s, &err), err);
	run(s, "INSERT INTO t VALUES (3)");
	CHECK_OK(store_commit(s, &err), err);
	CHECK(strcmp(test_sql("SELECT string_agg(n::text, ',') FROM t"), "3") == 0);
	store_free(s);
}

struct row {
	int64_t n, when;
	struct span text, json;
};
static const struct store_column columns[] = {
    {STORE_I64, offsetof(struct row, n)},
    {STORE_TIME, offsetof(struct row, when)},
    {STORE_TEXT, offsetof(struct row, text)},
    {STORE_TEXT, offsetof(struct row, json)},
};

static enum status copy_rows(struct store *s, const struct row *rows, size_t n, struct err *err)
{
	scoped_buf out = {0};
	store_copy_begin(&out);
	for (size_t i = 0; i < n; i++)
		store_copy_row(&out, columns, countof(columns), &rows[i]);
	store_copy_end(&out);
	return store_copy(s, "COPY t FROM STDIN (FORMAT binary)", buf_span(&out), err);
}

TEST(copied_rows_arrive_as_they_were)
{
	struct err err = {0};
	struct store *s = open_store("SET timezone = 'UTC';", 0);
	run(s, "CREATE TABLE t (n bigint, \"when\" timestamptz, text text, json json)");
	const struct row rows[] = {
	    {-5, 1767323045678, SPAN("tab\tnew\nline \\ ü"), SPAN("{\"a\": [1, null]}")},
	    {STORE_NULL, 0, {0}, {0}},
	};
	CHECK_OK(copy_rows(s, rows, 2, &err), err);
	scoped_result r = {0};
	CHECK_OK(store_query(s, "SELECT n, \"when\", text, json->'a'->>0, t IS NULL FROM t", NULL, 0, &r, &err), err);
	CHECK_INT(r.rows, 2);
	CHECK_SPAN(store_value(&r, 0, 0), "-5");
	CHECK_SPAN(store_value(&r, 0, 1), "2026-01-02 03:04:05.678+00");
	CHECK(span_eq(store_value(&r, 0, 2), rows[0].text));
	CHECK_SPAN(store_value(&r, 0, 3), "1");
	CHECK_SPAN(store_value(&r, 1, 4), "t");
	CHECK(strcmp(store_column_name(&r, 1), "when") == 0);
	store_free(s);
}

TEST(a_refused_copy_leaves_the_connection_usable)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	run(s, "CREATE TABLE t (n bigint NOT NULL, \"when\" timestamptz, text text, json json)");
	const struct row bad_json = {1, 0, SPAN("x"), SPAN("{")}, null_key = {STORE_NULL, 0, SPAN("x"), {0}},
	                 good = {1, 0, {0}, {0}};
	CHECK_STATUS(copy_rows(s, &bad_json, 1, &err), STATUS_INVALID);
	CHECK_STATUS(copy_rows(s, &null_key, 1, &err), STATUS_CONFLICT);
	CHECK_STATUS(store_copy(s, "COPY missing FROM STDIN", SPAN(""), &err), STATUS_INTERNAL);
	CHECK_OK(copy_rows(s, &good, 1, &err), err);
	CHECK(strcmp(test_sql("SELECT count(*) FROM t"), "1") == 0);
	store_free(s);
}

TEST(a_copy_cut_by_the_servers_death_copies_nothing)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	run(s, "CREATE TABLE t (n bigint, \"when\" timestamptz, text text, json json)");
	const struct row row = {1, 0, SPAN("x"), {0}};
	CHECK_OK(store_begin(s, &err), err);
	CHECK_OK(copy_rows(s, &row, 1, &err), err);
	test_postgres_kill(SIGKILL);
	test_postgres_start();
	CHECK_STATUS(store_commit(s, &err), STATUS_UNAVAILABLE);
	CHECK(strcmp(test_sql("SELECT count(*) FROM t"), "0") == 0);
	store_free(s);
}

static pid_t backend_of(struct store *s)
{
	struct err err = {0};
	scoped_result r = {0};
	int64_t pid = 0;
	CHECK_OK(store_query(s, "SELECT pg_backend_pid()", NULL, 0, &r, &err), err);
	CHECK(span_i64(store_value(&r, 0, 0), &pid));
	return (pid_t)pid;
}

TEST(a_server_that_hangs_is_left)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 100);
	run(s, "CREATE TABLE t (n bigint, \"when\" timestamptz, text text, json json)");
	static char big[8 << 20];
	memset(big, 'x', sizeof big);
	const struct row row = {1, 0, {big, sizeof big}, {0}};
	for (int round = 0; round < 2; round++) {
		pid_t backend = backend_of(s);
		CHECK(kill(backend, SIGSTOP) == 0);
		enum status status = round ? copy_rows(s, &row, 1, &err) : store_exec(s, "SELECT 1", NULL, 0, &err);
		kill(backend, SIGCONT);
		CHECK_STATUS(status, STATUS_UNAVAILABLE);
		CHECK_HAS(err.msg, "no answer");
		CHECK(err.retryable);
		CHECK_OK(store_ping(s, &err), err);
	}
	store_free(s);
}

/* ---- migrations */

static const struct store_migration migrations[] = {
    {1, "first", "CREATE TABLE first (n int); INSERT INTO first VALUES (1)"},
    {2, "second", "ALTER TABLE first ADD m int"},
};

TEST(migrations_run_once_in_order)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	int applied = -1;
	CHECK_OK(store_migrate(s, "test", migrations, 1, &applied, &err), err);
	CHECK_INT(applied, 1);
	CHECK_OK(store_migrate(s, "test", migrations, 2, &applied, &err), err);
	CHECK_INT(applied, 1);
	CHECK_OK(store_migrate(s, "test", migrations, 2, &applied, &err), err);
	CHECK_INT(applied, 0);
	CHECK(strcmp(test_sql("SELECT count(*) FROM first WHERE m IS NULL"), "1") == 0);
	CHECK(strcmp(test_sql("SELECT string_agg(owner || version || name, ' ' ORDER BY version) FROM schema_migrations"),
	             "test1first test2second") == 0);
	store_free(s);
}

TEST(a_changed_migration_is_refused)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	const struct store_migration changed[] = {{1, "first", "CREATE TABLE first (n bigint)"}, migrations[1]};
	CHECK_OK(store_migrate(s, "test", migrations, 1, NULL, &err), err);
	CHECK_STATUS(store_migrate(s, "test", changed, 2, NULL, &err), STATUS_CONFLICT);
	CHECK_HAS(err.msg, "test/0001_first");
	CHECK(!err.retryable);
	CHECK(strcmp(test_sql("SELECT count(*) FROM schema_migrations"), "1") == 0);
	store_free(s);
}

TEST(a_failing_migration_leaves_nothing)
{
	struct err err = {0};
	struct store *s = open_store(NULL, 0);
	const struct store_migration bad[] = {{1, "half", "CREATE TABLE half (n int); SELECT 1 / 0"}};
	CHECK_STATUS(store_migrate(s, "test", bad, 1, NULL, &err), STATUS_INVALID);
	CHECK(strcmp(test_sql("SELECT count(*) FROM pg_tables WHERE tablename IN ('half', 'schema_migrations')"), "0") ==
	      0);
	store_free(s);
}

TEST(migrations_of_many_processes_at_once_run_once)
{
	enum { PROCESSES = 6 };
	pid_t children[PROCESSES];
	test_postgres_url();
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		CHECK(children[i] >= 0);
		if (children[i] == 0) {
			struct err err = {0};
			struct store *s;
			const struct store_options o = {.url = test_postgres_url()};
			_exit(store_new(&o, &s, &err) != STATUS_OK ||
			      store_migrate(s, "test", migrations, 2, NULL, &err) != STATUS_OK);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		CHECK_INT(waitpid(children[i], &status, 0), children[i]);
		CHECK_INT(status, 0);
	}
	CHECK(strcmp(test_sql("SELECT count(*) FROM first"), "1") == 0);
}
