/* Answers and stores what the month will come to. */
#include "month.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "alert.h"
#include "requests.h"

enum status month_read(struct analytics *a, struct store *s, struct span tenant, struct span zone, int64_t now_ms,
                       struct arena *m, struct month *ret, struct err *err)
{
	int64_t minutes_from_ms =
	    a->config->minute_days ? now_ms - (a->config->minute_days - 1) * grain_ms[GRAIN_DAY] : 0;
	enum status status = settings_get(a, s, tenant, &ret->settings, err);
	if (status == STATUS_OK && zone.p && !span_copy(zone, ret->settings.zone, sizeof ret->settings.zone))
		status = err_field(err, STATUS_INVALID, "time_zone", "time_zone: too long");
	if (status == STATUS_OK && zone.p)
		status = request_check_zone(s, zone, err);
	if (status == STATUS_OK)
		status = spend_read(s, tenant, span_from(ret->settings.zone), now_ms, minutes_from_ms, m, &ret->spend, err);
	if (status == STATUS_OK)
		projection_make(&ret->spend, ret->settings.budget_nanousd, &ret->projection);
	return status;
}

static enum status read_asked(struct analytics *a, const struct micro_request *r, const struct json_table *t,
                              struct month *ret, struct err *err)
{
	struct analytics_month_query asked;
	scoped_lent db = {0};
	enum status status = micro_decode(r, t, &asked, err);
	if (status == STATUS_OK)
		status = lend(a, &db, err);
	if (status == STATUS_OK)
		status = month_read(a, db.store, r->tenant, asked.time_zone, clock_wall_ms(a->clock), r->arena, ret, err);
	return status;
}

enum status handle_budget(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct month *m = arena_new(r->arena, struct month);
	enum status status = read_asked(arg, r, &analytics_budget_query_table, m, err);
	if (status != STATUS_OK)
		return status;
	struct analytics_budget answer = {
	    .month = span_from(m->spend.month),
	    .time_zone = span_from(m->settings.zone),
	    .month_start = {m->spend.month_start_ms},
	    .month_end = {m->spend.month_end_ms},
	    .spent_nanousd = m->spend.month_nanousd,
	    .budget_nanousd = m->settings.budget_nanousd,
	};
	if (answer.budget_nanousd.set) {
		int64_t budget = answer.budget_nanousd.v;
		answer.remaining_nanousd = (struct opt_i64){true, budget - answer.spent_nanousd};
		if (budget > 0)
			answer.used_percent = (struct opt_f64){true, round((double)answer.spent_nanousd / (double)budget * 1000) / 10};
	}
	return request_reply(&analytics_budget_table, &answer, reply);
}

enum status handle_forecast(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct analytics *a = arg;
	struct month *m = arena_new(r->arena, struct month);
	enum status status = read_asked(a, r, &analytics_forecast_query_table, m, err);
	if (status != STATUS_OK)
		return status;
	const struct projection *p = &m->projection;
	const struct cost_prediction prediction = {
	    .current_spend = p->current,
	    .projected_monthly = p->projected,
	    .budget = p->budget,
	    .deviation_percent = p->deviation_percent,
	    .trend = span_from(p->trend),
	    .recommendation = projection_recommendation(&m->spend, p, r->arena),
	};
	const struct analytics_forecast answer = {
	    .prediction = &prediction,
	    .actions = projection_actions(&m->spend, p, r->arena),
	    .month = span_from(m->spend.month),
	    .time_zone = span_from(m->settings.zone),
	    .method = span_from(p->method),
	    .low = p->low,
	    .high = p->high,
	    .services = projection_services(&m->spend, r->arena),
	    .at = {clock_wall_ms(a->clock)},
	};
	return request_reply(&analytics_forecast_table, &answer, reply);
}

/* ---- on schedule */

