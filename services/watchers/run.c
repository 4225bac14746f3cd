/* What a watcher calls while it looks: keeping the lease, telling how far it is, and noting what it found. */
#include <stdio.h>
#include <stdlib.h>

#include "services/watchers/watcher.h"

#define TELL_EVERY_MS 250
#define TOUCH_EVERY_MS 10000 /* others take a run whose record stands still for dead */
#define UNSURE_MAX 256

static void tell(struct watch_run *r)
{
	char subject[160];
	scoped_buf body = {0};
	struct err ignored;
	const struct watch_progress p = {
	    .run_id = span_from(r->run_id),
	    .watch = r->watch->name,
	    .percent = r->percent,
	    .step = span_from(r->step),
	    .timestamp = {clock_wall_ms(r->w->clock)},
	};
	snprintf(subject, sizeof subject, "gannet.%.*s.watch.progress.%s", SPAN_ARG(r->watch->tenant), r->run_id);
	json_encode(&watch_progress_table, &p, &(struct json_writer){.out = &body});
	const struct bus_out out = {.subject = subject, .data = buf_span(&body)};
	if (bus_publish(r->w->bus, &out, &ignored) != STATUS_OK)
		return; /* only a courtesy */
}

static void touch(struct watch_run *r)
{
	struct err ignored;
	scoped_buf text = {0};
	uint64_t revision;
	r->record->percent = (struct opt_i64){true, r->percent};
	r->record->step = span_from(r->step);
	if (book_get(r->w->book, r->watch->tenant, span_from(r->run_id), &text, &revision, &ignored) != STATUS_OK ||
	    book_put(r->w->book, r->watch->tenant, r->record, revision, &revision, &ignored) != STATUS_OK)
		return; /* the next time */
}

bool run_pause(struct watch_run *r)
{
	int64_t now_ms = clock_mono_ms(r->w->clock);
	if (now_ms - r->touched_mono_ms > TOUCH_EVERY_MS) {
		r->touched_mono_ms = now_ms;
		touch(r);
	}
	return schedule_pause(r->turn);
}

void run_step(struct watch_run *r, int percent, const char *step)
{
	int64_t now_ms = clock_mono_ms(r->w->clock);
	r->percent = percent;
	snprintf(r->step, sizeof r->step, "%s", step);
	if (now_ms - r->told_mono_ms < TELL_EVERY_MS)
		return;
	r->told_mono_ms = now_ms;
	tell(r);
}

void run_found(struct watch_run *r, const struct draft *d)
{
	if (r->drafts_n == RUN_FINDINGS_MAX) {
		r->left_out++;
		return;
	}
	if (r->drafts_n == r->drafts_cap) {
		r->drafts_cap = r->drafts_cap ? 2 * r->drafts_cap : 32;
		r->drafts = realloc(r->drafts, r->drafts_cap * sizeof *r->drafts);
		if (!r->drafts)
			abort();
	}
	struct draft *mine = &r->drafts[r->drafts_n++];
	*mine = *d;
	mine->key = arena_dup(r->arena, d->key);
	mine->title = arena_dup(r->arena, d->title);
	mine->description = arena_dup(r->arena, d->description);
	mine->recommendation = arena_dup(r->arena, d->recommendation);
	mine->evidence = arena_dup(r->arena, d->evidence);
	mine->area = arena_dup(r->arena, d->area);
	mine->place = arena_dup(r->arena, d->place);
}

void run_unsure(struct watch_run *r, struct span area)
{
	if (!r->unsure)
		r->unsure = arena_alloc(r->arena, UNSURE_MAX * sizeof *r->unsure);
	for (size_t i = 0; i < r->unsure_n; i++)
		if (span_eq(r->unsure[i], area))
			return;
	/* Too many to tell apart: nothing is sure. */
	if (r->unsure_n == UNSURE_MAX)
		r->unsure[0] = SPAN("*");
	else
		r->unsure[r->unsure_n++] = arena_dup(r->arena, area);
}
