/* Reads the spend of the last half year from the sums, by day and provider. */
#include "spend.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"

#define NANO 1e9
#define WEEK 7

struct calendar {
	int64_t today_start_ms, today_end_ms, first_ms, weekday;
};

static enum status read_calendar(struct store *s, struct span zone, int64_t now_ms, struct spend *p, struct calendar *c,
                                 struct err *err)
{
	char now[RFC3339_BYTES], sql[1024];
	static const char pattern[] =
	    "SELECT to_char(l, 'YYYY-MM'), %s, %s, %s, %s, ((m + interval '1 month')::date - d::date)::text, %s, "
	    "(extract(isodow FROM d)::int - 1)::text FROM (SELECT l, date_trunc('month', l) AS m, date_trunc('day', l) AS d "
	    "FROM (SELECT $1::timestamptz AT TIME ZONE $2::text AS l) AS now) AS t";
#define MS(local) "(extract(epoch FROM (" local ") AT TIME ZONE $2::text) * 1000)::bigint"
	snprintf(sql, sizeof sql, pattern, MS("m"), MS("m + interval '1 month'"), MS("d"), MS("d + interval '1 day'"),
	         MS("d - interval '181 days'"));
	const struct span params[] = {span_from(rfc3339_format(now_ms, now)), zone};
	scoped_result r = {0};
	enum status status = store_query(s, sql, params, 2, &r, err);
	if (status != STATUS_OK)
		return status;
	int64_t left = 0;
	bool ok = span_copy(store_value(&r, 0, 0), p->month, sizeof p->month);
	int64_t *const numbers[] = {&p->month_start_ms, &p->month_end_ms, &c->today_start_ms, &c->today_end_ms,
	                            &left,              &c->first_ms,     &c->weekday};
	for (size_t i = 0; i < countof(numbers); i++)
		ok = ok && span_i64(store_value(&r, 0, 1 + (int)i), numbers[i]);
	if (!ok || left < 1)
		return err_set(err, STATUS_INTERNAL, "the calendar of %.*s cannot be read", SPAN_ARG(zone));
	p->days_left = (size_t)left;
	p->today_left = (double)(c->today_end_ms - now_ms) / (double)(c->today_end_ms - c->today_start_ms);
	return STATUS_OK;
}

static struct spend_service *service_of(struct spend *p, struct span name, struct arena *a)
{
	if (!name.n)
		name = SPAN("none");
	for (size_t i = 0; i < p->services_n; i++)
		if (span_eq(p->services[i].name, name) || i == SPEND_SERVICES_MAX - 1)
			return &p->services[i];
	bool last = p->services_n == SPEND_SERVICES_MAX - 1;
	p->services[p->services_n].name = last ? SPAN("other") : arena_dup(a, name);
	return &p->services[p->services_n++];
}

/* One provider's cost of one day; `day` counts from the axis's first, `today` is its last. */
static void add_cost(struct spend *p, const struct axis *axis, size_t day, struct span provider, int64_t nanousd,
                     struct arena *a)
{
	size_t today = axis->n - 1;
	struct spend_service *service = service_of(p, provider, a);
	if (axis->starts_ms[day] >= p->month_start_ms) {
		p->month_nanousd += nanousd;
		service->month_nanousd += nanousd;
	}
	if (day < today)
		p->daily[day] += (double)nanousd / NANO;
	if (day < today && day + WEEK >= today)
		service->week_nanousd += nanousd;
	else if (day < today && day + 2 * WEEK >= today)
		service->week_before_nanousd += nanousd;
}

static int by_month(const void *a, const void *b)
{
	const struct spend_service *x = a, *y = b;
	return (x->month_nanousd < y->month_nanousd) - (x->month_nanousd > y->month_nanousd);
}

/* Days before the first that cost anything say nothing. */
static void drop_beginning(struct spend *p, const struct calendar *c, size_t whole_days)
{
	size_t first = 0;
	while (first < whole_days && p->daily[first] == 0)
		first++;
	p->days = whole_days - first;
	memmove(p->daily, p->daily + first, p->days * sizeof *p->daily);
	p->first_weekday = (unsigned)((c->weekday + (int64_t)(WEEK * FORECAST_HISTORY_MAX) - (int64_t)p->days) % WEEK);
}

enum status spend_read(struct store *s, struct span tenant, struct span zone, int64_t now_ms,
                       int64_t minutes_from_ms, struct arena *a, struct spend *ret, struct err *err)
{
	struct calendar c;
	struct axis axis;
	scoped_query_sql sql = {0};
	scoped_result r = {0};
	*ret = (struct spend){0};
	enum status status = read_calendar(s, zone, now_ms, ret, &c, err);
	if (status != STATUS_OK)
		return status;
	const int64_t minute = grain_ms[GRAIN_MINUTE];
	const struct query q = {.tenant = tenant,
	                        .zone = zone,
	                        .from_ms = c.first_ms,
	                        .to_ms = now_ms / minute * minute + minute,
	                        .unit = UNIT_DAY,
	                        .groups = {DIM_PROVIDER},
	                        .groups_n = 1,
	                        .minutes_from_ms = minutes_from_ms};
	status = query_axis(&q, s, a, &axis, err);
	if (status != STATUS_OK)
		return status;
	query_groups(&q, &axis, ROLLUP_BIT(cost_nanousd), a, &sql);
	status = store_query(s, sql.text.data, sql.params, sql.n, &r, err);
	for (int row = 0; status == STATUS_OK && row < r.rows; row++) {
		int64_t day = 0, nanousd = 0;
		if (span_i64(store_value(&r, row, 0), &day) && span_i64(store_value(&r, row, 2), &nanousd) && day >= 0 &&
		    (size_t)day < axis.n && (size_t)day < FORECAST_HISTORY_MAX)
			add_cost(ret, &axis, (size_t)day, store_value(&r, row, 1), nanousd, a);
	}
	if (status != STATUS_OK)
		return status;
	qsort(ret->services, ret->services_n, sizeof *ret->services, by_month);
	drop_beginning(ret, &c, axis.n - 1);
	return STATUS_OK;
}
