/* What text members of messages may hold; each returns NULL or what is allowed, as json_field.check wants it. Pure. */
#ifndef GANNET_CONTRACT_CHECK_H
#define GANNET_CONTRACT_CHECK_H

#include "json/json.h"

const char *check_job_id(struct span s);
const char *check_output_id(struct span s); /* "out-" and a job id */
const char *check_kind(struct span s);
/* For json_field.check_raw: an object or an array of nothing but strings. */
const char *check_strings(struct json v);

#endif
