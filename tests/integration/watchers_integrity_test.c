/* Database integrity on a real PostgreSQL: every planted defect is found, an ordinary database is quiet, repairs resolve. */
#include "tests/integration/watchers_helpers.h"

#define CONFIG                                                                                                         \
	"{\"tenant\":\"acme\",\"watches\":[{\"name\":\"db\",\"watcher\":\"integrity\",\"schedule\":\"never\",\"options\":" \
	"{\"load_percent\":100,\"unused_index_min_bytes\":40000,\"unused_index_min_days\":0%s}}]}"

/* A small shop, in order. */
static void make_shop(void)
{
	test_postgres_url();
	test_sql(
	    "CREATE TABLE users (id bigserial PRIMARY KEY, email text, country text, age int, created_at timestamptz "
	    "DEFAULT now());"
	    "CREATE TABLE orders (id bigserial PRIMARY KEY, user_id bigint REFERENCES users (id), total numeric, "
	    "order_number text);"
	    "CREATE TABLE categories (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text);"
	    "CREATE TABLE products (id serial PRIMARY KEY, category_id uuid, owner_uuid uuid, sku text, price numeric);"
	    "CREATE TABLE tags (id serial PRIMARY KEY, name text UNIQUE);"
	    "CREATE TABLE product_tags (product_id int NOT NULL REFERENCES products (id), tag_id int NOT NULL REFERENCES "
	    "tags (id));"
	    "INSERT INTO users (email, country, age) SELECT 'user' || i || '@example.com', (ARRAY['DE','FR','IT'])[1 + i % "
	    "3], 18 + i % 60 "
	    "FROM generate_series(1, 3000) i;"
	    "INSERT INTO orders (user_id, total, order_number) SELECT 1 + i % 3000, i % 500, 'N-' || i FROM "
	    "generate_series(1, 6000) i;"
	    "INSERT INTO categories (name) SELECT 'c' || i FROM generate_series(1, 50) i;"
	    "INSERT INTO products (category_id, owner_uuid, sku, price) SELECT c.id, c.id, 'SKU-' || i, i % 90 FROM "
	    "generate_series(1, 2000) i "
	    "JOIN (SELECT id, row_number() OVER () AS n FROM categories) c ON c.n = 1 + i % 50;"
	    "INSERT INTO tags (name) SELECT 't' || i FROM generate_series(1, 40) i;"
	    "INSERT INTO product_tags SELECT p, t FROM generate_series(1, 500) p, generate_series(1, 3) t;"
	    "ANALYZE");
}

