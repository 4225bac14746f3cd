/* Asks the jobs service to create and to cancel jobs, until it answers. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/heap.h"
#include "json/json.h"
#include "tests/chaos/chaos.h"

#define THREADS 4
#define QUEUE_MAX 2000
#define REQUEST_MS 3000
#define AGAIN_MS 150
#define CREATE_TRIES 400 /* a minute, and more when nobody answers */
#define CANCEL_TRIES 3

/* Keys of the heap are the time, values the number and what is asked. */
#define CANCEL_BIT (UINT64_C(1) << 32)

static struct {
	struct account *account;
	struct bus *bus;
	pthread_t threads[THREADS];
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct heap due;
	bool stop;
} asker = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER};

static void add(uint64_t what, int64_t due_mono_ms, bool wait)
{
	pthread_mutex_lock(&asker.lock);
	while (wait && asker.due.count >= QUEUE_MAX)
		pthread_cond_wait(&asker.room, &asker.lock);
	heap_push(&asker.due, due_mono_ms, what);
	pthread_mutex_unlock(&asker.lock);
}

void asker_create(uint32_t n)
{
	add(n, clock_mono_ms(&clock_system), true);
}

void asker_cancel(uint32_t n, int64_t due_mono_ms)
{
	add(n | CANCEL_BIT, due_mono_ms, false);
}

static enum status ask(uint32_t n, const char *verb, struct span body, struct buf *reply, struct err *err)
{
	char subject[96];
	snprintf(subject, sizeof subject, "gannet.%s.jobs.%s", submission_of(asker.account->seed, n).tenant, verb);
	return bus_request(asker.bus, &(struct bus_out){.subject = subject, .data = body}, REQUEST_MS, reply, err);
}

static void note_refusal(uint32_t n, const char *verb, const struct err *err)
{
	struct account *a = asker.account;
	pthread_mutex_lock(&a->lock);
	a->entries[n].refused = true;
	if (!a->refused++)
		snprintf(a->complaint, sizeof a->complaint, "%s of job %u: %s: %.120s", verb, n, status_code(err->status),
		         err->msg);
	pthread_mutex_unlock(&a->lock);
}

/* The same job id each time: however often it is heard, it is one job. */
static void create(uint32_t n)
{
	struct account *a = asker.account;
	struct submission s = submission_of(a->seed, n);
	scoped_buf body = {0}, reply = {0};
	struct err err = {0};
	load_body(a, n, true, &body);
	for (int i = 0; i < CREATE_TRIES; i++) {
		enum status status = ask(n, "create", buf_span(&body), &reply, &err);
		if (status == STATUS_OK) {
			pthread_mutex_lock(&a->lock);
			a->entries[n].stored = true;
			a->stored++;
			pthread_mutex_unlock(&a->lock);
			if (s.cancel_ms >= 0)
				asker_cancel(n, clock_mono_ms(&clock_system) + s.cancel_ms);
			return;
		}
		if (!err.retryable && status != STATUS_UNAVAILABLE && status != STATUS_TIMEOUT) {
			note_refusal(n, "create", &err);
			return;
		}
		usleep(AGAIN_MS * 1000);
	}
}

static void cancel(uint32_t n)
{
	struct account *a = asker.account;
	char body[64], id[ENTRY_ID_BYTES];
	scoped_buf reply = {0};
	struct err err = {0};
	account_job_id(n, id);
	int body_n = snprintf(body, sizeof body, "{\"job_id\":\"%s\"}", id);
	pthread_mutex_lock(&a->lock);
	a->entries[n].cancel = CANCEL_ASKED;
	a->cancels++;
	pthread_mutex_unlock(&a->lock);
	for (int i = 0; i < CANCEL_TRIES; i++) {
		enum status status = ask(n, "cancel", span_of(body, (size_t)body_n), &reply, &err);
		if (status == STATUS_OK) {
			pthread_mutex_lock(&a->lock);
			if (reply.data && strstr(reply.data, "\"cancelled\""))
				a->entries[n].cancel = CANCEL_DONE;
			pthread_mutex_unlock(&a->lock);
			return;
		}
		/* Done already, or not recorded yet: what a user would see, too. */
		if (status == STATUS_CONFLICT || status == STATUS_NOT_FOUND)
			return;
		usleep(AGAIN_MS * 1000);
	}
}

static bool next(uint64_t *ret_what)
{
	struct heap_item item;
	for (;;) {
		pthread_mutex_lock(&asker.lock);
		bool any = heap_peek(&asker.due, &item), due = any && (asker.stop || item.key <= clock_mono_ms(&clock_system));
		if (due)
			heap_pop(&asker.due, &item);
		bool over = asker.stop && !any;
		pthread_cond_broadcast(&asker.room);
		pthread_mutex_unlock(&asker.lock);
		*ret_what = due ? item.value : 0;
		if (due || over)
			return due;
		usleep(5000);
	}
}

static void *run(void *arg)
{
	uint64_t what;
	(void)arg;
	while (next(&what)) {
		if (what & CANCEL_BIT)
			cancel((uint32_t)what);
		else
			create((uint32_t)what);
	}
	return NULL;
}

void asker_start(struct account *a, struct bus *b)
{
	asker.account = a;
	asker.bus = b;
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&asker.threads[i], NULL, run, NULL) == 0);
}

/* Everything that waits is asked at once. */
void asker_stop(void)
{
	pthread_mutex_lock(&asker.lock);
	asker.stop = true;
	pthread_mutex_unlock(&asker.lock);
	for (int i = 0; i < THREADS; i++)
		pthread_join(asker.threads[i], NULL);
	heap_free(&asker.due);
}
