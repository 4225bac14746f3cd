/* Reads the signals that applications published, and makes facts of them. */
#include <pthread.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "contract/signal.h"
#include "core/wait.h"
#include "services/watchers/source.h"

#define SIGNALS_MAX 2000000 /* of one run; the reading ends there */
#define READ_MS 60000

struct reading {
	struct diagnosis *d;
	struct arena arena; /* one message's */
	int64_t seen, bad;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool over;
};

static int64_t moment(struct json_time said, struct json_time other, int64_t stored_ms)
{
	/* A clock that is ahead puts nothing into the future. */
	int64_t ms = said.ms ? said.ms : other.ms;
	return ms && ms < stored_ms ? ms : stored_ms;
}

static bool add_deploy(struct reading *r, struct json v, int64_t stored_ms)
{
	struct signal_deploy s;
	struct err err;
	if (json_decode(&signal_deploy_table, v, JSON_LENIENT, &r->arena, &s, &err) != STATUS_OK)
		return false;
	if (s.status == DEPLOY_STARTED)
		return true;
	diagnosis_add_run(
	    r->d, &(struct diagnosis_run){DIAGNOSIS_DEPLOY, s.service, s.environment, s.version, s.commit, s.error,
	                                  s.status == DEPLOY_FAILED || s.status == DEPLOY_ROLLED_BACK ? OUTCOME_FAILURE
	                                  : s.status == DEPLOY_SUCCEEDED                              ? OUTCOME_SUCCESS
	                                                                                              : OUTCOME_NEITHER,
	                                  moment(s.finished_at, s.timestamp, stored_ms)});
	return true;
}

static bool add_ci_run(struct reading *r, struct json v, int64_t stored_ms)
{
	struct signal_ci_run s;
	struct err err;
	if (json_decode(&signal_ci_run_table, v, JSON_LENIENT, &r->arena, &s, &err) != STATUS_OK)
		return false;
	if (s.status != CI_COMPLETED)
		return true;
	bool failed = s.conclusion == CI_FAILURE || s.conclusion == CI_TIMED_OUT || s.conclusion == CI_STARTUP_FAILURE;
	diagnosis_add_run(r->d, &(struct diagnosis_run){
	                            DIAGNOSIS_CI,
	                            arena_printf(&r->arena, "%.*s %.*s", SPAN_ARG(s.repository), SPAN_ARG(s.workflow)),
	                            s.branch,
	                            {0},
	                            s.commit,
	                            s.error,
	                            failed                       ? OUTCOME_FAILURE
	                            : s.conclusion == CI_SUCCESS ? OUTCOME_SUCCESS
	                                                         : OUTCOME_NEITHER,
	                            moment(s.finished_at, s.timestamp, stored_ms)});
	return true;
}

static bool add_latency(struct reading *r, struct json v, int64_t stored_ms)
{
	struct signal_latency s;
	struct err err;
	if (json_decode(&signal_latency_table, v, JSON_LENIENT, &r->arena, &s, &err) != STATUS_OK)
		return false;
	double ms = s.duration_ms.set ? s.duration_ms.v : s.p50_ms.set ? s.p50_ms.v : -1;
	int64_t count = s.count.set ? s.count.v : 1;
	int64_t failed = s.failed.set ? s.failed.v : s.status.set && s.status.v >= 500 ? count : 0;
	diagnosis_add_requests(r->d, s.service, s.endpoint, moment(s.timestamp, s.timestamp, stored_ms), ms, count, failed);
	return true;
}

static bool add_error(struct reading *r, struct json v, int64_t stored_ms)
{
	struct signal_error s;
	struct err err;
	if (json_decode(&signal_error_table, v, JSON_LENIENT, &r->arena, &s, &err) != STATUS_OK)
		return false;
	int64_t at_ms = moment(s.timestamp, s.timestamp, stored_ms), count = s.count.set ? s.count.v : 1;
	if (s.requests.set && s.requests.v > 0)
		diagnosis_add_requests(r->d, s.service, s.endpoint, at_ms, -1, s.requests.v, 0);
	diagnosis_add_errors(r->d, s.service, s.endpoint, at_ms, count, s.message.n ? s.message : s.code);
	return true;
}

static const struct {
	const char *type;
	bool (*add)(struct reading *r, struct json v, int64_t stored_ms);
} kinds[] = {{"deploy", add_deploy}, {"ci_run", add_ci_run}, {"latency", add_latency}, {"error", add_error}};

static void finish(struct reading *r)
{
	pthread_mutex_lock(&r->lock);
	r->over = true;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->lock);
}

static void on_signal(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	struct reading *r = arg;
	struct json v;
	struct err err;
	(void)sequence;
	if (r->seen == SIGNALS_MAX) {
		finish(r);
		return;
	}
	r->seen++;
	const char *dot = memrchr(m->subject.p, '.', m->subject.n);
	struct span type = span_of(dot + 1, m->subject.n - (size_t)(dot + 1 - m->subject.p));
	for (size_t i = 0; i < countof(kinds); i++) {
		if (!span_is(type, kinds[i].type))
			continue;
		bool good = json_parse(m->data, &v, &err) == STATUS_OK && kinds[i].add(r, v, stored_ms);
		r->bad += !good;
	}
	arena_reset(&r->arena);
}

static void on_caught_up(void *arg)
{
	finish(arg);
}

enum status signals_read(struct watch_run *run, int64_t since_ms, struct diagnosis *d, int64_t *ret_bad,
                         struct err *err)
{
	struct reading r = {.d = d};
	struct bus_follow *follow;
	char filter[96];
	snprintf(filter, sizeof filter, "gannet.%.*s.signals.*", SPAN_ARG(run->watch->tenant));
	pthread_mutex_init(&r.lock, NULL);
	wait_cond_init(&r.done);
	const struct bus_follow_options o = {.stream = STREAM_SIGNALS,
	                                     .filter = filter,
	                                     .since_ms = since_ms,
	                                     .message = on_signal,
	                                     .caught_up = on_caught_up,
	                                     .arg = &r};
	enum status s = bus_follow_open(run->w->bus, &o, &follow, err);
	if (s == STATUS_OK) {
		int64_t until_ms = clock_mono_ms(run->w->clock) + READ_MS;
		pthread_mutex_lock(&r.lock);
		while (!r.over && clock_mono_ms(run->w->clock) < until_ms && s == STATUS_OK) {
			struct timespec t = wait_until(1000);
			pthread_cond_timedwait(&r.done, &r.lock, &t);
			pthread_mutex_unlock(&r.lock);
			if (run_pause(run))
				s = err_set(err, STATUS_CANCELLED, "told to end");
			pthread_mutex_lock(&r.lock);
		}
		if (s == STATUS_OK && !r.over)
			s = err_retry(err, STATUS_TIMEOUT, "the signals were not read within %d s", READ_MS / 1000);
		pthread_mutex_unlock(&r.lock);
		bus_follow_close(follow);
	}
	*ret_bad = r.bad;
	arena_free(&r.arena);
	pthread_cond_destroy(&r.done);
	pthread_mutex_destroy(&r.lock);
	return s;
}
