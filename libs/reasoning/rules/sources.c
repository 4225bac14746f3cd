/* The figures themselves: what is not known cannot be judged, and that is a trouble of its own. */
#include "contract/action.h"
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "unknown_metrics", .weight = 40, .fact = FACT_UNKNOWN_SHARE, .good = 0, .bad = 1,
        .concern = "{unknown_share} of what the score looks at is not known; sources that fail: {sources}",
        .insight = "The picture is not whole: {unknown_share} of it is not known",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "Repair the sources that fail",
                   .description = "{unknown_share} of what the score looks at is not known; sources that fail: {sources}. The "
                                  "snapshot's additional_metrics say why.",
                   .impact = "The score can be relied on.",
                   .effort = LEVEL_MEDIUM,
                   .action = "repair_sources",
                   .minutes = 30},
    },
    {
        .name = "stale_metrics", .weight = 5, .fact = FACT_STALE_AGE, .good = 15, .bad = 120,
        .concern = "Figures of {stale_source} are {stale_age} old",
        .advice = {.priority = URGENCY_LOW,
                   .title = "Take a fresh snapshot",
                   .description = "Figures of {stale_source} are {stale_age} old and count less.",
                   .impact = "The score is about now.",
                   .effort = LEVEL_LOW,
                   .action = ACTION_TAKE_SNAPSHOT,
                   .automated = true,
                   .minutes = 1},
    },
};
const struct rule_group rule_group_sources = {CATEGORY_SYSTEM, rules, countof(rules)};
