/* One turn of a watch from its tick to its record: claimed, looked at, settled, written down. */
#include <inttypes.h>
#include <stdio.h>

#include "contract/job.h"
#include "services/watchers/watcher.h"

#define FRESH_MS 60000 /* a running record that was not touched for so long belongs to a dead process */

struct claim {
	struct watch_record record;
	uint64_t revision;
	bool mine;
};

static bool is_over(const struct watch_record *r)
{
	return r->status == WATCH_COMPLETED || r->status == WATCH_FAILED;
}

/* The record of this turn becomes ours, or it is done, or somebody else's. */
static enum status claim(struct watch_run *r, struct claim *c, struct err *err)
{
	scoped_buf text = {0};
	struct json v;
	struct span run_id = span_from(r->run_id);
	enum status s = book_get(r->w->book, r->watch->tenant, run_id, &text, &c->revision, err);
	if (s != STATUS_OK && s != STATUS_NOT_FOUND)
		return s;
	if (s == STATUS_OK && (json_parse(arena_dup(r->arena, buf_span(&text)), &v, err) != STATUS_OK ||
	                       json_decode(&watch_record_table, v, JSON_LENIENT, r->arena, &c->record, err) != STATUS_OK))
		return STATUS_OK; /* not ours to understand */
	if (s == STATUS_OK && (is_over(&c->record) || (c->record.status == WATCH_RUNNING && r->turn->delivery == 1)))
		return STATUS_OK; /* the tick came twice */
	if (s == STATUS_NOT_FOUND) {
		c->revision = 0;
		c->record = (struct watch_record){.trigger = WATCH_SCHEDULE};
	}
	c->record.run_id = run_id;
	c->record.watch = r->watch->name;
	c->record.watcher = span_from(r->watcher->name);
	c->record.status = WATCH_RUNNING;
	c->record.turn_at.ms = r->turn->at_ms;
	c->record.started_at.ms = clock_wall_ms(r->w->clock);
	c->record.instance = span_from(service_instance(r->w->service));
	c->record.delivery = (struct opt_i64){true, (int64_t)r->turn->delivery};
	s = book_put(r->w->book, r->watch->tenant, &c->record, c->revision, &c->revision, err);
	c->mine = s == STATUS_OK;
	return s == STATUS_CONFLICT ? STATUS_OK : s;
}

/* Written over whatever progress was noted meanwhile. */
static enum status write_down(struct watch_run *r, const struct watch_record *record, struct err *err)
{
	scoped_buf text = {0};
	uint64_t revision = 0;
	enum status s = book_get(r->w->book, r->watch->tenant, record->run_id, &text, &revision, err);
	if (s == STATUS_OK || s == STATUS_NOT_FOUND)
		s = book_put(r->w->book, r->watch->tenant, record, revision, &revision, err);
	return s;
}

static void finish(struct watch_run *r, struct watch_record *record, enum status s, const struct err *failure,
                   int64_t began_ms)
{
	struct json v;
	struct err ignored;
	bool fits = r->result.len && r->result.len <= WATCH_RESULT_MAX;
	record->status = s == STATUS_OK ? WATCH_COMPLETED : WATCH_FAILED;
	record->finished_at.ms = clock_wall_ms(r->w->clock);
	record->duration_ms = (struct opt_i64){true, clock_mono_ms(r->w->clock) - began_ms};
	record->percent = (struct opt_i64){true, 100};
	record->step = (struct span){0};
	if (r->summary[0])
		record->summary = span_from(r->summary);
	if (s != STATUS_OK)
		record->error = arena_printf(r->arena, "%s%s%s", failure->field, failure->field[0] ? ": " : "", failure->msg);
	if (fits && json_parse(buf_span(&r->result), &v, &ignored) == STATUS_OK && v.type == JSON_OBJECT)
		record->result = v;
}

static enum status look(struct watch_run *r, struct watch_record *record, struct err *err)
{
	struct err failure = {0};
	int64_t began_ms = clock_mono_ms(r->w->clock);
	r->record = record;
	r->touched_mono_ms = began_ms;
	enum status s = findings_load(r, &failure);
	if (s == STATUS_OK)
		s = r->watcher->run(r, &failure);
	if (s == STATUS_OK)
		s = findings_settle(r, &failure);
	if (s == STATUS_CANCELLED) {
		/* Begun anew by another replica, or by this one when it is back. */
		record->status = WATCH_QUEUED;
		if (write_down(r, record, err) != STATUS_OK)
			log_error("the record of a run that was cut off could not be written", err);
		*err = failure;
		return s;
	}
	finish(r, record, s, &failure, began_ms);
	if (write_down(r, record, err) != STATUS_OK)
		return err->status;
	if (s == STATUS_OK)
		log_fields(LOG_INFO, "watch done", LOG_S("watch", r->watch->name), LOG_S("watcher", record->watcher),
		           LOG_C("run_id", r->run_id), LOG_I("opened", record->opened.v), LOG_I("resolved", record->resolved.v),
		           LOG_I("open", record->open.v), LOG_I("ms", record->duration_ms.v));
	else
		log_error("watch failed", &failure);
	run_step(r, 100, "done");
	book_prune(r->w->book, r->watch->tenant, r->watch->name, (size_t)r->w->env->history);
	return STATUS_OK;
}

static enum status claim_and_look(struct watch_run *r, struct err *err)
{
	struct claim c = {0};
	if (book_is_busy(r->w->book, r->watch->tenant, r->watch->name, span_from(r->run_id), FRESH_MS))
		return err_retry(err, STATUS_UNAVAILABLE, "another run of %.*s is not done yet", SPAN_ARG(r->watch->name));
	if (claim(r, &c, err) != STATUS_OK || !c.mine)
		return err->status;
	enum status s = look(r, &c.record, err);
	findings_free(r);
	buf_free(&r->result);
	return s;
}

static const struct watchers_watch *watch_named(const struct watchers_config *c, struct span name)
{
	for (size_t i = 0; i < c->watches_n; i++)
		if (span_eq(c->watches[i].name, name))
			return &c->watches[i];
	return NULL;
}

enum status turn_run(void *arg, struct span name, const struct schedule_turn *turn, struct err *err)
{
	struct watchers *w = arg;
	scoped_arena a = {0};
	*err = (struct err){0};
	struct held_config *held = settings_hold(w->settings);
	struct watch_run r = {.w = w, .config = &held->config, .turn = turn, .arena = &a};
	enum status s = STATUS_OK;
	r.watch = watch_named(&held->config, name);
	r.watcher = r.watch ? watcher_named(r.watch->watcher) : NULL;
	if (r.watcher) {
		snprintf(r.run_id, sizeof r.run_id, "%.*s-%" PRId64, SPAN_ARG(name), turn->at_ms);
		s = claim_and_look(&r, err);
	}
	settings_release(w->settings, held);
	return s;
}
