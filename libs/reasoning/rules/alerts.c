/* Alerts that nobody has dealt with. */
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "alerts_critical", .weight = 60, .fact = FACT_ALERTS_CRITICAL, .good = 0, .bad = 3, .least = 0.7,
        .concern = "{alerts_critical|critical alert is|critical alerts are} open",
        .positive = "No critical alert is open",
        .advice = {.priority = URGENCY_CRITICAL,
                   .title = "Deal with the critical alerts",
                   .description = "{alerts_critical|critical alert is|critical alerts are} open. Look at the oldest first.",
                   .impact = "What is broken now works again.",
                   .effort = LEVEL_MEDIUM,
                   .action = "review_alerts",
                   .payload = "{\"severity\":\"critical\"}",
                   .minutes = 30},
    },
    {
        .name = "alerts_warning", .weight = 12, .fact = FACT_ALERTS_WARNING, .good = 3, .bad = 15,
        .concern = "{alerts_warning|warning is|warnings are} open",
        .advice = {.priority = URGENCY_MEDIUM,
                   .title = "Go through the open warnings",
                   .description = "{alerts_warning|warning is|warnings are} open; among so many, new ones go unnoticed.",
                   .impact = "Trouble is seen before it is critical.",
                   .effort = LEVEL_LOW,
                   .action = "review_alerts",
                   .payload = "{\"severity\":\"warning\"}",
                   .minutes = 20},
    },
};
const struct rule_group rule_group_alerts = {CATEGORY_SYSTEM, rules, countof(rules)};
