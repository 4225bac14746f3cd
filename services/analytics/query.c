/* Understanding a question, and its time axis. */
#include "query.h"

#include <stdio.h>

#include "core/clock.h"

#define DEFAULT_SPAN_MS (30ll * 86400000)
#define MINUTE_MS 60000

const char *const dimension_names[DIMENSIONS_N] = {"model",    "provider",   "status", "operation",
                                                   "pipeline", "field_name", "user_id"};
const char *const unit_names[] = {"", "minute", "hour", "day", "week", "month"};

static enum status add_group(struct span name, struct query *q, struct err *err)
{
	for (unsigned i = UNIT_MINUTE; i <= UNIT_MONTH; i++)
		if (span_is(name, unit_names[i])) {
			if (q->unit != UNIT_NONE)
				return err_field(err, STATUS_INVALID, "group_by", "group_by: %s and %s, only one length of time is possible",
				                 unit_names[q->unit], unit_names[i]);
			q->unit = (enum time_unit)i;
			return STATUS_OK;
		}
	for (unsigned i = 0; i < DIMENSIONS_N; i++) {
		if (!span_is(name, dimension_names[i]))
			continue;
		for (size_t k = 0; k < q->groups_n; k++)
			if (q->groups[k] == i)
				return STATUS_OK;
		q->groups[q->groups_n++] = (enum dimension)i;
		return STATUS_OK;
	}
	return err_field(err, STATUS_INVALID, "group_by",
	                 "group_by: %.*s is not model, provider, user_id, operation, pipeline, field_name, status, minute, "
	                 "hour, day, week or month",
	                 (int)(name.n < 40 ? name.n : 40), name.p);
}

static enum status take_groups(struct span list, struct query *q, struct err *err)
{
	enum status status = STATUS_OK;
	while (status == STATUS_OK && list.p)
		status = add_group(span_trim(span_cut(&list, ',')), q, err);
	return status;
}

static int64_t whole_minute(int64_t ms)
{
	return ms - ms % MINUTE_MS;
}

enum status query_understand(const struct analytics_query *r, struct span tenant, struct span zone, int64_t now_ms,
                             struct query *ret, struct err *err)
{
	struct query q = {
	    .tenant = tenant,
	    .zone = r->time_zone.p ? r->time_zone : zone,
	    .to_ms = whole_minute(r->to.ms ? r->to.ms : now_ms + MINUTE_MS),
	    .filters = {[DIM_MODEL] = r->model,
	                [DIM_PROVIDER] = r->provider,
	                [DIM_OPERATION] = r->operation,
	                [DIM_PIPELINE] = r->pipeline,
	                [DIM_FIELD] = r->field_name,
	                [DIM_USER] = r->user_id},
	    .limit = r->limit.set ? r->limit.v : ANALYTICS_ROWS_DEFAULT,
	    .csv = r->format == 1,
	};
	q.from_ms = whole_minute(r->from.ms ? r->from.ms : q.to_ms - DEFAULT_SPAN_MS);
	if (r->status)
		q.filters[DIM_STATUS] = span_from(analytics_status_names[r->status]);
	if (q.from_ms >= q.to_ms)
		return err_field(err, STATUS_INVALID, "from", "from: must be earlier than to, by a minute at least");
	enum status status = take_groups(r->group_by, &q, err);
	if (status == STATUS_OK)
		*ret = q;
	return status;
}

/* ---- the time axis */

/* Days and longer ones begin as the zone's calendar says, so they may have 23 or 25 hours; shorter ones follow each other. */
static const char *axis_sql(enum time_unit unit)
{
	if (unit <= UNIT_HOUR)
		return "SELECT (extract(epoch FROM b) * 1000)::bigint, to_char(b AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
		       "FROM generate_series(date_trunc($1, $2::timestamptz, $4), $3::timestamptz - interval '1 microsecond', ('1 ' || "
		       "$1)::interval) AS b ORDER BY 1 LIMIT 10001";
	return "SELECT (extract(epoch FROM l AT TIME ZONE $4) * 1000)::bigint, to_char(l, CASE $1 WHEN 'month' THEN 'YYYY-MM' ELSE "
	       "'YYYY-MM-DD' END) "
	       "FROM generate_series(date_trunc($1, $2::timestamptz AT TIME ZONE $4), ($3::timestamptz - interval '1 "
	       "microsecond') AT TIME ZONE $4, ('1 ' || $1)::interval) AS l ORDER BY 1 LIMIT 10001";
}

static enum status fill_axis(const struct query *q, const struct store_result *r, struct arena *a, struct axis *ret,
                             struct err *err)
{
	if (r->rows > ANALYTICS_BUCKETS_MAX)
		return err_field(err, STATUS_INVALID, "from", "from: more than %d %ss before to", ANALYTICS_BUCKETS_MAX,
		                 unit_names[q->unit]);
	size_t n = (size_t)r->rows;
	*ret = (struct axis){arena_alloc(a, (n + 1) * sizeof *ret->starts_ms), arena_alloc(a, (n + 1) * sizeof *ret->labels), n};
	for (size_t i = 0; i < n; i++) {
		if (!span_i64(store_value(r, (int)i, 0), &ret->starts_ms[i]))
			return err_set(err, STATUS_INTERNAL, "a bucket begins at %.*s", SPAN_ARG(store_value(r, (int)i, 0)));
		ret->labels[i] = arena_dup(a, store_value(r, (int)i, 1));
	}
	ret->starts_ms[0] = q->from_ms;
	ret->starts_ms[n] = q->to_ms;
	return STATUS_OK;
}

enum status query_axis(const struct query *q, struct store *s, struct arena *a, struct axis *ret, struct err *err)
{
	char from[RFC3339_BYTES], to[RFC3339_BYTES];
	const struct span params[] = {span_from(unit_names[q->unit == UNIT_NONE ? UNIT_MONTH : q->unit]),
	                              span_from(rfc3339_format(q->from_ms, from)), span_from(rfc3339_format(q->to_ms, to)),
	                              q->zone};
	scoped_result r = {0};
	/* Also without a unit: so that an unknown zone is an error. */
	enum status status =
	    store_query(s, axis_sql(q->unit == UNIT_NONE ? UNIT_MONTH : q->unit), params, countof(params), &r, err);
	if (status == STATUS_INVALID)
		return err_field(err, STATUS_INVALID, "time_zone", "time_zone: %.*s is not a time zone that is known here",
		                 SPAN_ARG(q->zone));
	if (status != STATUS_OK)
		return status;
	if (q->unit != UNIT_NONE)
		return fill_axis(q, &r, a, ret, err);
	*ret = (struct axis){arena_alloc(a, 2 * sizeof *ret->starts_ms), arena_alloc(a, sizeof *ret->labels), 1};
	ret->starts_ms[0] = q->from_ms;
	ret->starts_ms[1] = q->to_ms;
	ret->labels[0] = SPAN("");
	return STATUS_OK;
}
