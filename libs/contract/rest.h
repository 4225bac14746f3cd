/* What REST answers where it is neither a message of the suite nor a service's reply. */
#ifndef GANNET_CONTRACT_REST_H
#define GANNET_CONTRACT_REST_H

#include "json/table.h"

/* POST /ai/global/run */
struct run_reply {
	bool success;
	struct span reasoning_id, message;
	int64_t execution_time_ms;
};
/* GET /api/v1/ai-jobs/worker_health/ */
struct worker_health_reply {
	bool healthy; /* there is a worker */
	int64_t workers_n;
	struct json workers, queues; /* [worker.info], [{kind, priority, waiting, running}] */
};
extern const struct json_table run_reply_table, worker_health_reply_table;

#endif
