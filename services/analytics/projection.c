/* The month's end, in dollars and in words. */
#include "projection.h"

#include <math.h>
#include <stdio.h>

#define NANO 1e9
#define TREND_T 2.0        /* standard errors of a slope that is called a trend */
#define TREND_SHARE 0.05   /* and how much of a day's cost it must come to in a month */
#define GROWTH 1.25        /* a week against the one before */
#define GROWTH_SHARE 0.10  /* of the month's spend, for a service to matter */

/* Cents, or millionths of what is less than a dollar. */
static double cents(double dollars)
{
	double unit = fabs(dollars) < 1 ? 1e6 : 100;
	return round(dollars * unit) / unit;
}

static void by_run_rate(const struct spend *s, double remaining_days, struct projection *p)
{
	double sum = 0;
	for (size_t i = 0; i < s->days; i++)
		sum += s->daily[i];
	/* Of a first day only a part is there. */
	double today = 1 - s->today_left, day = s->days ? sum / (double)s->days : today > 0.01 ? p->current / today : p->current;
	p->method = "run_rate";
	p->projected = p->current + day * remaining_days;
	p->low = p->current;
	p->high = p->current + 2 * day * remaining_days;
}

static void by_regression(struct projection *p)
{
	const struct forecast *f = &p->fit;
	p->method = "regression";
	p->projected = p->current + f->sum;
	p->low = p->current + f->low;
	p->high = p->current + f->high;
	if (fabs(f->slope_t) >= TREND_T && fabs(f->slope) * 30 >= TREND_SHARE * f->level)
		p->trend = f->slope > 0 ? "increasing" : "decreasing";
}

void projection_make(const struct spend *s, struct opt_i64 budget_nanousd, struct projection *ret)
{
	struct projection p = {.trend = "stable", .current = (double)s->month_nanousd / NANO};
	const struct forecast_input in = {.daily = s->daily,
	                                  .n = s->days,
	                                  .first_weekday = s->first_weekday,
	                                  .days = s->days_left,
	                                  .first_share = s->today_left};
	if (forecast_fit(&in, &p.fit))
		by_regression(&p);
	else
		by_run_rate(s, (double)(s->days_left - 1) + s->today_left, &p);
	if (budget_nanousd.set) {
		double budget = (double)budget_nanousd.v / NANO, alert = budget * (1 + DEVIATION_ALERT);
		p.budget = (struct opt_f64){true, budget};
		if (budget > 0)
			p.deviation_percent = (struct opt_f64){true, round((p.projected / budget - 1) * 1000) / 10};
		p.over = p.low > alert;
		p.may_be_over = p.high > alert;
	}
	p.current = cents(p.current);
	p.projected = cents(p.projected);
	p.low = cents(p.low);
	p.high = cents(p.high);
	*ret = p;
}

struct span projection_recommendation(const struct spend *s, const struct projection *p, struct arena *a)
{
	const char *biggest = s->services_n ? s->services[0].name.p : "nothing";
	int n = s->services_n ? (int)s->services[0].name.n : 7;
	if (!p->budget.set)
		return arena_printf(a, "There is no monthly budget to compare with: set one, then a deviation of more than %d %% is reported.",
		                    (int)(DEVIATION_ALERT * 100));
	if (p->over)
		return arena_printf(a,
		                    "The month will end between $%.2f and $%.2f, more than %d %% over the budget of $%.2f: raise it, or "
		                    "spend less on %.*s, which costs the most.",
		                    p->low, p->high, (int)(DEVIATION_ALERT * 100), p->budget.v, n, biggest);
	if (p->projected > p->budget.v)
		return arena_printf(a, "The month may end over the budget of $%.2f, between $%.2f and $%.2f: watch %.*s.",
		                    p->budget.v, p->low, p->high, n, biggest);
	if (p->high > p->budget.v)
		return arena_printf(a, "On track, though up to $%.2f is possible with a budget of $%.2f.", p->high, p->budget.v);
	return arena_printf(a, "On track: at most $%.2f of a budget of $%.2f.", p->high, p->budget.v);
}

static void put_action(struct json_writer *w, const char *type, struct span service, struct span reason)
{
	json_begin_object(w);
	json_kv_cstr(w, "type", type);
	json_kv_text(w, "service", service);
	json_kv_text(w, "reason", reason);
	json_end_object(w);
}

struct json projection_actions(const struct spend *s, const struct projection *p, struct arena *a)
{
	scoped_buf out = {0};
	struct json_writer w = {&out, false};
	json_begin_array(&w);
	for (size_t i = 0; i < s->services_n; i++) {
		const struct spend_service *one = &s->services[i];
		double week = (double)one->week_nanousd, before = (double)one->week_before_nanousd;
		bool matters = (double)one->month_nanousd >= GROWTH_SHARE * (double)s->month_nanousd && one->week_nanousd > 0;
		if (matters && before > 0 && week >= GROWTH * before)
			put_action(&w, "optimize", one->name,
			           arena_printf(a, "the last 7 days cost $%.2f, %.0f %% more than the 7 days before", week / NANO,
			                        (week / before - 1) * 100));
	}
	if (p->over && s->services_n)
		put_action(&w, "limit", s->services[0].name,
		           arena_printf(a, "$%.2f of this month's $%.2f, and the budget will be passed by more than %d %%",
		                        (double)s->services[0].month_nanousd / NANO, p->current, (int)(DEVIATION_ALERT * 100)));
	json_end_array(&w);
	return (struct json){arena_dup(a, buf_span(&out)), JSON_ARRAY};
}

struct json projection_services(const struct spend *s, struct arena *a)
{
	scoped_buf out = {0};
	struct json_writer w = {&out, false};
	json_begin_array(&w);
	for (size_t i = 0; i < s->services_n && s->services[i].month_nanousd > 0; i++) {
		double spent = (double)s->services[i].month_nanousd;
		json_begin_object(&w);
		json_kv_text(&w, "service", s->services[i].name);
		json_kv_f64(&w, "current_spend", cents(spent / NANO));
		json_kv_f64(&w, "share_percent", round(spent / (double)s->month_nanousd * 1000) / 10);
		json_end_object(&w);
	}
	json_end_array(&w);
	return (struct json){arena_dup(a, buf_span(&out)), JSON_ARRAY};
}
