/* What text members of messages may hold; each returns NULL or what is allowed, as json_field.check wants it. Pure. */
#ifndef GANNET_CONTRACT_CHECK_H
#define GANNET_CONTRACT_CHECK_H

#include "core/span.h"

const char *check_job_id(struct span s);
const char *check_output_id(struct span s); /* "out-" and a job id */
const char *check_kind(struct span s);

#endif
