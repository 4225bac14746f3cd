/* gannet-reasoning: says of every snapshot how healthy the system is and what to do about it, and runs what is approved. */
#include <stdlib.h>

#include "act.h"
#include "contract/job.h"
#include "cycle.h"
#include "model.h"
#include "paused.h"
#include "reasoner.h"
#include "report.h"
#include "requests.h"
#include "tell.h"

#define SNAPSHOTS_AT_HAND 8
#define HOUR_MS 3600000

static struct reasoner_config config;
#define OPTION(member) offsetof(struct reasoner_config, member)
static const struct env_option options[] = {
    {"GANNET_REASONING_MODEL", ENV_TEXT, OPTION(model), NULL,
     .help = "model that refines what the rules say, by llm jobs; unset: rules only"},
    {"GANNET_REASONING_PRIORITY", ENV_TEXT, OPTION(priority), "low", .help = "priority of those jobs: high, default or low"},
    {"GANNET_REASONING_MODEL_TIMEOUT", ENV_MS, OPTION(model_timeout_ms), "60s", 100, HOUR_MS,
     "how long the model may take; then the rules' answer stands", .unit = 1000},
    {"GANNET_REASONING_MODEL_INTERVAL", ENV_MS, OPTION(model_interval_ms), "60s", 0, 24 * HOUR_MS,
     "least time between two questions of a tenant", .unit = 1000},
    {"GANNET_REASONING_MODEL_RETRY", ENV_MS, OPTION(model_retry_ms), "10m", 0, 24 * HOUR_MS,
     "when to ask again about what the model failed to answer", .unit = 1000},
    {"GANNET_REASONING_MAX_TOKENS", ENV_INT, OPTION(model_max_tokens), "4000", 200, JOB_TOKENS_MAX, "of an answer"},
    {"GANNET_REASONING_RULES", ENV_TEXT, OPTION(rules), NULL,
     .help = "rules that shall be others than docs/reasoning.md says: clips_low=20/40/10, campaigns_drafts=off"},
    {"GANNET_REASONING_PLAN_TTL", ENV_MS, OPTION(plan_ttl_ms), "1h", 1000, 24 * HOUR_MS,
     "how long a step of a plan may be approved", .unit = 1000},
    {"GANNET_OPERATORS", ENV_TEXT, OPTION(operators), NULL,
     .help = "tenants that may pause and resume queues, comma separated; unset: all, none with GANNET_STRICT_TENANTS"},
};

static void on_snapshot_mail(void *arg, struct mail *m)
{
	if (m->is_delivery)
		cycle_on_snapshot(arg, m);
	else
		model_on_answer(arg, m);
}

static void on_idle(void *arg)
{
	model_look_at_clock(arg);
}

static void on_action_mail(void *arg, struct mail *m)
{
	act_on_run(arg, m);
}

static void release(struct reasoner *r)
{
	if (r->micro)
		micro_stop(r->micro);
	if (r->answers)
		bus_unsubscribe(r->answers);
	/* The threads use the pulls until they have ended, the pulls the letter boxes until they are closed. */
	mailbox_stop(r->thinker);
	mailbox_stop(r->actor);
	if (r->snapshots)
		bus_pull_close(r->snapshots);
	act_stop(r);
	mailbox_free(r->thinker);
	mailbox_free(r->actor);
	paused_stop(r->paused);
	model_waits_free(r->waits);
	tell_free(r);
	pthread_mutex_destroy(&r->cycle);
	free(r);
}

static enum status check_config(struct reasoner *r, struct err *err)
{
	struct span model = span_from(config.model);
	if (model.p && (model.n > JOB_NAME_MAX || strpbrk(config.model, " \t\r\n")))
		return err_field(err, STATUS_INVALID, "GANNET_REASONING_MODEL",
		                 "GANNET_REASONING_MODEL: \"%.40s\" is not a model's name of at most %d bytes without spaces", config.model,
		                 JOB_NAME_MAX);
	enum status s = tuning_parse(config.rules, &r->tuning, err);
	for (size_t i = 0; s == STATUS_OK && priority_names[i]; i++)
		if (span_is(span_from(config.priority), priority_names[i]))
			return STATUS_OK;
	return s != STATUS_OK ? s
	                      : err_field(err, STATUS_INVALID, "GANNET_REASONING_PRIORITY", "GANNET_REASONING_PRIORITY: \"%.40s\" is not high, default or low",
	                                  config.priority);
}

