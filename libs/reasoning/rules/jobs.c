/* Jobs: how many wait, how many failed. */
#include "contract/action.h"
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "jobs_failed", .weight = 20, .fact = FACT_JOBS_FAILED, .good = 5, .bad = 50,
        .concern = "{jobs_failed|job has|jobs have} failed",
        .insight = "{jobs_failed|job has|jobs have} failed and {jobs_pending|job waits|jobs wait}",
        .positive = "Hardly any job failed: {jobs_failed}",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "Retry the failed jobs",
                   .description = "{jobs_failed|job has|jobs have} failed. Those that failed for reasons that pass are worth "
                                  "another try.",
                   .impact = "Results that are missing come after all.",
                   .effort = LEVEL_LOW,
                   .action = ACTION_RETRY_FAILED_JOBS,
                   .payload = "{\"limit\":100}",
                   .step = "Retry up to 100 of {jobs_failed|failed job|failed jobs}.",
                   .automated = true,
                   .minutes = 15},
    },
    {
        .name = "jobs_failing", .weight = 12, .fact = FACT_JOBS_FAILED_GROWTH, .good = 5, .bad = 60,
        .concern = "{jobs_failed_growth|job has|jobs have} failed within about half an hour",
        .advice = {.priority = URGENCY_CRITICAL,
                   .title = "Stop failing, then look why",
                   .description = "{jobs_failed_growth|job has|jobs have} failed within about half an hour: a provider may be "
                                  "down. Jobs of low priority need not fail meanwhile.",
                   .impact = "No more jobs are lost to the same cause.",
                   .effort = LEVEL_LOW,
                   .action = ACTION_PAUSE_QUEUE,
                   .payload = "{\"kind\":\"llm\",\"priority\":\"low\"}",
                   .step = "Pause the queue of llm jobs with low priority until the cause is found.",
                   .automated = true,
                   .minutes = 5,
                   .risk = LEVEL_MEDIUM},
    },
    {
        .name = "jobs_waiting", .weight = 10, .fact = FACT_JOBS_PENDING, .good = 100, .bad = 1000,
        .concern = "{jobs_pending|job waits|jobs wait}",
        .positive = "{jobs_pending|job waits|jobs wait}",
        .advice = {.priority = URGENCY_MEDIUM,
                   .title = "Work the waiting jobs off",
                   .description = "{jobs_pending|job waits|jobs wait}.",
                   .impact = "Results come sooner.",
                   .effort = LEVEL_LOW,
                   .action = "process_pending_jobs",
                   .automated = true,
                   .minutes = 30},
    },
};
const struct rule_group rule_group_jobs = {CATEGORY_PERFORMANCE, rules, countof(rules)};
