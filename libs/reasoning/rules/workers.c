/* Gannet's own workers and queues. */
#include "contract/action.h"
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "workers_busy", .weight = 10, .fact = FACT_WORKER_LOAD, .good = 0.85, .bad = 1,
        .concern = "The workers of kind {kind} are at {worker_load} of what they can do",
        .advice = {.priority = URGENCY_MEDIUM,
                   .title = "Add workers of kind {kind}",
                   .description = "They are at {worker_load} of what they can do. Start another one; until then, jobs of low "
                                  "priority can wait.",
                   .impact = "Jobs no longer wait for a free worker.",
                   .effort = LEVEL_MEDIUM,
                   .action = "add_workers",
                   .payload = "{\"kind\":\"{kind}\"}",
                   .minutes = 15},
    },
    {
        .name = "workers_missing", .weight = 25, .fact = FACT_WORKERS_MISSING, .good = 0, .bad = 2, .least = 0.6,
        .concern = "{jobs_without_workers|job waits|jobs wait} and no worker takes them, of kind {idle_kind} first of all",
        .advice = {.priority = URGENCY_CRITICAL,
                   .title = "Start a worker of kind {idle_kind}",
                   .description = "{jobs_without_workers|job waits|jobs wait} for workers that do not run.",
                   .impact = "The jobs are executed.",
                   .effort = LEVEL_LOW,
                   .action = "add_workers",
                   .payload = "{\"kind\":\"{idle_kind}\"}",
                   .minutes = 5},
    },
    {
        .name = "queue_paused", .weight = 5, .fact = FACT_PAUSED, .good = 5, .bad = 60,
        .concern = "The queue {paused_kind}.{paused_priority} has been paused for {paused_queues}",
        .advice = {.priority = URGENCY_MEDIUM,
                   .title = "Let the paused queue go on",
                   .description = "Jobs of kind {paused_kind} and priority {paused_priority} have been paused for "
                                  "{paused_queues}. If the reason is gone, let them go on.",
                   .impact = "Jobs that wait are executed.",
                   .effort = LEVEL_LOW,
                   .action = ACTION_RESUME_QUEUE,
                   .payload = "{\"kind\":\"{paused_kind}\",\"priority\":\"{paused_priority}\"}",
                   .automated = true,
                   .minutes = 1},
    },
};
const struct rule_group rule_group_workers = {CATEGORY_SYSTEM, rules, countof(rules)};
