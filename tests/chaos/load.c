/* Publishes submissions at an even pace, with runs of the noisy tenant, and notes which ones the broker acknowledged. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "core/heap.h"
#include "tests/chaos/chaos.h"

#define IN_FLIGHT_MAX 4000   /* publications without an answer; while there are more, none are added */
#define TURN_MS 10           /* submissions are sent in bunches of this much time */
#define DEADLINE_MS (600000) /* a broker that is away so long loses submissions, and the account says so */

static struct {
	struct account *account;
	struct bus *bus;
	int64_t rate_per_s;
	pthread_t thread;
	atomic_bool stop;
	struct heap again; /* publications to be repeated: monotonic ms → number */
} load;

static void write_class(const struct account *a, uint32_t n, const struct submission *s, struct json_writer *w)
{
	const struct class *c = &classes[s->class];
	char prompt[PROMPT_BYTES], number[16];
	submission_prompt(a->seed, n, prompt, sizeof prompt);
	snprintf(number, sizeof number, "%u", n);
	json_kv_cstr(w, "template", "{{prompt}}");
	json_key(w, SPAN("context"));
	json_begin_object(w);
	json_kv_cstr(w, "prompt", prompt);
	json_end_object(w);
	json_kv_cstr(w, "model", c->asks ? "gpt-4o-mini" : "simulated");
	json_key(w, SPAN("metadata"));
	json_begin_object(w);
	json_kv_cstr(w, "n", number);
	json_end_object(w);
	if (c->members[0])
		buf_printf(w->out, ",%s", c->members);
}

void load_body(const struct account *a, uint32_t n, bool create, struct buf *out)
{
	struct submission s = submission_of(a->seed, n);
	struct json_writer w = {out};
	char id[ENTRY_ID_BYTES], at[RFC3339_BYTES];
	json_begin_object(&w);
	if (s.way != WAY_UNNAMED) {
		account_job_id(n, id);
		json_kv_cstr(&w, "job_id", id);
	}
	write_class(a, n, &s, &w);
	if (s.delay_ms)
		json_kv_cstr(&w, "run_at", rfc3339_format(clock_wall_ms(&clock_system) + s.delay_ms, at));
	if (create)
		json_kv_cstr(&w, "priority", priority_names[s.priority]);
	json_end_object(&w);
}

static void on_stored(void *arg, const struct bus_stored *stored)
{
	struct account *a = load.account;
	uint32_t n = (uint32_t)(uintptr_t)arg;
	struct submission s = submission_of(a->seed, n);
	int64_t now_ms = clock_mono_ms(&clock_system);
	struct entry *e = &a->entries[n];
	pthread_mutex_lock(&a->lock);
	if (stored->status == STATUS_OK && !e->stored) {
		e->stored = true;
		e->stored_ms = now_ms;
		a->stored++;
	}
	e->late |= stored->status == STATUS_OK && now_ms - e->stored_ms > BUS_DUPLICATE_WINDOW_S * 1000;
	pthread_mutex_unlock(&a->lock);
	if (stored->status == STATUS_OK && s.cancel_ms >= 0)
		asker_cancel(n, now_ms + s.cancel_ms);
}

/* One that is to be claimed has no message id; that of any other one lets the broker see a second publication. */
static void publish(uint32_t n, const struct submission *s)
{
	scoped_buf body = {0};
	char subject[128], id[ENTRY_ID_BYTES];
	struct err err;
	account_job_id(n, id);
	load_body(load.account, n, false, &body);
	snprintf(subject, sizeof subject, "gannet.%s.jobs.submit.llm.%s", s->tenant, priority_names[s->priority]);
	struct bus_header header = {HEADER_MSG_ID, span_from(id)};
	struct bus_out m = {subject, NULL, buf_span(&body), &header, s->way != WAY_CLAIMED};
	CHECK_OK(bus_store(load.bus, &m, DEADLINE_MS, BUS_BLOCK, on_stored, (void *)(uintptr_t)n, &err), err);
}

static void submit_next(void)
{
	struct account *a = load.account;
	pthread_mutex_lock(&a->lock);
	uint32_t n = a->n++;
	a->entries[n].sent = true;
	pthread_mutex_unlock(&a->lock);
	struct submission s = submission_of(a->seed, n);
	if (classes[s.class].asks)
		account_add_prompt(a, n);
	if (s.way == WAY_CREATED) {
		asker_create(n);
		return;
	}
	publish(n, &s);
	if (s.duplicate_ms >= 0)
		heap_push(&load.again, clock_mono_ms(&clock_system) + s.duplicate_ms, n);
}

static void repeat_due(int64_t now_ms)
{
	struct heap_item item;
	while (heap_peek(&load.again, &item) && item.key <= now_ms) {
		heap_pop(&load.again, &item);
		struct submission s = submission_of(load.account->seed, (uint32_t)item.value);
		publish((uint32_t)item.value, &s);
		pthread_mutex_lock(&load.account->lock);
		load.account->duplicates++;
		pthread_mutex_unlock(&load.account->lock);
	}
}

/* What a stop of everybody has held up is not made up for: the pace is that of the present. */
static void *run(void *arg)
{
	int64_t last_ms = clock_mono_ms(&clock_system);
	double due = 0;
	(void)arg;
	while (!atomic_load(&load.stop)) {
		usleep(TURN_MS * 1000);
		int64_t now_ms = clock_mono_ms(&clock_system), passed_ms = now_ms - last_ms;
		last_ms = now_ms;
		repeat_due(now_ms);
		if (bus_store_in_flight(load.bus) > IN_FLIGHT_MAX)
			continue;
		due += (double)(load.rate_per_s * (passed_ms < 10 * TURN_MS ? passed_ms : 10 * TURN_MS)) / 1000;
		while (due >= 1 && load.account->n < load.account->max) {
			submit_next();
			due -= load.account->n % SUBMISSIONS_A_BURST < BURST ? 0 : 1;
		}
	}
	return NULL;
}

void load_start(struct account *a, int64_t rate_per_s)
{
	struct err err;
	struct bus_options o = {.url = test_nats_url(), .name = "chaos-load", .clock = &clock_system};
	load.account = a;
	load.rate_per_s = rate_per_s;
	CHECK_OK(bus_open(&o, &load.bus, &err), err);
	asker_start(a, load.bus);
	CHECK(pthread_create(&load.thread, NULL, run, NULL) == 0);
}

size_t load_unanswered(void)
{
	return bus_store_in_flight(load.bus);
}

void load_stop(void)
{
	struct err err;
	atomic_store(&load.stop, true);
	pthread_join(load.thread, NULL);
	CHECK_OK(bus_store_drain(load.bus, DEADLINE_MS, &err), err);
	asker_stop();
	heap_free(&load.again);
	bus_close(load.bus);
}
