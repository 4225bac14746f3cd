/* The queue of publications: how long, how fast, how many fail. */
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "queue_backlog", .weight = 15, .fact = FACT_QUEUE_PENDING, .good = 100, .bad = 1000,
        .concern = "{queue_pending|item waits|items wait} in the queue",
        .insight = "The queue is long: {queue_pending} wait, {queue_processing} are being worked on",
        .positive = "The queue is short: {queue_pending|item waits|items wait}",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "Work the queue off",
                   .description = "{queue_pending|item waits|items wait} and {queue_processing} are being worked on.",
                   .impact = "What waits is published in time.",
                   .effort = LEVEL_LOW,
                   .action = "process_queue",
                   .automated = true,
                   .minutes = 30},
    },
    {
        .name = "queue_growth", .weight = 10, .fact = FACT_QUEUE_GROWTH, .good = 1.5, .bad = 4,
        .when = {FACT_QUEUE_PENDING, 50},
        .concern = "The queue has grown to {queue_growth} times of what it was half an hour ago",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "Find out why the queue grows",
                   .description = "More comes in than is worked off: {queue_pending} wait, {queue_growth} times as many as "
                                  "half an hour ago.",
                   .impact = "The delay stops growing.",
                   .effort = LEVEL_MEDIUM,
                   .action = "review_queue",
                   .minutes = 20},
    },
    {
        .name = "queue_stalled", .weight = 25, .fact = FACT_QUEUE_STALLED, .good = 2, .bad = 15,
        .concern = "The queue has stood still for {queue_stalled}: {queue_pending} wait, nothing is being worked on",
        .advice = {.priority = URGENCY_CRITICAL,
                   .title = "Get the queue going again",
                   .description = "{queue_pending|item waits|items wait}, none is being worked on and none has ended for "
                                  "{queue_stalled}.",
                   .impact = "Publishing goes on.",
                   .effort = LEVEL_LOW,
                   .action = "process_queue",
                   .automated = true,
                   .minutes = 10},
    },
    {
        .name = "queue_failures", .weight = 20, .fact = FACT_QUEUE_FAILURE_SHARE, .good = 0.05, .bad = 0.3,
        .when = {FACT_QUEUE_ENDED, 20},
        .concern = "{queue_failure_share} of what the queue worked off failed",
        .insight = "{queue_failed} of {queue_ended|queue item|queue items} failed",
        .positive = "Of {queue_ended|queue item|queue items}, {queue_failed} failed",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "Look at what fails in the queue",
                   .description = "{queue_failed} of {queue_ended|item|items} failed ({queue_failure_share}). See what they "
                                  "have in common before they are tried again.",
                   .impact = "Fewer items fail, and trying again is worth it.",
                   .effort = LEVEL_MEDIUM,
                   .action = "review_failures",
                   .minutes = 30},
    },
};
const struct rule_group rule_group_queue = {CATEGORY_PERFORMANCE, rules, countof(rules)};