/* Requests last: they need all of the rest. */
static enum status start_parts(struct reasoner *r, struct err *err)
{
	const struct mailbox_options thinker = {.open = on_snapshot_mail, .idle = on_idle, .arg = r},
	                             actor = {.open = on_action_mail, .arg = r};
	enum status s = check_config(r, err);
	if (s == STATUS_OK)
		s = paused_start(r->bus, &r->paused, err);
	if (s == STATUS_OK)
		s = mailbox_start(&thinker, &r->thinker, err);
	if (s == STATUS_OK)
		s = mailbox_start(&actor, &r->actor, err);
	if (s == STATUS_OK && config.model)
		s = bus_subscribe(r->bus, "gannet.*.reply.reasoning", "reasoning", mailbox_message, r->thinker, &r->answers, err);
	if (s == STATUS_OK)
		s = bus_pull_open(r->bus, STREAM_STATE, CONSUMER_STATE_REASONING, mailbox_deliver, r->thinker, &r->snapshots, err);
	if (s == STATUS_OK)
		s = act_start(r, err);
	if (s == STATUS_OK)
		s = requests_start(r, err);
	if (s == STATUS_OK)
		bus_pull_want(r->snapshots, SNAPSHOTS_AT_HAND);
	return s;
}

static enum status start(struct service *s, struct err *err)
{
	struct reasoner *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	*r = (struct reasoner){.service = s, .bus = service_bus(s), .clock = service_clock(s), .config = &config};
	pthread_mutex_init(&r->cycle, NULL);
	r->waits = model_waits_new();
	report_init();
	enum status status = start_parts(r, err);
	if (status != STATUS_OK) {
		release(r);
		return status;
	}
	service_set_state(s, r);
	return STATUS_OK;
}

static void stop(struct service *s, int64_t deadline_mono_ms)
{
	(void)deadline_mono_ms;
	release(service_state(s));
}

static const char *const topology[] = {STREAM_STATE,   STREAM_FINDINGS, STREAM_ACTIONS, STREAM_JOBS,   STREAM_EVENTS, BUCKET_LATEST,
                                       BUCKET_PLANS, BUCKET_ACTIONS, BUCKET_PAUSED, NULL};

static const struct service_use uses[] = {
    {USE_CONSUME, STREAM_STATE, CONSUMER_STATE_REASONING},
    {USE_CONSUME, STREAM_ACTIONS, CONSUMER_ACTIONS_RETRY},
    {USE_CONSUME, STREAM_ACTIONS, CONSUMER_ACTIONS_PAUSE},
    {USE_CONSUME, STREAM_ACTIONS, CONSUMER_ACTIONS_RESUME},
    {USE_CONSUME, STREAM_ACTIONS, CONSUMER_ACTIONS_SNAPSHOT},
    {USE_PUBLISH, "gannet.*.reasoning.completed"},
    {USE_PUBLISH, "gannet.*.actions.completed"},
    {USE_PUBLISH, "gannet.*.actions.run.*"},
    {USE_PUBLISH, "gannet.*.findings.reasoning.*"},
    {USE_GET, STREAM_STATE},
    {USE_GET, BUCKET_LATEST},
    {USE_GET, BUCKET_PLANS},
    {USE_GET, BUCKET_ACTIONS},
    {USE_PUT, BUCKET_LATEST},
    {USE_PUT, BUCKET_PLANS},
    {USE_PUT, BUCKET_ACTIONS},
    {USE_FOLLOW, BUCKET_PAUSED},
    {USE_PUT, BUCKET_PAUSED},
    /* Whom it asks. */
    {USE_PUBLISH, "gannet.*.snapshot.take"},
    {USE_PUBLISH, "gannet.*.jobs.bulk_retry"},
    {USE_PUBLISH, "gannet.*.jobs.retry_failed"},
    /* The model, by jobs; how one ended is looked up when its answer did not come. */
    {USE_PUBLISH, "gannet.*.jobs.submit.llm.*"},
    {USE_SUBSCRIBE, "gannet.*.reply.reasoning"},
    {USE_GET, STREAM_EVENTS},
};

static const struct service_descriptor descriptor = {
    .name = "reasoning",
    .summary = "health, recommendations and plans from snapshots; runs approved steps",
    .topology = topology,
    .uses = uses,
    .uses_n = countof(uses),
    .endpoints = reasoning_endpoints,
    .endpoints_n = REASONING_ENDPOINTS,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return service_main(&descriptor, argc, argv);
}
