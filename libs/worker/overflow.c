/* Keeps a tenant with a long backlog from holding up the others behind it: moves its jobs to a lane of their own. */
#include <stdio.h>
#include <string.h>

#include "bus/topology.h"
#include "core/hash.h"
#include "worker/internal.h"

/*
 * A priority's consumer hands jobs out in order of arrival, so ten thousand jobs of one tenant stand before another's single
 * one, and taking turns among what was prefetched cannot help: the other's job is not here yet. So when one tenant makes up most
 * of what waits here while the stream holds jobs of others, its jobs beyond OVERFLOW_KEEP are stored again under
 * gannet.<tenant>.jobs.overflow.… and acknowledged. That costs one message a job, once, and brings the others to the front in
 * the time it takes to move, not to execute. Lanes are consumers by hash of tenant, read beside the priorities at all times.
 */
#define OVERFLOW_KEEP 64
#define LOOK_EVERY_MS 250
#define MOVE_FOR_MS 1000 /* then look again whether others still wait */

unsigned overflow_lane(struct span tenant)
{
	return (unsigned)(hash64(tenant) % BUS_OVERFLOW_LANES);
}

/* ---- on the loop */

/* What a slow worker fetches ahead is less than OVERFLOW_KEEP: half of it must do. */
static size_t keep_of(const struct worker *w)
{
	return w->prefetch / 2 < OVERFLOW_KEEP ? w->prefetch / 2 : OVERFLOW_KEEP;
}

/* The tenant with the most waiting jobs of a priority, if those are more than half of it. */
static struct span heaviest(const struct job_lane *lane, size_t keep)
{
	struct span name = {0};
	for (struct map_slot *s = map_next(&lane->tenants, NULL); s; s = map_next(&lane->tenants, s)) {
		const struct tenant_queue *t = s->value;
		if (t->count * 2 > lane->count && t->count > keep)
			name = span_of(s->key, s->key_n);
	}
	return name;
}

/* Jobs of other tenants that stand in the stream because we have them at work, not because they wait. With worker->lock held. */
static size_t held_for_others(const struct worker *w, unsigned priority, struct span tenant)
{
	size_t n = 0;
	for (const struct worker_entry *e = w->held_head; e; e = e->held_next)
		n += e->subject.tenant.p && e->subject.priority == priority && !e->from_overflow &&
		     !span_eq(e->subject.tenant, tenant);
	return n;
}

void overflow_consider(struct worker *w)
{
	int64_t now = clock_mono_ms(w->clock);
	if (now - w->overflow.looked_ms < LOOK_EVERY_MS)
		return;
	w->overflow.looked_ms = now;
	for (int p = 0; p < PRIORITY_COUNT; p++) {
		struct overflow_watch *o = &w->overflow.watch[p];
		struct span tenant = heaviest(&w->queue.lanes[p], keep_of(w));
		if (!tenant.p || !w->pending[p])
			continue;
		pthread_mutex_lock(&w->lock);
		if (!o->asked) {
			o->asked = true;
			o->others_here = held_for_others(w, (unsigned)p, tenant);
			span_copy(tenant, o->tenant, sizeof o->tenant);
			pthread_cond_signal(&w->recover_wake);
		}
		pthread_mutex_unlock(&w->lock);
	}
}

bool overflow_applies(struct worker *w, const struct worker_entry *e)
{
	struct overflow_watch *o = &w->overflow.watch[e->subject.priority];
	int64_t until = atomic_load(&o->move_until_ms);
	if (!until || e->from_overflow || clock_mono_ms(w->clock) > until)
		return false;
	pthread_mutex_lock(&w->lock);
	bool same = span_is(e->subject.tenant, o->moving);
	pthread_mutex_unlock(&w->lock);
	return same && queue_tenant_count(&w->queue, e->subject.priority, e->subject.tenant) >= keep_of(w);
}

/* ---- on the recovery thread, which may wait for the broker */

struct tally {
	const char *tenant;
	uint64_t others;
};

static void add_subject(void *arg, struct span subject, uint64_t messages)
{
	struct tally *t = arg;
	span_cut(&subject, '.');
	if (!span_is(span_cut(&subject, '.'), t->tenant))
		t->others += messages;
}

static void look(struct worker *w, int p)
{
	struct overflow_watch *o = &w->overflow.watch[p];
	char filter[128], tenant[TENANT_ID_MAX + 1];
	struct err ignored; /* unanswered: nothing moves, and the next look asks again */
	pthread_mutex_lock(&w->lock);
	snprintf(tenant, sizeof tenant, "%s", o->tenant);
	size_t others_here = o->others_here;
	pthread_mutex_unlock(&w->lock);
	struct tally t = {.tenant = tenant};
	snprintf(filter, sizeof filter, "gannet.*.jobs.submit.%s.%s", w->kind.kind, priority_names[p]);
	enum status s = bus_stream_subjects(w->bus, STREAM_JOBS, filter, add_subject, &t, &ignored);
	pthread_mutex_lock(&w->lock);
	o->asked = false;
	if (s == STATUS_OK && t.others > others_here) {
		snprintf(o->moving, sizeof o->moving, "%s", tenant);
		atomic_store(&o->move_until_ms, clock_mono_ms(w->clock) + MOVE_FOR_MS);
	}
	pthread_mutex_unlock(&w->lock);
}

/* Called with worker->lock held; gives it up while it asks. */
void overflow_look(struct worker *w)
{
	for (int p = 0; p < PRIORITY_COUNT; p++)
		if (w->overflow.watch[p].asked) {
			pthread_mutex_unlock(&w->lock);
			look(w, p);
			pthread_mutex_lock(&w->lock);
		}
}

bool overflow_asked(const struct worker *w)
{
	for (int p = 0; p < PRIORITY_COUNT; p++)
		if (w->overflow.watch[p].asked)
			return true;
	return false;
}
