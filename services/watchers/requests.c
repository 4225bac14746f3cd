/* The micro service `watch`: run, list, history, get. */
#include <inttypes.h>
#include <stdio.h>

#include "contract/job.h"
#include "services/watchers/watcher.h"

#define RUN_BUSY_MS 60000

static const struct watchers_watch *find_watch(const struct held_config *c, struct span tenant, struct span name)
{
	for (size_t i = 0; i < c->config.watches_n; i++)
		if (span_eq(c->config.watches[i].name, name) && span_eq(c->config.watches[i].tenant, tenant))
			return &c->config.watches[i];
	return NULL;
}

/* ---- run */

static enum status queue_run(struct watchers *w, const struct watchers_watch *watch, char run_id[JOB_ID_MAX + 1],
                             struct err *err)
{
	int64_t at_ms = clock_wall_ms(w->clock);
	char name[WATCH_NAME_MAX + 1];
	uint64_t revision;
	enum status s = STATUS_CONFLICT;
	if (book_is_busy(w->book, watch->tenant, watch->name, SPAN(""), RUN_BUSY_MS))
		return err_field(err, STATUS_CONFLICT, "name", "name: '%.*s' is running already", SPAN_ARG(watch->name));
	/* Two requests in one millisecond are two runs. */
	for (int i = 0; s == STATUS_CONFLICT && i < 10; i++, at_ms++) {
		snprintf(run_id, JOB_ID_MAX + 1, "%.*s-%" PRId64, SPAN_ARG(watch->name), at_ms);
		const struct watch_record r = {.run_id = span_from(run_id),
		                               .watch = watch->name,
		                               .watcher = watch->watcher,
		                               .trigger = WATCH_HAND,
		                               .status = WATCH_QUEUED,
		                               .turn_at = {at_ms}};
		s = book_put(w->book, watch->tenant, &r, 0, &revision, err);
	}
	if (s != STATUS_OK)
		return s;
	span_copy(watch->name, name, sizeof name);
	return timetable_publish(w->timetable, name, at_ms - 1, err);
}

static enum status handle_run(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct watchers *w = arg;
	struct watch_run_request request;
	char run_id[JOB_ID_MAX + 1];
	enum status s = micro_decode(r, &watch_run_request_table, &request, err);
	if (s != STATUS_OK)
		return s;
	struct held_config *c = settings_hold(w->settings);
	const struct watchers_watch *watch = find_watch(c, r->tenant, request.name);
	if (!watch)
		s = err_field(err, STATUS_NOT_FOUND, "name", "name: there is no watch '%.*s'; watch.list names them",
		              SPAN_ARG(request.name));
	else
		s = queue_run(w, watch, run_id, err);
	settings_release(w->settings, c);
	if (s != STATUS_OK)
		return s;
	const struct watch_run_reply answer = {span_from(run_id), request.name, SPAN("queued")};
	json_encode(&watch_run_reply_table, &answer, &(struct json_writer){.out = reply});
	return STATUS_OK;
}

/* ---- list */

static void write_last(struct watchers *w, const struct watchers_watch *watch, struct json_writer *out)
{
	scoped_buf text = {0};
	struct json_writer list = {.out = &text};
	book_list(w->book, watch->tenant, watch->name, 1, &list);
	if (!text.len)
		return;
	json_key(out, SPAN("last"));
	json_put(out, (struct json){buf_span(&text), JSON_OBJECT});
}

static void write_watch(struct watchers *w, const struct held_config *c, const struct watchers_watch *watch,
                        struct json_writer *out)
{
	size_t at = settings_schedule(&c->config, watch);
	bool on = settings_is_on(&c->config, watch);
	json_begin_object(out);
	json_kv_text(out, "name", watch->name);
	json_kv_text(out, "watcher", watch->watcher);
	json_kv_text(out, "schedule", at == SIZE_MAX ? SPAN(SCHEDULE_NEVER) : c->config.schedules[at].name);
	json_kv_bool(out, "enabled", on);
	if (at != SIZE_MAX) {
		json_kv_text(out, "cron", c->config.schedules[at].cron);
		json_kv_text(out, "zone", c->config.schedules[at].zone);
		int64_t next_ms = cron_next(&c->config.crons[at], c->zones[at], clock_wall_ms(w->clock));
		if (on && next_ms != INT64_MAX)
			json_kv_time(out, "next_at", next_ms);
	}
	write_last(w, watch, out);
	json_end_object(out);
}

static enum status handle_list(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct watchers *w = arg;
	struct watch_list_request request;
	scoped_buf text = {0};
	struct json_writer out = {.out = &text};
	enum status s = micro_decode(r, &watch_list_request_table, &request, err);
	if (s != STATUS_OK)
		return s;
	struct held_config *c = settings_hold(w->settings);
	json_begin_array(&out);
	for (size_t i = 0; i < c->config.watches_n; i++)
		if (span_eq(c->config.watches[i].tenant, r->tenant))
			write_watch(w, c, &c->config.watches[i], &out);
	json_end_array(&out);
	settings_release(w->settings, c);
	const struct watch_list_reply answer = {
	    .configured = settings_configured(w->settings),
	    .message = settings_message(w->settings, r->arena),
	    .watches = {buf_span(&text), JSON_ARRAY},
	};
	json_encode(&watch_list_reply_table, &answer, &(struct json_writer){.out = reply});
	return STATUS_OK;
}

/* ---- history, get */

static enum status handle_history(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct watchers *w = arg;
	struct watch_history_request request;
	scoped_buf text = {0};
	struct json_writer out = {.out = &text};
	enum status s = micro_decode(r, &watch_history_request_table, &request, err);
	if (s != STATUS_OK)
		return s;
	json_begin_array(&out);
	book_list(w->book, r->tenant, request.name, request.limit.set ? (size_t)request.limit.v : WATCH_HISTORY_DEFAULT,
	          &out);
	json_end_array(&out);
	const struct watch_history_reply answer = {{buf_span(&text), JSON_ARRAY}};
	json_encode(&watch_history_reply_table, &answer, &(struct json_writer){.out = reply});
	return STATUS_OK;
}

static enum status handle_get(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct watchers *w = arg;
	struct watch_get_request request;
	uint64_t revision;
	enum status s = micro_decode(r, &watch_get_request_table, &request, err);
	if (s == STATUS_OK)
		s = book_get(w->book, r->tenant, request.run_id, reply, &revision, err);
	if (s == STATUS_NOT_FOUND)
		return err_field(err, s, "run_id", "run_id: there is no run '%.*s'", SPAN_ARG(request.run_id));
	return s;
}

const struct micro_endpoint watch_endpoints[WATCH_ENDPOINTS] = {
    {"run", "gannet.*.watch.run", handle_run, "Run a watch now"},
    {"list", "gannet.*.watch.list", handle_list, "Watches, when they run next, and how the last run went"},
    {"history", "gannet.*.watch.history", handle_history, "Past runs"},
    {"get", "gannet.*.watch.get", handle_get, "A run and its result"},
};

enum status requests_start(struct watchers *w, struct err *err)
{
	return micro_start(w->bus, "watch", "What is watched, when, and what came of it", watch_endpoints, WATCH_ENDPOINTS, w,
	                   w->clock, &w->micro, err);
}