static enum status keep(struct store *s, struct span tenant, int64_t now_ms, const struct month *m, struct span words,
                        struct err *err)
{
	const struct projection *p = &m->projection;
	char at[RFC3339_BYTES], month[16], numbers[5][32], deviation[32];
	const double dollars[4] = {p->current, p->projected, p->low, p->high};
	for (size_t i = 0; i < countof(dollars); i++)
		snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)llround(fmin(dollars[i], 9e9) * 1e9));
	snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)m->spend.month_nanousd);
	snprintf(numbers[4], sizeof numbers[4], "%lld", (long long)m->settings.budget_nanousd.v);
	snprintf(deviation, sizeof deviation, "%.1f", p->deviation_percent.v);
	snprintf(month, sizeof month, "%s-01", m->spend.month);
	const struct span none = {0};
	const struct span params[] = {
	    tenant,
	    span_from(rfc3339_format(now_ms, at)),
	    span_from(month),
	    span_from(m->settings.zone),
	    span_from(p->method),
	    span_from(numbers[0]),
	    span_from(numbers[1]),
	    span_from(numbers[2]),
	    span_from(numbers[3]),
	    m->settings.budget_nanousd.set ? span_from(numbers[4]) : none,
	    p->deviation_percent.set ? span_from(deviation) : none,
	    span_from(p->trend),
	    words,
	};
	return store_exec(s,
	                  "INSERT INTO cost_predictions (tenant, at, month, time_zone, method, current_nanousd, "
	                  "projected_nanousd, low_nanousd, high_nanousd, budget_nanousd, deviation_percent, trend, "
	                  "recommendation) VALUES ($1, $2::timestamptz, $3::date, $4, $5, $6::bigint, $7::bigint, $8::bigint, "
	                  "$9::bigint, $10::bigint, $11::float8, $12, $13)",
	                  params, countof(params), err);
}

static struct json evidence_of(const struct month *m, struct arena *a)
{
	const struct projection *p = &m->projection;
	scoped_buf out = {0};
	struct json_writer w = {&out, false};
	json_begin_object(&w);
	json_kv_cstr(&w, "month", m->spend.month);
	json_kv_cstr(&w, "time_zone", m->settings.zone);
	json_kv_f64(&w, "budget", p->budget.v);
	json_kv_f64(&w, "current_spend", p->current);
	json_kv_f64(&w, "projected_monthly", p->projected);
	json_kv_f64(&w, "low", p->low);
	json_kv_f64(&w, "high", p->high);
	json_kv_f64(&w, "deviation_percent", p->deviation_percent.v);
	json_kv(&w, "services", projection_services(&m->spend, a));
	json_end_object(&w);
	return (struct json){arena_dup(a, buf_span(&out)), JSON_OBJECT};
}

/* One finding a tenant: the month's budget will be passed by more than DEVIATION_ALERT, or will not; the next month resolves it. */
static enum status tell(struct analytics *a, struct store *s, struct span tenant, int64_t now_ms, const struct month *m,
                        struct span words, struct arena *memory, struct err *err)
{
	struct alert_memory remembered;
	const struct projection *p = &m->projection;
	struct alert what = {
	    .type = "cost_deviation",
	    .subject = SPAN("month"),
	    .severity = p->budget.set && p->current > p->budget.v ? SEVERITY_CRITICAL : SEVERITY_HIGH,
	    .open = p->over,
	    .title = arena_printf(memory, "The budget of %s will be missed by more than 20 %%", m->spend.month),
	    .description = words,
	    .recommendation = SPAN("`gannet forecast` shows what the month will come to, `gannet costs --by model --by day` where it comes from."),
	    .evidence = evidence_of(m, memory),
	    .labels = {arena_printf(memory, "{\"month\":\"%s\"}", m->spend.month), JSON_OBJECT},
	    .at_ms = now_ms,
	};
	enum status status = alert_recall(s, tenant, what.type, what.subject, &remembered, err);
	return status == STATUS_OK ? alert_tell(a, s, tenant, &what, &remembered, err) : status;
}

enum status month_judge(struct analytics *a, struct store *s, struct span tenant, int64_t now_ms, struct err *err)
{
	scoped_arena memory = {0};
	struct month *m = arena_new(&memory, struct month);
	enum status status = month_read(a, s, tenant, (struct span){0}, now_ms, &memory, m, err);
	if (status != STATUS_OK)
		return status;
	struct span words = projection_recommendation(&m->spend, &m->projection, &memory);
	status = keep(s, tenant, now_ms, m, words, err);
	return status == STATUS_OK ? tell(a, s, tenant, now_ms, m, words, &memory, err) : status;
}
