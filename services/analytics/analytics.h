/* What the parts of this service share. */
#ifndef GANNET_ANALYTICS_ANALYTICS_H
#define GANNET_ANALYTICS_ANALYTICS_H

#include "bus/micro.h"
#include "contract/analytics.h"
#include "llm/llm.h"
#include "service/service.h"
#include "store/pool.h"

struct ledger;
struct upkeep;
struct gauges;

struct analytics_config {
	const char *database_url;
	const char *time_zone;      /* of tenants that chose none */
	const char *monthly_budget; /* the same; decimal dollars or NULL */
	int64_t ledger_days, minute_days;
	int64_t forecast_interval_ms, window_ms;
};

struct analytics {
	struct service *service;
	struct bus *bus;
	const struct clock *clock;
	const struct analytics_config *config;
	struct price_table *prices;
	struct store_pool *pool;
	struct ledger *ledger;
	struct upkeep *upkeep;
	struct gauges *gauges;
	struct micro *micro;
};

/* A connection for the length of a block: given back at its end. */
struct lent {
	struct store_pool *pool;
	struct store *store;
};
static inline void lent_give(struct lent *l)
{
	if (l->store)
		store_pool_give(l->pool, l->store);
}
#define scoped_lent __attribute__((cleanup(lent_give))) struct lent
enum status lend(struct analytics *a, struct lent *ret, struct err *err) must_check;

/* What holds for a tenant: its own choice, or the service's options. */
struct tenant_settings {
	char zone[ANALYTICS_ZONE_MAX + 1];
	struct opt_i64 budget_nanousd;
	int64_t ledger_days;
};
enum status settings_get(struct analytics *a, struct store *s, struct span tenant, struct tenant_settings *ret,
                         struct err *err) must_check;
/* "12.5" to 12500000000; -1 for what is not dollars with up to 9 digits before and after the point. */
int64_t dollars_parse(struct span text);

/* Of connections for requests: no sequential scans of ranges that an index has, no compilation of queries that take milliseconds. */
#define REQUESTS_SESSION_SQL                                                                                           \
	"SET TIME ZONE 'UTC'; SET jit = off; SET work_mem = '32MB'; SET enable_seqscan = off; SET enable_material = off"

#endif
