/* A tenant's own time zone, budget and retention. */
#include <stdio.h>

#include "analytics.h"
#include "requests.h"

enum status lend(struct analytics *a, struct lent *ret, struct err *err)
{
	ret->pool = a->pool;
	return store_pool_take(a->pool, &ret->store, err);
}

int64_t dollars_parse(struct span text)
{
	struct span fraction = text, whole = span_cut(&fraction, '.');
	int64_t dollars, nanos = 0;
	if (!whole.n || whole.n > 9 || whole.p[0] == '-' || !span_i64(whole, &dollars))
		return -1;
	if (fraction.p && (!fraction.n || fraction.n > 9 || fraction.p[0] == '-' || !span_i64(fraction, &nanos)))
		return -1;
	for (size_t i = fraction.n; fraction.p && i < 9; i++)
		nanos *= 10;
	return dollars * 1000000000 + nanos;
}

#define GET_SQL "SELECT time_zone, monthly_budget_nanousd, ledger_days FROM ai_usage_settings WHERE tenant = $1"

enum status settings_get(struct analytics *a, struct store *s, struct span tenant, struct tenant_settings *ret,
                         struct err *err)
{
	scoped_result r = {0};
	struct tenant_settings t = {.ledger_days = a->config->ledger_days};
	enum status status = store_query_prepared(s, "settings", GET_SQL, &tenant, 1, &r, err);
	if (status != STATUS_OK)
		return status;
	struct span zone = r.rows ? store_value(&r, 0, 0) : (struct span){0};
	if (!span_copy(zone.n ? zone : span_from(a->config->time_zone), t.zone, sizeof t.zone))
		return err_set(err, STATUS_INTERNAL, "the tenant's time zone has %zu bytes", zone.n);
	if (r.rows && store_value(&r, 0, 1).p)
		t.budget_nanousd.set = span_i64(store_value(&r, 0, 1), &t.budget_nanousd.v);
	else if (a->config->monthly_budget)
		t.budget_nanousd = (struct opt_i64){true, dollars_parse(span_from(a->config->monthly_budget))};
	if (r.rows && store_value(&r, 0, 2).p && !span_i64(store_value(&r, 0, 2), &t.ledger_days))
		t.ledger_days = a->config->ledger_days;
	*ret = t;
	return STATUS_OK;
}

/* What is NULL stays as it was; an empty budget takes it away. */
#define SET_SQL                                                                                                        \
	"INSERT INTO ai_usage_settings AS t (tenant, time_zone, monthly_budget_nanousd, ledger_days) "                     \
	"VALUES ($1, $2, nullif($3, '')::bigint, $4::int) "                                                                \
	"ON CONFLICT (tenant) DO UPDATE SET time_zone = coalesce(EXCLUDED.time_zone, t.time_zone), "                       \
	"monthly_budget_nanousd = CASE WHEN $3 IS NULL THEN t.monthly_budget_nanousd ELSE "                                \
	"EXCLUDED.monthly_budget_nanousd END, ledger_days = coalesce(EXCLUDED.ledger_days, t.ledger_days), "               \
	"updated_at = now()"

static enum status set(struct store *s, struct span tenant, const struct analytics_settings *wanted, struct err *err)
{
	char budget[24] = "", days[24];
	if (wanted->monthly_budget_usd.n)
		snprintf(budget, sizeof budget, "%lld", (long long)dollars_parse(wanted->monthly_budget_usd));
	snprintf(days, sizeof days, "%lld", (long long)wanted->ledger_days.v);
	const struct span params[] = {tenant, wanted->time_zone,
	                              wanted->monthly_budget_usd.p ? span_from(budget) : (struct span){0},
	                              wanted->ledger_days.set ? span_from(days) : (struct span){0}};
	return store_exec(s, SET_SQL, params, countof(params), err);
}

static struct span dollars_text(int64_t nanousd, struct arena *a)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%lld.%09lld", (long long)(nanousd / 1000000000), (long long)(nanousd % 1000000000));
	while (n > 1 && text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	return arena_dup(a, span_of(text, (size_t)n));
}

enum status handle_settings(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct analytics *a = arg;
	struct analytics_settings wanted;
	struct tenant_settings now;
	scoped_lent db = {0};
	enum status status = micro_decode(r, &analytics_settings_request_table, &wanted, err);
	if (status == STATUS_OK)
		status = lend(a, &db, err);
	if (status == STATUS_OK && wanted.time_zone.p)
		status = request_check_zone(db.store, wanted.time_zone, err);
	if (status == STATUS_OK && (wanted.time_zone.p || wanted.monthly_budget_usd.p || wanted.ledger_days.set))
		status = set(db.store, r->tenant, &wanted, err);
	if (status == STATUS_OK)
		status = settings_get(a, db.store, r->tenant, &now, err);
	if (status != STATUS_OK)
		return status;
	const struct analytics_settings answer = {
	    .time_zone = span_from(now.zone),
	    .monthly_budget_usd = now.budget_nanousd.set ? dollars_text(now.budget_nanousd.v, r->arena) : (struct span){0},
	    .ledger_days = {true, now.ledger_days}};
	return request_reply(&analytics_settings_reply_table, &answer, reply);
}
