/* Buckets: values, compare and swap, live watching; and single messages read from streams. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "tests/integration/bus_helpers.h"

static struct bus *bus;

static void begin(void)
{
	struct err err;
	bus = open_bus();
	CHECK_OK(bus_topology_ensure(bus, BUCKET_LATEST, &bus_limits_default, &err), err);
}

static uint64_t put(const char *key, const char *value)
{
	struct err err;
	uint64_t revision;
	CHECK_OK(bus_kv_put(bus, BUCKET_LATEST, key, span_from(value), &revision, &err), err);
	return revision;
}

TEST(a_value_is_read_back_with_its_revision)
{
	begin();
	struct err err;
	scoped_buf value = {0};
	uint64_t revision;
	CHECK_STATUS(bus_kv_get(bus, BUCKET_LATEST, "acme.snapshot", &value, &revision, &err), STATUS_NOT_FOUND);
	put("other", "x");
	CHECK_INT(put("acme.snapshot", "{\"a\":1}"), 2);
	CHECK_OK(bus_kv_get(bus, BUCKET_LATEST, "acme.snapshot", &value, &revision, &err), err);
	CHECK_SPAN(buf_span(&value), "{\"a\":1}");
	CHECK_INT(revision, 2);
	put("acme.snapshot", "");
	buf_reset(&value);
	CHECK_OK(bus_kv_get(bus, BUCKET_LATEST, "acme.snapshot", &value, NULL, &err), err);
	CHECK_INT(value.len, 0);
	bus_close(bus);
}

TEST(an_update_needs_the_last_revision)
{
	begin();
	struct err err;
	uint64_t revision, next;
	CHECK_OK(bus_kv_update(bus, BUCKET_LATEST, "k", SPAN("1"), 0, &revision, &err), err);
	CHECK_STATUS(bus_kv_update(bus, BUCKET_LATEST, "k", SPAN("2"), 0, &next, &err), STATUS_CONFLICT);
	CHECK_OK(bus_kv_update(bus, BUCKET_LATEST, "k", SPAN("2"), revision, &next, &err), err);
	CHECK(next > revision);
	CHECK_STATUS(bus_kv_update(bus, BUCKET_LATEST, "k", SPAN("3"), revision, &next, &err), STATUS_CONFLICT);
	bus_close(bus);
}

TEST(a_deleted_key_has_no_value_and_can_be_created_again)
{
	begin();
	struct err err;
	scoped_buf value = {0};
	put("k", "1");
	CHECK_OK(bus_kv_delete(bus, BUCKET_LATEST, "k", &err), err);
	CHECK_STATUS(bus_kv_get(bus, BUCKET_LATEST, "k", &value, NULL, &err), STATUS_NOT_FOUND);
	CHECK_OK(bus_kv_update(bus, BUCKET_LATEST, "k", SPAN("2"), 0, NULL, &err), err);
	CHECK_OK(bus_kv_get(bus, BUCKET_LATEST, "k", &value, NULL, &err), err);
	CHECK_SPAN(buf_span(&value), "2");
	bus_close(bus);
}

TEST(keys_that_are_none_are_refused)
{
	begin();
	struct err err;
	scoped_buf value = {0};
	const char *const bad[] = {"", "a b", "a.*", ".a", "a.", "a..b", ">", "ü"};
	for (size_t i = 0; i < countof(bad); i++) {
		CHECK_STATUS(bus_kv_put(bus, BUCKET_LATEST, bad[i], SPAN("x"), NULL, &err), STATUS_INVALID);
		CHECK_STATUS(bus_kv_get(bus, BUCKET_LATEST, bad[i], &value, NULL, &err), STATUS_INVALID);
		CHECK(strcmp(err.field, "key") == 0);
	}
	bus_close(bus);
}

static struct seen {
	char text[2048]; /* "key=value;key-;" in order */
	atomic_int n, caught_up;
} seen[2];

static void on_entry(void *arg, struct span key, struct span value, uint64_t revision)
{
	struct seen *s = arg;
	size_t at = strlen(s->text);
	CHECK(revision > 0);
	if (value.p)
		snprintf(s->text + at, sizeof s->text - at, "%.*s=%.*s;", SPAN_ARG(key), SPAN_ARG(value));
	else
		snprintf(s->text + at, sizeof s->text - at, "%.*s-;", SPAN_ARG(key));
	s->n++;
}

