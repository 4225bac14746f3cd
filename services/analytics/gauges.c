/* Watches the registry of workers, and asks the database now and then. Queues are the jobs service's to measure. */
#include "gauges.h"

#include <pthread.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "core/map.h"
#include "ledger.h"
#include "month.h"

#define WORKER_SILENT_MS 60000 /* as long as the registry keeps an entry */

static struct metric workers = {.name = "gannet_workers",
                                .help = "Workers that are alive, by what they do",
                                .kind = METRIC_GAUGE,
                                .label1 = "kind",
                                .label2 = "status"};
static struct metric connectivity = {.name = "gannet_provider_reachable",
                                     .help = "0 when a worker's circuit to the provider is open",
                                     .kind = METRIC_GAUGE,
                                     .label1 = "provider"};
static struct metric spent = {.name = "gannet_month_spend_usd",
                              .help = "What a tenant has spent this month",
                              .kind = METRIC_GAUGE,
                              .label1 = "tenant",
                              .scale = 1e-9};
static struct metric budget_used = {.name = "gannet_budget_used_ratio",
                                    .help = "Share of a tenant's monthly budget that is spent",
                                    .kind = METRIC_GAUGE,
                                    .label1 = "tenant",
                                    .scale = 1e-4};

struct seen_worker {
	struct arena memory;
	struct worker_info info;
};

struct gauges {
	struct analytics *analytics;
	struct bus_follow *watch;
	int64_t refreshed_mono_ms;
	pthread_mutex_t lock;
	struct map seen; /* under lock: worker id to struct seen_worker */
};

static void forget(struct seen_worker *w)
{
	if (!w)
		return;
	arena_free(&w->memory);
	free(w);
}

static void on_worker(void *arg, struct span key, struct span value, uint64_t revision)
{
	struct gauges *g = arg;
	(void)revision;
	struct seen_worker *w = NULL;
	struct json body;
	struct err err = {0};
	if (value.p) {
		w = calloc(1, sizeof *w);
		if (!w)
			abort();
		struct span kept = arena_dup(&w->memory, value);
		if (json_parse(kept, &body, &err) != STATUS_OK ||
		    json_decode(&worker_info_table, body, JSON_LENIENT, &w->memory, &w->info, &err) != STATUS_OK) {
			forget(w);
			return;
		}
	}
	pthread_mutex_lock(&g->lock);
	forget(w ? map_put(&g->seen, key, w) : map_del(&g->seen, key));
	pthread_mutex_unlock(&g->lock);
}

/* ---- workers and providers */

static void zero(struct metric *m)
{
	for (struct metric_series *s = atomic_load(&m->first); s; s = s->next)
		metric_set(s, 0);
}

static void count_provider(struct json one)
{
	scoped_arena a = {0};
	struct json name, circuit;
	if (!json_member(one, SPAN("provider"), &name) || !json_member(one, SPAN("circuit"), &circuit))
		return;
	struct metric_series *s = metric_series(&connectivity, arena_cstr(&a, json_text(name, &a)), NULL);
	if (json_text_is(circuit, SPAN("open")))
		metric_set(s, 0);
}

/* Providers are reachable until a worker says otherwise, which its last heartbeat does. */
static void count_workers(struct gauges *g)
{
	int64_t now_ms = clock_wall_ms(g->analytics->clock);
	zero(&workers);
	for (struct metric_series *s = atomic_load(&connectivity.first); s; s = s->next)
		metric_set(s, 1);
	pthread_mutex_lock(&g->lock);
	for (struct map_slot *slot = map_next(&g->seen, NULL); slot; slot = map_next(&g->seen, slot)) {
		const struct seen_worker *w = slot->value;
		scoped_arena a = {0};
		if (now_ms - w->info.timestamp.ms > WORKER_SILENT_MS)
			continue;
		metric_add(metric_series(&workers, arena_cstr(&a, w->info.kind), arena_cstr(&a, w->info.status)), 1);
		struct json key, one;
		for (struct json_iter it = json_iter(w->info.providers); json_next(&it, &key, &one);)
			count_provider(one);
	}
	pthread_mutex_unlock(&g->lock);
}

/* ---- budgets */

static void measure_budget(struct gauges *g, struct store *s, struct span tenant)
{
	scoped_arena memory = {0};
	struct err err = {0};
	struct month *m = arena_new(&memory, struct month);
	if (month_read(g->analytics, s, tenant, (struct span){0}, clock_wall_ms(g->analytics->clock), &memory, m, &err) !=
	    STATUS_OK)
		return;
	const char *name = arena_cstr(&memory, tenant);
	metric_set(metric_series(&spent, name, NULL), m->spend.month_nanousd);
	if (m->settings.budget_nanousd.set && m->settings.budget_nanousd.v > 0)
		metric_set(metric_series(&budget_used, name, NULL),
		           (int64_t)((double)m->spend.month_nanousd / (double)m->settings.budget_nanousd.v * 10000));
}

/* By the replica that writes the ledger, so that a tenant is measured once. */
static void measure_budgets(struct gauges *g)
{
	scoped_lent db = {0};
	scoped_result r = {0};
	struct err err = {0};
	if (!ledger_is_writer(g->analytics->ledger) || lend(g->analytics, &db, &err) != STATUS_OK ||
	    store_query(db.store,
	                "SELECT tenant FROM ai_usage_day_model WHERE bucket > now() - interval '32 days' GROUP BY 1 ORDER BY "
	                "sum(cost_nanousd) DESC LIMIT 256",
	                NULL, 0, &r, &err) != STATUS_OK)
		return;
	for (int row = 0; row < r.rows; row++)
		measure_budget(g, db.store, store_value(&r, row, 0));
}

void gauges_refresh(struct gauges *g)
{
	int64_t now_ms = clock_mono_ms(g->analytics->clock);
	if (g->refreshed_mono_ms && now_ms - g->refreshed_mono_ms < GAUGES_EVERY_MS)
		return;
	g->refreshed_mono_ms = now_ms;
	count_workers(g);
	measure_budgets(g);
}

enum status gauges_start(struct analytics *a, struct gauges **ret, struct err *err)
{
	struct metric *const all[] = {&workers, &connectivity, &spent, &budget_used};
	struct gauges *g = calloc(1, sizeof *g);
	if (!g)
		abort();
	for (size_t i = 0; i < countof(all); i++)
		metric_register(all[i]);
	g->analytics = a;
	pthread_mutex_init(&g->lock, NULL);
	const struct bus_watch_options o = {.bucket = BUCKET_WORKERS, .entry = on_worker, .arg = g};
	enum status status = bus_watch_open(a->bus, &o, &g->watch, err);
	if (status != STATUS_OK) {
		gauges_stop(g);
		return status;
	}
	*ret = g;
	return STATUS_OK;
}

void gauges_stop(struct gauges *g)
{
	if (!g)
		return;
	if (g->watch)
		bus_follow_close(g->watch);
	for (struct map_slot *slot = map_next(&g->seen, NULL); slot; slot = map_next(&g->seen, slot))
		forget(slot->value);
	map_free(&g->seen);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
