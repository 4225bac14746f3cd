/* Field tables of what REST alone answers. */
#include "contract/rest.h"

#include "contract/check.h"
#include "contract/job.h"

static const struct json_field run_fields[] = {
    JSON_FIELD(struct run_reply, success, .required = true),
    JSON_FIELD(struct run_reply, reasoning_id, .min = 1, .max = JOB_ID_MAX, .check = check_job_id, .required = true),
    JSON_FIELD(struct run_reply, message, .required = true),
    JSON_FIELD(struct run_reply, execution_time_ms, .min = 0, .max = JOB_COUNT_MAX, .required = true),
};
const struct json_table run_reply_table = {"rest.run.reply", sizeof(struct run_reply), run_fields, countof(run_fields)};

static const struct json_field worker_health_fields[] = {
    JSON_FIELD(struct worker_health_reply, healthy, .required = true),
    JSON_FIELD(struct worker_health_reply, workers_n, .min = 0, .max = JOB_COUNT_MAX, .required = true),
    JSON_FIELD(struct worker_health_reply, workers, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
    JSON_FIELD(struct worker_health_reply, queues, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
};
const struct json_table worker_health_reply_table = {"rest.worker_health.reply", sizeof(struct worker_health_reply),
                                                     worker_health_fields, countof(worker_health_fields)};