TEST(planted_defects_are_found_and_repairs_resolve_them)
{
	make_shop();
	start_watchers(text_of(CONFIG, ",\"rules\":[{\"name\":\"no-free-orders\",\"severity\":\"high\",\"sql\":\"SELECT id "
	                               "FROM orders WHERE total < 0\"},"
	                               "{\"name\":\"country-known\",\"table\":\"public.users\",\"column\":\"country\","
	                               "\"values\":[\"DE\",\"FR\",\"IT\"]}]"));
	for (int i = 0; i < 2; i++) {
		const char *quiet = run_watch("db");
		CHECK_MSG(strcmp(test_json(quiet, "/status"), "completed") == 0, "%s", quiet);
		CHECK_MSG(strcmp(test_json(quiet, "/open"), "0") == 0, "%s", quiet);
		CHECK_MSG(strcmp(test_json(quiet, "/result/skipped_n"), "0") == 0, "%s", quiet);
	}
	test_sql("SET session_replication_role = replica; INSERT INTO orders (user_id, total, order_number) SELECT 900000 "
	         "+ i, 1, 'X-' || i "
	         "FROM generate_series(1, 7) i; SET session_replication_role = origin;"
	         "UPDATE products SET category_id = gen_random_uuid() WHERE id <= 5;"
	         "UPDATE products SET owner_uuid = gen_random_uuid() WHERE id BETWEEN 11 AND 14;"
	         "UPDATE products SET sku = 'SKU-1' WHERE id IN (2, 3);"
	         "INSERT INTO product_tags VALUES (1, 1), (2, 2);"
	         "UPDATE users SET email = 'nonsense ' || id WHERE id <= 12; UPDATE users SET country = NULL WHERE id "
	         "BETWEEN 20 AND 400;"
	         "UPDATE users SET age = -5 WHERE id = 30; UPDATE users SET age = 99999 WHERE id = 31;"
	         "UPDATE orders SET total = -1 WHERE id = 5; UPDATE users SET country = 'XX' WHERE id = 900;"
	         "CREATE INDEX products_price ON products (price, sku, id);"
	         "ALTER TABLE orders ADD CONSTRAINT big CHECK (total < 400) NOT VALID;"
	         "CREATE TABLE notes (id serial PRIMARY KEY, ref bigint); INSERT INTO notes (ref) VALUES (1), (999999);"
	         "ALTER TABLE notes ADD CONSTRAINT notes_ref FOREIGN KEY (ref) REFERENCES users (id) NOT VALID;"
	         "ALTER TABLE product_tags DISABLE TRIGGER ALL;"
	         "SELECT setval('tags_id_seq', 2100000000);"
	         "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tags_name_key'::regclass");
	test_sql("DELETE FROM orders WHERE id > 1500 AND order_number LIKE 'N-%'");
	const char *record = run_watch("db");
	CHECK_MSG(strcmp(test_json(record, "/status"), "completed") == 0, "%s", record);
	check_finding("orphaned_rows", "7 rows of public.orders refer by user_id", "open");
	check_finding("orphaned_rows", "5 rows of public.products refer by category_id", "open");
	check_finding("orphaned_rows", "4 rows of public.products refer by owner_uuid", "open");
	check_finding("duplicate_values", "public.products repeat a value of sku", "open");
	check_finding("duplicate_values", "public.product_tags repeat a value of product_id, tag_id", "open");
	check_finding("format_anomaly", "12 values of public.users.email", "open");
	check_finding("null_anomaly", "public.users.country are null", "open");
	check_finding("range_anomaly", "public.users.age reaches -5", "open");
	check_finding("row_count_jump", "public.orders has", "open");
	check_finding("index_unused", "public.products_price", "open");
	check_finding("index_invalid", "public.tags_name_key", "open");
	check_finding("constraint_not_valid", "public.orders.big", "open");
	check_finding("foreign_key_not_valid", "1 rows break it", "open");
	check_finding("foreign_key_disabled", "product_tags", "open");
	check_finding("sequence_exhausted", "public.tags_id_seq", "open");
	check_finding("rule_broken", "1 rows break the rule no-free-orders", "open");
	check_finding("rule_broken", "rows break the rule country-known", "open");
	/* Seen again, nothing is told again, and what is wrong does not become usual. */
	struct bus_stream_state before, after;
	struct err err;
	CHECK_OK(bus_stream_state(test_bus(), STREAM_FINDINGS, &before, &err), err);
	const char *again = run_watch("db");
	CHECK_OK(bus_stream_state(test_bus(), STREAM_FINDINGS, &after, &err), err);
	CHECK_MSG(before.last_sequence == after.last_sequence, "%s", again);
	CHECK_MSG(strcmp(test_json(again, "/open"), test_json(record, "/open")) == 0, "%s", again);
	test_sql("UPDATE users SET email = 'user' || id || '@example.com' WHERE id <= 12; UPDATE orders SET total = 0 "
	         "WHERE total < 0;"
	         "DELETE FROM orders WHERE user_id > 900000; ALTER TABLE product_tags ENABLE TRIGGER ALL; DROP INDEX "
	         "products_price");
	run_watch("db");
	check_finding("format_anomaly", "12 values of public.users.email", "resolved");
	check_finding("rule_broken", "no-free-orders", "resolved");
	check_finding("orphaned_rows", "public.orders refer by user_id", "resolved");
	check_finding("foreign_key_disabled", "product_tags", "resolved");
	check_finding("index_unused", "public.products_price", "resolved");
	check_finding("sequence_exhausted", "public.tags_id_seq", "open");
}

TEST(a_watch_cannot_write_and_says_what_it_could_not_look_at)
{
	make_shop();
	start_watchers(text_of(
	    CONFIG, ",\"rules\":[{\"name\":\"writes\",\"sql\":\"DELETE FROM users RETURNING id\"},"
	            "{\"name\":\"by-function\",\"sql\":\"SELECT 1 FROM wipe()\"},"
	            "{\"name\":\"slow\",\"sql\":\"SELECT 1 FROM pg_sleep(60)\"}],\"statement_timeout_ms\":300"));
	const char *record = run_watch("db");
	CHECK_MSG(strcmp(test_json(record, "/status"), "completed") == 0, "%s", record);
	CHECK_INT(count_sql("SELECT count(*) FROM users"), 3000);
	CHECK_INT(count_sql("SELECT count(*) FROM product_tags"), 1500);
	CHECK_MSG(strcmp(test_json(record, "/result/skipped_n"), "3") == 0, "%s", record);
	CHECK(strcmp(test_json(record, "/result/skipped/0/check"), "rules") == 0);
}

TEST(a_database_that_is_away_fails_the_run_and_resolves_nothing)
{
	make_shop();
	test_sql("ALTER TABLE orders ADD CONSTRAINT big CHECK (total < 400) NOT VALID");
	start_watchers(text_of(CONFIG, ""));
	run_watch("db");
	check_finding("constraint_not_valid", "public.orders.big", "open");
	test_postgres_kill(SIGKILL);
	const char *record = run_watch("db");
	CHECK_MSG(strcmp(test_json(record, "/status"), "failed") == 0 && *test_json(record, "/error"), "%s", record);
	check_finding("constraint_not_valid", "public.orders.big", "open");
}
