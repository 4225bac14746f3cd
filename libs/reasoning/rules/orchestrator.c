/* The orchestrator: whether it runs, and when it last did something. */
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "orchestrator_stopped", .weight = 25, .fact = FACT_ORCHESTRATOR_DOWN, .good = 0, .bad = 1,
        .concern = "The orchestrator does not run",
        .insight = "The orchestrator does not run: nothing happens by itself",
        .positive = "The orchestrator runs",
        .advice = {.priority = URGENCY_CRITICAL,
                   .title = "Start the orchestrator",
                   .description = "The orchestrator does not run. Without it nothing is decided and published by itself.",
                   .impact = "The system works by itself again.",
                   .effort = LEVEL_LOW,
                   .action = "restart_orchestrator",
                   .automated = true,
                   .minutes = 5,
                   .risk = LEVEL_MEDIUM},
    },
    {
        .name = "orchestrator_idle", .weight = 10, .fact = FACT_ORCHESTRATOR_IDLE, .good = 15, .bad = 120,
        .concern = "The orchestrator last ran {orchestrator_last_run} ago",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "See why the orchestrator is idle",
                   .description = "It last ran {orchestrator_last_run} ago and did {orchestrator_actions_last_24h|thing|things} "
                                  "in 24 hours.",
                   .impact = "Decisions are made in time.",
                   .effort = LEVEL_MEDIUM,
                   .action = "review_orchestrator",
                   .minutes = 15},
    },
};
const struct rule_group rule_group_orchestrator = {CATEGORY_SYSTEM, rules, countof(rules)};
