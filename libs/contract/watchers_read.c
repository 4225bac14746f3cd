/* Reading the watchers' configuration: strictly, with every name resolved, or not at all. */
#include <stdio.h>

#include "contract/watchers.h"

static const struct {
	const char *name, *cron;
} built_in[] = {{"quarter-hourly", "*/15 * * * *"},
                {"hourly", "0 * * * *"},
                {"daily", "0 6 * * *"},
                {"nightly", "0 2 * * *"},
                {"weekly-audit", "0 9 * * 1"}};

size_t watchers_schedule_index(const struct watchers_config *c, struct span name)
{
	for (size_t i = 0; i < c->schedules_n; i++)
		if (span_eq(c->schedules[i].name, name))
			return i;
	return SIZE_MAX;
}

bool watchers_feature_is_on(const struct watchers_config *c, const char *name)
{
	struct json v;
	bool on;
	return !json_member(c->features, span_from(name), &v) || !json_bool(v, &on) || on;
}

/* Puts the path of where it happened in front of the member, in the field and where the sentence begins with it. */
static enum status at_item(const char *where, size_t i, struct err *err)
{
	scoped_buf field = {0}, msg = {0};
	struct span was = span_from(err->field), text = span_from(err->msg);
	buf_printf(&field, "%s[%zu]%s%s", where, i, was.n ? "." : "", err->field);
	if (was.n && span_starts(text, was))
		buf_printf(&msg, "%s%s", field.data, text.p + was.n);
	else
		buf_printf(&msg, "%s: %s", field.data, err->msg);
	return err_field(err, err->status, field.data, "%s", msg.data);
}

enum status watchers_item(const struct json_table *t, struct json item, const char *where, size_t i, struct arena *a,
                          void *ret, struct err *err)
{
	*err = (struct err){0};
	if (item.type != JSON_OBJECT)
		err_set(err, STATUS_INVALID, "must be an object");
	else if (json_decode(t, item, JSON_STRICT, a, ret, err) == STATUS_OK)
		return STATUS_OK;
	return at_item(where, i, err);
}

static enum status add_schedule(struct watchers_config *c, const struct watchers_schedule *s, struct err *err)
{
	struct cron cron;
	if (cron_parse(s->cron, &cron, err) != STATUS_OK) {
		snprintf(err->field, sizeof err->field, "cron");
		return err->status;
	}
	if (span_is(s->name, SCHEDULE_NEVER))
		return err_field(err, STATUS_INVALID, "name", "name: '%s' stands for no schedule at all", SCHEDULE_NEVER);
	size_t at = watchers_schedule_index(c, s->name);
	if (at == SIZE_MAX && c->schedules_n == SCHEDULES_MAX)
		return err_set(err, STATUS_TOO_LARGE, "more than %d schedules", SCHEDULES_MAX);
	at = at == SIZE_MAX ? c->schedules_n++ : at;
	c->schedules[at] = *s;
	if (!s->zone.p)
		c->schedules[at].zone = SPAN("UTC");
	c->crons[at] = cron;
	return STATUS_OK;
}

static enum status read_schedules(struct json list, struct arena *a, struct watchers_config *c, struct err *err)
{
	struct json key, item;
	size_t i = 0;
	for (size_t k = 0; k < countof(built_in); k++)
		if (add_schedule(
		        c, &(struct watchers_schedule){span_from(built_in[k].name), span_from(built_in[k].cron), SPAN("UTC")},
		        err) != STATUS_OK)
			return err->status;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &item); i++) {
		struct watchers_schedule s;
		if (watchers_item(&watchers_schedule_table, item, "schedules", i, a, &s, err) != STATUS_OK)
			return err->status;
		if (add_schedule(c, &s, err) != STATUS_OK)
			return at_item("schedules", i, err);
	}
	return STATUS_OK;
}

static enum status add_watch(struct watchers_config *c, struct watchers_watch w, struct err *err)
{
	for (size_t i = 0; i < c->watches_n; i++)
		if (span_eq(c->watches[i].name, w.name))
			return err_field(err, STATUS_INVALID, "name", "name: '%.*s' is there twice", SPAN_ARG(w.name));
	if (w.schedule.p && !span_is(w.schedule, SCHEDULE_NEVER) && watchers_schedule_index(c, w.schedule) == SIZE_MAX)
		return err_field(err, STATUS_INVALID, "schedule", "schedule: there is no schedule '%.*s'",
		                 SPAN_ARG(w.schedule));
	if (c->watches_n == WATCHES_MAX)
		return err_set(err, STATUS_TOO_LARGE, "more than %d watches", WATCHES_MAX);
	if (!w.tenant.p)
		w.tenant = c->tenant;
	c->watches[c->watches_n++] = w;
	return STATUS_OK;
}

static enum status read_watches(struct json list, struct arena *a, struct watchers_config *c, struct err *err)
{
	struct json key, item;
	size_t i = 0;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &item); i++) {
		struct watchers_watch w;
		if (watchers_item(&watchers_watch_table, item, "watches", i, a, &w, err) != STATUS_OK)
			return err->status;
		if (add_watch(c, w, err) != STATUS_OK)
			return at_item("watches", i, err);
	}
	return STATUS_OK;
}

static struct watchers_thresholds thresholds_of(const struct watchers_thresholds *given)
{
	struct watchers_thresholds t = {{true, 3}, {true, 20}, {true, 5}, {true, 3}, {true, 30}};
	if (!given)
		return t;
	if (given->deploy_failures.set)
		t.deploy_failures = given->deploy_failures;
	if (given->latency_spike_percent.set)
		t.latency_spike_percent = given->latency_spike_percent;
	if (given->error_rate_percent.set)
		t.error_rate_percent = given->error_rate_percent;
	if (given->recurring_patterns.set)
		t.recurring_patterns = given->recurring_patterns;
	if (given->requests_min.set)
		t.requests_min = given->requests_min;
	return t;
}

enum status watchers_config_read(struct span document, struct arena *a, struct watchers_config *ret, struct err *err)
{
	struct json v;
	struct watchers_config_file file;
	*err = (struct err){0};
	*ret = (struct watchers_config){0};
	if (document.n > WATCHERS_FILE_MAX)
		return err_set(err, STATUS_TOO_LARGE, "a configuration has at most %zu bytes", WATCHERS_FILE_MAX);
	if (json_parse(document, &v, err) != STATUS_OK)
		return err->status;
	if (v.type != JSON_OBJECT)
		return err_set(err, STATUS_INVALID, "a configuration is a JSON object");
	if (json_decode(&watchers_config_table, v, JSON_STRICT, a, &file, err) != STATUS_OK)
		return err->status;
	ret->project_ref = file.project_ref;
	ret->tenant = file.tenant.p ? file.tenant : SPAN("default");
	ret->models = file.models;
	ret->features = file.features;
	ret->thresholds = thresholds_of(file.thresholds);
	if (read_schedules(file.schedules, a, ret, err) != STATUS_OK)
		return err->status;
	return read_watches(file.watches, a, ret, err);
}
