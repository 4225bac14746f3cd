/* gannet-runner: executes llm jobs. */
#include <pthread.h>
#include <stdlib.h>

#include "core/log.h"
#include "runner.h"

static struct runner_config config;

#define OPTION(member) offsetof(struct runner_config, member)
static const struct env_option options[] = {
    {"MAX_CONCURRENT_TASKS", ENV_INT, OPTION(concurrency), "1000", 1, 100000, "jobs in work at once in this process"},
    {"TASK_TIMEOUT", ENV_MS, OPTION(task_timeout_ms), "300s", 1, JOB_TIMEOUT_MAX_MS,
     "time for one try of a job without timeout_ms", .unit = 1000},
    {"MAX_RETRIES", ENV_INT, OPTION(max_retries), "5", 0, JOB_RETRIES_MAX,
     "tries after the first of a job without max_retries"},
    {"RETRY_DELAY", ENV_MS, OPTION(retry_base_ms), "5s", 1, 300000,
     "first wait between tries; doubles, with jitter, up to 300 s", .unit = 1000},
    {"GANNET_PROVIDER_IDLE_TIMEOUT", ENV_MS, OPTION(idle_timeout_ms), "60s", 0, JOB_TIMEOUT_MAX_MS,
     "give a call up after so long without a byte; 0 never"},
    {"GANNET_CA_FILE", ENV_TEXT, OPTION(ca_file), NULL, 0, 0, "certificates to trust instead of the system's"},
};

struct state {
	struct runner runner;
	pthread_t loop_thread;
	bool loop_runs;
};

static void write_log(void *arg)
{
	(void)arg;
	log_flush();
}

/* A turn ends many jobs when there is much to do: their lines are written together. */
static void *run_loop(void *arg)
{
	loop_on_idle(arg, write_log, NULL);
	log_gather(true);
	loop_run(arg);
	log_gather(false);
	return NULL;
}

static void on_progress(void *arg)
{
	service_progress(arg);
}

static enum status open_parts(struct runner *r, struct err *err)
{
	struct http_client_options http = {.forbid_link_local = true,
	                                   .ca_file = config.ca_file,
	                                   .max_connections = config.concurrency,
	                                   .max_host_connections = config.concurrency};
	enum status s = llm_router_new(&r->router, err);
	if (s == STATUS_OK)
		s = price_table_load(&r->prices, err);
	if (s == STATUS_OK)
		s = loop_new(&r->loop, err);
	if (s == STATUS_OK)
		s = http_client_new(r->loop, &http, &r->http, err);
	return s;
}

static void release(struct state *st)
{
	struct runner *r = &st->runner;
	if (st->loop_runs) {
		loop_stop(r->loop);
		pthread_join(st->loop_thread, NULL);
	}
	if (r->http)
		http_client_free(r->http);
	if (r->loop)
		loop_free(r->loop);
	price_table_free(r->prices);
	llm_router_free(r->router);
	free(r->breakers);
	free(st);
}

static enum status start(struct service *service, struct err *err)
{
	static const char *const capabilities[] = {"llm", "text", "json", "markdown", "html", "stream", NULL};
	struct state *st = calloc(1, sizeof *st);
	struct runner *r = &st->runner;
	service_set_state(service, st);
	r->clock = service_clock(service);
	r->idle_timeout_ms = config.idle_timeout_ms;
	r->breakers = calloc(providers_n, sizeof *r->breakers);
	r->kind = (struct worker_kind){
	    .kind = "llm",
	    .capabilities = capabilities,
	    .table = &llm_job_table,
	    .max_retries = config.max_retries,
	    .retry_base_ms = config.retry_base_ms,
	    .timeout_ms = config.task_timeout_ms,
	    .concurrency = (size_t)config.concurrency,
	    .process = runner_process,
	    .cancel = runner_cancel,
	    .providers = report_providers,
	    .arg = r,
	};
	report_init();
	enum status s = open_parts(r, err);
	if (s == STATUS_OK && pthread_create(&st->loop_thread, NULL, run_loop, r->loop) != 0)
		s = err_retry(err, STATUS_UNAVAILABLE, "cannot start the loop's thread");
	st->loop_runs = s == STATUS_OK;
	struct worker_options o = {
	    .bus = service_bus(service),
	    .loop = r->loop,
	    .clock = r->clock,
	    .worker_id = service_instance(service),
	    .version = GANNET_VERSION,
	    .limits = service_limits(service),
	    .progress = on_progress,
	    .arg = service,
	};
	if (s == STATUS_OK)
		s = worker_start(&r->kind, &o, &r->worker, err);
	if (s != STATUS_OK)
		release(st);
	return s;
}

static void stop(struct service *service, int64_t deadline_mono_ms)
{
	struct state *st = service_state(service);
	worker_stop(st->runner.worker, deadline_mono_ms);
	release(st);
}

static const char *const topology[] = {STREAM_JOBS,      STREAM_EVENTS,  STREAM_DELAYED,
                                       BUCKET_CANCELLED, BUCKET_WORKERS, BUCKET_KEYS, NULL};

static const struct service_use uses[] = {{USE_EXECUTE, "llm"}};

static const struct service_descriptor descriptor = {
    .name = "runner",
    .summary = "executes llm jobs: renders prompts, calls providers, checks answers",
    .topology = topology,
    .uses = uses,
    .uses_n = countof(uses),
    .options = options,
    .options_n = countof(options),
    .help = llm_help,
    .config = &config,
    .bulk = true, /* results and acknowledgements of many jobs leave in one write */
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return service_main(&descriptor, argc, argv);
}
