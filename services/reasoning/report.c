/* Logs and metrics. */
#include "report.h"

static const double seconds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1};
static struct metric reasonings = {.name = "gannet_reasonings_total", .help = "Reasonings by engine and health",
                                   .kind = METRIC_COUNTER, .label1 = "engine", .label2 = "health"};
static struct metric cycles = {.name = "gannet_reasoning_cycle_seconds", .help = "Time of a cycle, storing included",
                               .kind = METRIC_HISTOGRAM, .bounds = seconds, .bounds_n = countof(seconds), .scale = 1e-6};
static struct metric models = {.name = "gannet_reasoning_model_answers_total", .help = "What became of questions to the model",
                               .kind = METRIC_COUNTER, .label1 = "outcome"};
static struct metric actions = {.name = "gannet_actions_total", .help = "Actions by type and outcome",
                                .kind = METRIC_COUNTER, .label1 = "type", .label2 = "outcome"};

void report_init(void)
{
	metric_register(&reasonings);
	metric_register(&cycles);
	metric_register(&models);
	metric_register(&actions);
}

void report_reasoning(struct span tenant, const struct reason_output *o, int64_t cycle_us)
{
	metric_add(metric_series(&reasonings, engine_names[o->engine], health_names[o->draft.health]), 1);
	metric_observe(metric_series(&cycles, NULL, NULL), cycle_us);
	log_fields(LOG_INFO, "reasoned", LOG_S("tenant", tenant), LOG_C("reasoning_id", o->reasoning_id),
	           LOG_C("snapshot_id", o->memory.snapshot_id), LOG_C("engine", engine_names[o->engine]),
	           LOG_C("health", health_names[o->draft.health]), LOG_I("score", (int64_t)o->draft.score),
	           LOG_I("concerns", (int64_t)o->draft.concerns_n), LOG_I("cycle_us", cycle_us),
	           LOG_C("fallback_reason", o->fallback_reason[0] ? o->fallback_reason : NULL));
}

void report_model(struct span tenant, const char *outcome, const char *reason)
{
	metric_add(metric_series(&models, outcome, NULL), 1);
	log_fields(LOG_INFO, "model", LOG_S("tenant", tenant), LOG_C("outcome", outcome), LOG_C("reason", reason));
}

void report_action(struct span tenant, struct span type, const char *outcome)
{
	char name[40];
	if (!span_copy(type, name, sizeof name))
		name[0] = 0;
	metric_add(metric_series(&actions, name, outcome), 1);
	log_fields(LOG_INFO, "action", LOG_S("tenant", tenant), LOG_S("action_type", type), LOG_C("outcome", outcome));
}
