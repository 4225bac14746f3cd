/* Folds findings into the bucket of what is open. */
#include "intake.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/pull.h"
#include "bus/topology.h"
#include "contract/finding.h"
#include "core/log.h"

#define AGAIN_MS 2000
#define FOLD_TRIES 5 /* watchers write there, too */

struct intake {
	struct bus *bus;
	struct bus_pull *pull;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bus_delivery in_hand;
	bool full, running, stopping;
};

/* gannet.<tenant>.findings.<source>.<severity> */
static bool subject_parse(struct span subject, struct span *ret_tenant, struct span *ret_source)
{
	span_cut(&subject, '.');
	*ret_tenant = subject.p ? span_cut(&subject, '.') : (struct span){0};
	if (subject.p)
		span_cut(&subject, '.');
	*ret_source = subject.p ? span_cut(&subject, '.') : (struct span){0};
	return subject.p && id_is_tenant(*ret_tenant);
}

static enum status decode(struct span text, struct arena *a, struct finding *ret, struct err *err)
{
	struct json v;
	enum status s = json_parse(text, &v, err);
	return s == STATUS_OK ? json_decode(&finding_table, v, JSON_LENIENT, a, ret, err) : s;
}

/* CONFLICT: somebody wrote it meanwhile. */
static enum status fold_once(struct intake *i, const char *key, const struct finding *f, struct arena *a, struct err *err)
{
	scoped_buf before = {0}, now = {0};
	struct finding earlier = {0}, kept = *f;
	struct err ignored = {0};
	uint64_t revision = 0;
	enum status s = bus_kv_get(i->bus, BUCKET_FINDINGS, key, &before, &revision, err);
	if (s != STATUS_OK && s != STATUS_NOT_FOUND)
		return s;
	bool known = s == STATUS_OK && decode(buf_span(&before), a, &earlier, &ignored) == STATUS_OK;
	if (known && earlier.timestamp.ms > f->timestamp.ms)
		return STATUS_OK;
	if (!kept.first_seen.ms)
		kept.first_seen = f->timestamp;
	if (known && earlier.status == FINDING_OPEN && earlier.first_seen.ms && earlier.first_seen.ms < kept.first_seen.ms)
		kept.first_seen = earlier.first_seen;
	json_encode(&finding_table, &kept, &(struct json_writer){.out = &now});
	return bus_kv_update(i->bus, BUCKET_FINDINGS, key, buf_span(&now), revision, &revision, err);
}

/* What is resolved is kept, too, also when it is not known: a target may have been told of it. */
static enum status fold(struct intake *i, struct span tenant, const struct finding *f, struct arena *a, struct err *err)
{
	char key[TENANT_ID_MAX + FINDING_FINGERPRINT_MAX + 2];
	enum status s = STATUS_CONFLICT;
	snprintf(key, sizeof key, "%.*s.%.*s", SPAN_ARG(tenant), SPAN_ARG(f->fingerprint));
	for (int tries = 0; s == STATUS_CONFLICT && tries < FOLD_TRIES; tries++)
		s = fold_once(i, key, f, a, err);
	return s;
}

static void take(struct intake *i)
{
	struct bus_delivery *d = &i->in_hand;
	scoped_arena a = {0};
	struct err err = {0};
	struct finding f;
	struct span tenant, source;
	enum status s;
	bool ours = subject_parse(d->in.subject, &tenant, &source) && decode(d->in.data, &a, &f, &err) == STATUS_OK;
	if (!ours) {
		log_fields(LOG_WARN, "a message that is no finding is passed over", LOG_S("subject", d->in.subject),
		           LOG_C("error", err.msg));
		s = bus_term(i->bus, d->in.reply, &err);
	} else if (fold(i, tenant, &f, &a, &err) == STATUS_OK) {
		s = bus_ack(i->bus, d->in.reply, &err);
	} else {
		log_error("a finding could not be kept, will try again", &err);
		s = bus_nak(i->bus, d->in.reply, AGAIN_MS, &err);
	}
	if (s != STATUS_OK)
		log_error("a finding is not acknowledged, it comes again", &err);
	bus_delivery_free(d);
}

static void on_delivery(void *arg, struct bus_delivery *d)
{
	struct intake *i = arg;
	pthread_mutex_lock(&i->lock);
	bool room = !i->full && !i->stopping;
	if (room) {
		i->in_hand = *d;
		i->full = true;
	}
	pthread_cond_signal(&i->changed);
	pthread_mutex_unlock(&i->lock);
	if (!room)
		bus_delivery_free(d);
}

static void *run(void *arg)
{
	struct intake *i = arg;
	bus_pull_want(i->pull, 1);
	pthread_mutex_lock(&i->lock);
	while (!i->stopping) {
		if (!i->full) {
			pthread_cond_wait(&i->changed, &i->lock);
			continue;
		}
		pthread_mutex_unlock(&i->lock);
		take(i);
		pthread_mutex_lock(&i->lock);
		i->full = false;
		if (!i->stopping)
			bus_pull_want(i->pull, 1);
	}
	pthread_mutex_unlock(&i->lock);
	return NULL;
}

enum status intake_start(struct bus *b, struct intake **ret, struct err *err)
{
	struct intake *i = calloc(1, sizeof *i);
	if (!i)
		abort();
	i->bus = b;
	pthread_mutex_init(&i->lock, NULL);
	pthread_cond_init(&i->changed, NULL);
	enum status s = bus_pull_open(b, STREAM_FINDINGS, CONSUMER_FINDINGS_NOTIFIER, on_delivery, i, &i->pull, err);
	if (s == STATUS_OK) {
		i->running = pthread_create(&i->thread, NULL, run, i) == 0;
		if (!i->running)
			s = err_retry(err, STATUS_UNAVAILABLE, "no thread for findings");
	}
	if (s == STATUS_OK)
		*ret = i;
	else
		intake_stop(i);
	return s;
}

void intake_stop(struct intake *i)
{
	if (!i)
		return;
	if (i->running) {
		pthread_mutex_lock(&i->lock);
		i->stopping = true;
		pthread_cond_signal(&i->changed);
		pthread_mutex_unlock(&i->lock);
		pthread_join(i->thread, NULL);
	}
	if (i->pull)
		bus_pull_close(i->pull);
	if (i->full)
		bus_delivery_free(&i->in_hand);
	pthread_cond_destroy(&i->changed);
	pthread_mutex_destroy(&i->lock);
	free(i);
}
