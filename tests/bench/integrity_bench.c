/* Measures the integrity watcher on a database of a million rows: how fast it looks, that order is quiet and defects are found. */
#include <stdio.h>
#include <time.h>

#include "tests/integration/watchers_helpers.h"

#define RUNS 2
#define CONFIG                                                                                                         \
	"{\"tenant\":\"acme\",\"watches\":[{\"name\":\"db\",\"watcher\":\"integrity\",\"schedule\":\"never\",\"options\":" \
	"{\"load_percent\":100,\"statement_timeout_ms\":20000}}]}"

static void print(const char *figure, double value, const char *unit, int runs, const char *settings)
{
	printf("{\"figure\":\"integrity_%s\",\"value\":%.6g,\"unit\":\"%s\",\"runs\":%d,\"settings\":\"%s\"}\n", figure,
	       value, unit, runs, settings);
	fflush(stdout);
}

/* 1,000,000 rows in eight tables, in order. */
static void make_database(void)
{
	test_postgres_url();
	test_sql(
	    "CREATE TABLE users (id bigserial PRIMARY KEY, email text, country text, age int, active boolean, created_at "
	    "timestamptz);"
	    "CREATE TABLE orders (id bigserial PRIMARY KEY, user_id bigint, total numeric, "
	    "order_number text, status text, placed_at timestamptz);"
	    "CREATE TABLE order_items (id bigserial PRIMARY KEY, order_id bigint, product_id int, "
	    "quantity int, price numeric);"
	    "CREATE TABLE products (id serial PRIMARY KEY, sku text, name text, price numeric);"
	    "CREATE TABLE events (id bigserial PRIMARY KEY, session_uuid uuid, kind text, url text, at timestamptz);"
	    "CREATE TABLE sessions (id uuid PRIMARY KEY, user_id bigint, token text);"
	    "INSERT INTO users (email, country, age, active, created_at) SELECT 'user' || i || '@example.com', "
	    "(ARRAY['DE','FR','IT','ES'])[1 + i % 4], "
	    "18 + i % 70, i % 3 > 0, '2024-01-01'::timestamptz + i * interval '1 minute' FROM generate_series(1, 150000) i;"
	    "INSERT INTO products (sku, name, price) SELECT 'SKU-' || i, 'product ' || i, i % 900 FROM generate_series(1, "
	    "10000) i;"
	    "INSERT INTO orders (user_id, total, order_number, status, placed_at) SELECT 1 + i % 150000, i % 500, 'N-' || "
	    "i, "
	    "(ARRAY['new','paid','sent'])[1 + i % 3], '2025-01-01'::timestamptz + i * interval '1 minute' FROM "
	    "generate_series(1, 250000) i;"
	    "INSERT INTO order_items (order_id, product_id, quantity, price) SELECT 1 + i % 250000, 1 + i % 10000, 1 + i % "
	    "9, i % 90 "
	    "FROM generate_series(1, 400000) i;"
	    "INSERT INTO sessions SELECT gen_random_uuid(), 1 + i % 150000, md5(i::text) FROM generate_series(1, 40000) i;"
	    "INSERT INTO events (session_uuid, kind, url, at) SELECT s.id, 'view', 'https://example.com/p/' || (n % 100), "
	    "now() - n * interval '1 minute' "
	    "FROM (SELECT id, row_number() OVER () AS n FROM sessions) s, generate_series(1, 4) LIMIT 150000");
	test_sql("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id); ALTER TABLE order_items ADD FOREIGN "
	         "KEY (order_id) REFERENCES orders (id)");
	test_sql("ANALYZE");
}

/* Without the tests' limit of time: a bench may be slow. */
static const char *run_long(void)
{
	const char *record, *id = test_json(ask_watch("run", "{\"name\":\"db\"}"), "/run_id");
	while (!is_over(id, &record))
		nanosleep(&(const struct timespec){0, 20000000}, NULL);
	return record;
}

static double seconds_of(const char *record)
{
	CHECK_MSG(strcmp(test_json(record, "/status"), "completed") == 0, "%s", record);
	return atof(test_json(record, "/duration_ms")) / 1000;
}

TEST(a_million_rows)
{
	double best = 1e9;
	make_database();
	double rows = (double)count_sql(
	    "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM orders) + (SELECT count(*) FROM order_items) + "
	    "(SELECT count(*) FROM products) + (SELECT count(*) FROM events) + (SELECT count(*) FROM sessions)");
	start_watchers(CONFIG);
	for (int i = 0; i < RUNS; i++) {
		const char *quiet = run_long();
		double s = seconds_of(quiet);
		best = s < best ? s : best;
		CHECK_MSG(strcmp(test_json(quiet, "/open"), "0") == 0, "an ordinary database is not quiet: %s", quiet);
		CHECK_MSG(strcmp(test_json(quiet, "/result/skipped_n"), "0") == 0, "%s", quiet);
	}
	const char *settings = "6 tables, all checks, load_percent 100, server and service on the same 2 cores, no "
	                       "parallel workers, best of the runs";
	print("run", best, "s", RUNS, settings);
	print("rows", rows, "rows", 1, "in the database");
	print("rows_per_s", rows / best, "rows/s", RUNS, "of the database, each looked at by every check that concerns it");
	print("false_alarms", 0, "findings", RUNS, "in an ordinary database; the bench fails otherwise");
	static const char *const planted[][2] = {
	    {"UPDATE order_items SET product_id = 900000 + id WHERE id % 80000 = 7", "orphaned_rows"},
	    {"UPDATE events SET session_uuid = gen_random_uuid() WHERE id % 30000 = 7", "orphaned_rows"},
	    {"UPDATE orders SET order_number = 'N-1' WHERE id IN (2, 3)", "duplicate_values"},
	    {"UPDATE users SET email = 'x' || id WHERE id % 30000 = 7", "format_anomaly"},
	    {"UPDATE users SET country = NULL WHERE id % 20000 = 7", "null_anomaly"},
	    {"UPDATE users SET age = -1 WHERE id = 7", "range_anomaly"},
	    {"UPDATE orders SET placed_at = '1970-01-01' WHERE id = 7", "range_anomaly"},
	    {"DELETE FROM events WHERE id % 10 < 8", "row_count_jump"},
	    {"ALTER TABLE orders ADD CONSTRAINT small CHECK (total < 400) NOT VALID", "constraint_not_valid"},
	    {"SELECT setval('products_id_seq', 2000000000)", "sequence_exhausted"},
	};
	for (size_t i = 0; i < countof(planted); i++)
		test_sql(planted[i][0]);
	const char *record = run_long();
	seconds_of(record);
	size_t found = 0;
	const char *findings = test_json(record, "/result/findings");
	for (size_t i = 0; i < countof(planted); i++)
		found += strstr(findings, planted[i][1]) != NULL;
	CHECK_MSG(atoi(test_json(record, "/open")) == (int)countof(planted), "%s", record);
	print("recall", (double)found / countof(planted), "share", 1,
	      "10 planted defects of 3 to 8 rows in a million, and no other finding");
}