static void on_caught_up(void *arg)
{
	((struct seen *)arg)->caught_up++;
}

static struct bus_follow *watch(struct seen *s)
{
	struct err err;
	struct bus_follow *w;
	const struct bus_watch_options o = {
	    .bucket = BUCKET_LATEST, .entry = on_entry, .caught_up = on_caught_up, .arg = s};
	CHECK_OK(bus_watch_open(bus, &o, &w, &err), err);
	return w;
}

TEST(a_watcher_gets_what_is_there_and_then_every_change)
{
	begin();
	struct err err;
	put("a", "1");
	put("b.c", "2");
	put("a", "3");
	struct bus_follow *w = watch(&seen[0]);
	WAIT_FOR(seen[0].caught_up == 1, "what is there");
	CHECK(strcmp(seen[0].text, "b.c=2;a=3;") == 0);
	put("d", "4");
	CHECK_OK(bus_kv_delete(bus, BUCKET_LATEST, "a", &err), err);
	WAIT_FOR(seen[0].n == 4, "the changes"); /* of one key only the last is kept, and told of for sure */
	put("a", "");
	WAIT_FOR(seen[0].n == 5, "the last change");
	CHECK(strcmp(seen[0].text, "b.c=2;a=3;d=4;a-;a=;") == 0);
	CHECK_INT(seen[0].caught_up, 1);
	bus_follow_close(w);
	bus_close(bus);
}

TEST(an_empty_bucket_is_caught_up_with_at_once)
{
	begin();
	struct bus_follow *w = watch(&seen[0]);
	WAIT_FOR(seen[0].caught_up == 1, "the news");
	CHECK_INT(seen[0].n, 0);
	bus_follow_close(w);
	bus_close(bus);
}

TEST(a_watcher_sees_each_change_once_across_a_restart_of_the_server)
{
	begin();
	put("a", "1");
	struct bus_follow *w = watch(&seen[0]);
	WAIT_FOR(seen[0].caught_up == 1, "what is there");
	put("b", "2");
	WAIT_FOR(seen[0].n == 2, "a change");
	test_nats_kill(SIGKILL);
	test_nats_start();
	WAIT_FOR(bus_reconnects(bus) == 1, "the reconnection");
	put("c", "3");
	put("a", "4");
	WAIT_FOR(seen[0].n == 4, "the later changes");
	CHECK(strcmp(seen[0].text, "a=1;b=2;c=3;a=4;") == 0);
	CHECK_INT(seen[0].caught_up, 1);
	bus_follow_close(w);
	bus_close(bus);
}

TEST(watching_what_does_not_exist_fails)
{
	bus = open_bus();
	struct err err;
	struct bus_follow *w;
	const struct bus_watch_options o = {.bucket = "nothing", .entry = on_entry};
	CHECK_STATUS(bus_watch_open(bus, &o, &w, &err), STATUS_NOT_FOUND);
	bus_close(bus);
}

TEST(stored_messages_are_read_by_sequence_and_by_subject)
{
	struct bus_stored_message m;
	struct err err;
	bus = open_bus();
	make_stream(bus);
	int64_t from_ms = clock_wall_ms(&clock_system);
	const struct bus_header h = {"Gannet-Run", SPAN("2")};
	store(bus, "test.a", "one");
	CHECK_OK(bus_store_wait(bus,
	                        &(struct bus_out){.subject = "test.b", .data = SPAN("two"), .headers = &h, .headers_n = 1},
	                        0, NULL, &err),
	         err);
	store(bus, "test.a", "three");
	CHECK_OK(bus_get_sequence(bus, "TEST", 2, &m, &err), err);
	CHECK_SPAN(m.subject, "test.b");
	CHECK_SPAN(m.data, "two");
	CHECK_SPAN(bus_in_header(&m.in, "Gannet-Run"), "2");
	CHECK(m.stored_ms >= from_ms && m.stored_ms <= clock_wall_ms(&clock_system) + 1);
	bus_stored_message_free(&m);
	CHECK_OK(bus_get_last(bus, "TEST", "test.a", &m, &err), err);
	CHECK_SPAN(m.data, "three");
	CHECK_INT(m.sequence, 3);
	bus_stored_message_free(&m);
	CHECK_STATUS(bus_get_sequence(bus, "TEST", 9, &m, &err), STATUS_NOT_FOUND);
	CHECK_STATUS(bus_get_last(bus, "TEST", "test.none", &m, &err), STATUS_NOT_FOUND);
	bus_close(bus);
}

