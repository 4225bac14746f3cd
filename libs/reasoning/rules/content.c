/* Clips: what there is to publish. */
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "clips_low", .weight = 15, .fact = FACT_CLIPS_READY, .good = 20, .bad = 5,
        .concern = "Only {clips_ready|clip is|clips are} ready",
        .insight = "Few clips are left to publish: {clips_ready}",
        .positive = "{clips_ready|clip is|clips are} ready to be published",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "Make more clips",
                   .description = "Only {clips_ready|clip is|clips are} ready. Process what waits, or upload more videos.",
                   .impact = "Publishing goes on without gaps.",
                   .effort = LEVEL_LOW,
                   .action = "process_pending_jobs",
                   .automated = true,
                   .minutes = 30},
    },
    {
        .name = "clips_days", .weight = 8, .fact = FACT_CLIP_DAYS, .good = 1, .bad = 0.25, .when = {FACT_PUBLISH_TOTAL, 5},
        .concern = "At the present pace the clips last for {clip_days} days",
    },
    {
        .name = "clips_unanalysed", .weight = 8, .fact = FACT_CLIPS_PENDING, .good = 30, .bad = 300,
        .concern = "{clips_pending_analysis|clip waits|clips wait} for analysis",
        .advice = {.priority = URGENCY_MEDIUM,
                   .title = "Analyse the clips that wait",
                   .description = "{clips_pending_analysis|clip waits|clips wait} for analysis and cannot be published before.",
                   .impact = "More clips to choose from.",
                   .effort = LEVEL_LOW,
                   .action = "analyse_clips",
                   .payload = "{\"limit\":{clips_pending_analysis}}",
                   .automated = true,
                   .minutes = 60},
    },
    {
        .name = "clips_short", .weight = 10, .fact = FACT_CLIPS_SHORT, .good = 0, .bad = 10,
        .concern = "{scheduler_due_soon|publication is|publications are} due soon and only {clips_ready|clip is|clips are} ready",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "Fill the slots that are due",
                   .description = "{clips_short} of the publications that are due soon have no clip.",
                   .impact = "No slot stays empty.",
                   .effort = LEVEL_LOW,
                   .action = "process_pending_jobs",
                   .automated = true,
                   .minutes = 30},
    },
};
const struct rule_group rule_group_content = {CATEGORY_CONTENT, rules, countof(rules)};
