/* From readings to a snapshot: members, additional metrics, and what is known of each. */
#include <stdio.h>

#include "services/collector/readers_internal.h"

/* A snapshot in the making. */
struct composition {
	struct readers *readers;
	const struct gathering *gathering;
	const char *tenant;
	int64_t now_mono_ms;
	struct json_writer w;
	struct gathered_counts counts;
};

/* What a source says in this gathering; NULL when it is another tenant's, *ret_late when it says nothing in time. */
static struct reader *part(struct composition *c, size_t i, bool *ret_late)
{
	struct reader *r = &c->readers->all[i];
	if (c->gathering->of[i] == GATHERED_NONE || strcmp(r->source->tenant, c->tenant) != 0)
		return NULL;
	*ret_late = c->gathering->of[i] == GATHERED_LATE;
	return r;
}

static bool has_value(const struct reader *r, size_t field, bool late)
{
	return !late && !r->last.failed && r->last.values[field].is == VALUE_THERE;
}

/* Values of members of struct snapshot, or of additional metrics. */
static void write_values(struct composition *c, bool known)
{
	bool late;
	for (size_t i = 0; i < c->readers->n; i++) {
		const struct reader *r = part(c, i, &late);
		for (size_t j = 0; r && j < r->source->fields_n; j++)
			if ((r->source->fields[j].known != NULL) == known && has_value(r, j, late))
				json_kv(&c->w, r->source->fields[j].metric, r->last.values[j].json);
	}
}

static void write_errors(struct composition *c)
{
	char name[SOURCE_NAME_MAX + 8], late_text[64];
	bool late;
	for (size_t i = 0; i < c->readers->n; i++) {
		const struct reader *r = part(c, i, &late);
		if (!r || (!late && !r->last.problem[0]))
			continue;
		snprintf(name, sizeof name, "%s_error", r->source->name);
		snprintf(late_text, sizeof late_text, "no answer within %lld ms", (long long)r->source->deadline_ms);
		json_kv_cstr(&c->w, name, late ? late_text : r->last.problem);
	}
}

static enum metric_status status_of(const struct composition *c, const struct reader *r, size_t source, size_t field,
                                    bool late)
{
	bool fine = !late && !r->last.failed &&
	            (r->last.values[field].is == VALUE_THERE || r->last.values[field].is == VALUE_NONE);
	if (!fine)
		return METRIC_ERROR;
	return c->gathering->of[source] == GATHERED_KEPT ? METRIC_STALE : METRIC_OK;
}

static void write_metric(struct composition *c, const struct reader *r, size_t source, size_t field, bool late)
{
	enum metric_status status = status_of(c, r, source, field, late);
	json_key(&c->w, span_from(r->source->fields[field].metric));
	json_begin_object(&c->w);
	json_kv_cstr(&c->w, "status", metric_status_names[status]);
	if (r->ok_mono_ms[field]) {
		int64_t age_ms = c->now_mono_ms - r->ok_mono_ms[field];
		json_kv_i64(&c->w, "age_ms", age_ms > 0 ? age_ms : 0);
	}
	json_kv_cstr(&c->w, "source", r->source->name);
	json_end_object(&c->w);
	c->counts.ok += status == METRIC_OK;
	c->counts.stale += status == METRIC_STALE;
	c->counts.errors += status == METRIC_ERROR;
}

static void write_metrics(struct composition *c)
{
	bool late;
	for (size_t i = 0; i < c->readers->n; i++) {
		const struct reader *r = part(c, i, &late);
		for (size_t j = 0; r && j < r->source->fields_n; j++)
			write_metric(c, r, i, j, late);
	}
}

static void write_all(struct composition *c, const char *snapshot_id)
{
	json_begin_object(&c->w);
	json_kv_cstr(&c->w, "snapshot_id", snapshot_id);
	json_kv_cstr(&c->w, "tenant", c->tenant);
	json_kv_time(&c->w, "timestamp", clock_wall_ms(c->readers->all[0].source->clock));
	write_values(c, true);
	json_key(&c->w, SPAN("additional_metrics"));
	json_begin_object(&c->w);
	write_values(c, false);
	write_errors(c);
	json_end_object(&c->w);
	json_key(&c->w, SPAN("metrics"));
	json_begin_object(&c->w);
	write_metrics(c);
	json_end_object(&c->w);
	json_kv_i64(&c->w, "collection_time_ms", c->now_mono_ms - c->gathering->began_mono_ms);
	json_end_object(&c->w);
}

enum status readers_compose(struct readers *rs, const struct gathering *g, const char *tenant, const char *snapshot_id,
                            struct buf *out, struct gathered_counts *ret, struct err *err)
{
	scoped_buf text = {0};
	scoped_arena a = {0};
	struct json v;
	struct snapshot s;
	struct composition c = {.readers = rs,
	                        .gathering = g,
	                        .tenant = tenant,
	                        .now_mono_ms = reader_now_ms(&rs->all[0]),
	                        .w = {.out = &text}};
	pthread_mutex_lock(&rs->lock);
	write_all(&c, snapshot_id);
	pthread_mutex_unlock(&rs->lock);
	/* Through the table: what is published is by its limits, in its order. */
	if (json_parse(buf_span(&text), &v, err) != STATUS_OK ||
	    json_decode(&snapshot_table, v, JSON_STRICT, &a, &s, err) != STATUS_OK)
		return err->status;
	json_encode(&snapshot_table, &s, &(struct json_writer){.out = out});
	*ret = c.counts;
	return STATUS_OK;
}
