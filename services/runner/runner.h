/* The executor of `llm` jobs: what its parts share. */
#ifndef GANNET_RUNNER_RUNNER_H
#define GANNET_RUNNER_RUNNER_H

#include "http/client.h"
#include "llm/llm.h"
#include "service/service.h"
#include "worker/worker.h"

struct runner_config {
	int64_t concurrency;     /* MAX_CONCURRENT_TASKS */
	int64_t task_timeout_ms; /* TASK_TIMEOUT */
	int64_t max_retries;     /* MAX_RETRIES */
	int64_t retry_base_ms;   /* RETRY_DELAY */
	int64_t idle_timeout_ms; /* GANNET_PROVIDER_IDLE_TIMEOUT */
	const char *ca_file;     /* GANNET_CA_FILE */
};

struct runner {
	const struct clock *clock;
	struct loop *loop;
	struct http_client *http;
	struct llm_router *router;
	struct price_table *prices;
	struct breaker *breakers; /* one per provider (and its one key), in the order of providers[] */
	struct worker *worker;
	struct worker_kind kind;
	int64_t idle_timeout_ms;
};

/* execute.c: the way of one job. Loop thread. */
void runner_process(void *arg, struct worker_job *j);
void runner_cancel(void *arg, struct worker_job *j);

/* report.c: what is counted, traced and logged about a call */
struct runner_metrics_sample {
	const struct worker_job *job;
	const struct provider *provider; /* NULL when no provider was reached */
	struct span model;
	const struct llm_result *result;  /* NULL on failure */
	const struct err *err;            /* NULL on success */
	const char *outcome;              /* completed, failed, retry, wait, cancelled */
	int64_t started_wall_ms, call_us; /* of the provider call; call_us < 0: none was made */
};
void report_init(void);
void report_call(const struct runner *r, const struct runner_metrics_sample *s);
void report_circuit(const struct provider *p, bool open);
/* [{provider, circuit}] of the providers that were called: worker_info.providers. Any thread. */
void report_providers(void *arg, struct json_writer *w);

#endif
