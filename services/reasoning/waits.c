/* The list of open questions. */
#include "waits.h"

#include <pthread.h>
#include <stdlib.h>

#include "model.h"

struct model_waits {
	pthread_mutex_t lock;
	struct model_wait all[WAITS_MAX];
	size_t n;
};

struct model_waits *model_waits_new(void)
{
	struct model_waits *w = calloc(1, sizeof *w);
	if (!w)
		abort();
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void model_waits_free(struct model_waits *w)
{
	if (!w)
		return;
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void waits_add(struct model_waits *w, struct span tenant, const char *job_id, int64_t now_ms, int64_t until_ms)
{
	struct model_wait one = {.until_ms = until_ms, .look_ms = now_ms + WAITS_LOOK_MS};
	if (!span_copy(tenant, one.tenant, sizeof one.tenant) || !span_copy(span_from(job_id), one.job_id, sizeof one.job_id))
		return;
	waits_remove(w, span_from(job_id));
	pthread_mutex_lock(&w->lock);
	if (w->n < WAITS_MAX)
		w->all[w->n++] = one;
	pthread_mutex_unlock(&w->lock);
}

void waits_remove(struct model_waits *w, struct span job_id)
{
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n; i++)
		if (span_is(job_id, w->all[i].job_id)) {
			w->all[i] = w->all[--w->n];
			break;
		}
	pthread_mutex_unlock(&w->lock);
}

bool waits_take_due(struct model_waits *w, int64_t now_ms, struct model_wait *ret)
{
	bool found = false;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n && !found; i++)
		if (now_ms >= w->all[i].until_ms || now_ms >= w->all[i].look_ms) {
			*ret = w->all[i];
			w->all[i] = w->all[--w->n];
			found = true;
		}
	pthread_mutex_unlock(&w->lock);
	return found;
}
