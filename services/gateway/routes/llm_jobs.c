/* /api/v1/llm_jobs: jobs for language models, submitted, rated and repeated. */
#include "contract/requests.h"
#include "services/gateway/route.h"

static const char *const by_job_id[] = {"output_id", "", NULL}; /* the path names the job */
static const int not_found[] = {404, 0}, not_found_or_conflict[] = {404, 409, 0}, conflict[] = {409, 413, 0};
static const char *const submission[] = {"template", "model", NULL};
static const char *const kind_llm[] = {"kind", "\"llm\"", NULL};
static const char *const rating[] = {"feedback", NULL};

static const struct route rows[] = {
    {"POST", "/api/v1/llm_jobs", "submitLlmJob", "Queue a job for a language model, now or at run_at",
     "The caller is its user, unless an admin or manager names another in user_id. A job_id that was there before is "
     "answered as it was the first time.",
     .roles = roles_everyone, .scope = SCOPE_AUTHOR, .verb = "jobs.create", .request = &create_request_table,
     .takes_body = true, .required = submission, .fixed = kind_llm, .reply = "jobs.create.reply", .success = 202,
     .creates = true, .errors = conflict},
    {"GET", "/api/v1/llm_jobs/{job_id}", "getLlmJob", "A job, its output and its feedback",
     "Role user sees its own jobs only.", .roles = roles_everyone, .scope = SCOPE_RECORD, .verb = "jobs.get",
     .request = &get_request_table, .fixed = by_job_id, .reply = "jobs.get.reply", .success = 200, .errors = not_found},
    {"POST", "/api/v1/llm_jobs/{job_id}/feedback", "rateLlmJob", "Thumbs up or down for an output", NULL,
     .roles = roles_everyone, .scope = SCOPE_JOB, .verb = "jobs.feedback", .request = &feedback_request_table,
     .takes_body = true, .required = rating, .caller = "user_id", .reply = "jobs.feedback.reply", .success = 200,
     .errors = not_found_or_conflict},
    {"POST", "/api/v1/llm_jobs/{job_id}/rerun", "rerunLlmJob", "A new job with the same parameters", NULL,
     .roles = roles_everyone, .scope = SCOPE_JOB, .verb = "jobs.rerun", .request = &rerun_request_table,
     .takes_body = true, .body_is_optional = true, .reply = "jobs.rerun.reply", .success = 202, .creates = true,
     .errors = not_found_or_conflict},
    {"POST", "/api/v1/llm_jobs/{job_id}/regenerate", "regenerateLlmJob", "A new job with another context or model", NULL,
     .roles = roles_everyone, .scope = SCOPE_JOB, .verb = "jobs.regenerate", .request = &regenerate_request_table,
     .takes_body = true, .body_is_optional = true, .reply = "jobs.regenerate.reply", .success = 202, .creates = true,
     .errors = not_found_or_conflict},
};

const struct route_area route_area_llm_jobs = {"LLM jobs", "Jobs for language models: submit, look, rate, repeat.", rows,
                                               countof(rows)};