TEST(a_message_is_deleted_once)
{
	struct bus_stored_message m;
	struct err err;
	bus = open_bus();
	make_stream(bus);
	store(bus, "test.a", "one");
	store(bus, "test.a", "two");
	CHECK_OK(bus_delete_sequence(bus, "TEST", 1, &err), err);
	CHECK_STATUS(bus_get_sequence(bus, "TEST", 1, &m, &err), STATUS_NOT_FOUND);
	CHECK_STATUS(bus_delete_sequence(bus, "TEST", 1, &err), STATUS_NOT_FOUND);
	CHECK_STATUS(bus_delete_sequence(bus, "TEST", 77, &err), STATUS_NOT_FOUND);
	bus_close(bus);
}

static const char *numbered(const char *word, int i)
{
	static char text[64];
	snprintf(text, sizeof text, "%s%d", word, i);
	return text;
}

TEST(last_messages_of_many_subjects_are_found_together)
{
	enum { N = 1000 };
	static struct bus_last asked[N];
	static char subjects[N][64];
	struct bus_lookup *lookup;
	struct err err;
	begin();
	for (int i = 0; i < N; i += 2)
	{
		char value[64];
		snprintf(value, sizeof value, "value %d", i);
		put(numbered("k", i), value);
	}
	CHECK_OK(bus_lookup_open(bus, "KV_" BUCKET_LATEST, &lookup, &err), err);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			snprintf(subjects[i], sizeof subjects[i], "$KV." BUCKET_LATEST ".k%d", i);
			asked[i].subject = subjects[i];
		}
		bus_lookup(lookup, asked, N);
		for (int i = 0; i < N; i++) {
			CHECK_INT(asked[i].status, i % 2 ? STATUS_NOT_FOUND : STATUS_OK);
			if (i % 2)
				continue;
			CHECK_SPAN(asked[i].message.data, numbered("value ", i));
			CHECK_INT(asked[i].message.sequence, i / 2 + 1);
			CHECK_SPAN(asked[i].message.subject, subjects[i]);
			bus_stored_message_free(&asked[i].message);
		}
	}
	bus_lookup_close(lookup);
	bus_close(bus);
}

static void *pass_time(void *arg)
{
	while (!atomic_load((_Atomic bool *)arg)) {
		time_passes();
		usleep(1000);
	}
	return NULL;
}

TEST(look_up_that_nobody_answers_says_so)
{
	struct bus_last asked[2] = {{.subject = "a"}, {.subject = "b"}};
	struct bus_lookup *lookup;
	struct err err;
	begin();
	CHECK_OK(bus_lookup_open(bus, "NO_SUCH_STREAM", &lookup, &err), err);
	bus_lookup(lookup, asked, countof(asked));
	CHECK(asked[0].status != STATUS_OK && asked[0].status != STATUS_NOT_FOUND);
	_Atomic bool done = false;
	pthread_t thread;
	siginfo_t stopped;
	kill(test_nats_pid(), SIGSTOP);
	CHECK(waitid(P_PID, (id_t)test_nats_pid(), &stopped, WSTOPPED) == 0);
	CHECK(pthread_create(&thread, NULL, pass_time, &done) == 0);
	bus_lookup(lookup, asked, countof(asked));
	done = true;
	pthread_join(thread, NULL);
	CHECK_INT(asked[0].status, STATUS_TIMEOUT);
	CHECK_INT(asked[1].status, STATUS_TIMEOUT);
	kill(test_nats_pid(), SIGCONT);
	bus_lookup_close(lookup);
	bus_close(bus);
}
