/* What is published, and what is not. */
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "publish_success", .weight = 30, .fact = FACT_PUBLISH_SUCCESS_RATE, .good = 0.92, .bad = 0.6,
        .when = {FACT_PUBLISH_TOTAL, 5},
        .concern = "Only {publish_success_rate} of publications succeed",
        .insight = "{publish_success_rate} of {publish_total_24h|publication|publications} of the last 24 hours succeeded",
        .positive = "{publish_success_rate} of publications succeed",
        .advice = {.priority = URGENCY_CRITICAL,
                   .title = "Find out why publications fail",
                   .description = "{publish_failed_24h} of {publish_total_24h|publication|publications} of the last 24 hours "
                                  "failed; {publish_success_rate} succeeded. Check credentials and limits of the platforms.",
                   .impact = "Content reaches its audience.",
                   .effort = LEVEL_MEDIUM,
                   .action = "review_publishing",
                   .minutes = 45},
    },
    {
        .name = "platform_failures", .weight = 10, .fact = FACT_PLATFORM_FAILURE_SHARE, .good = 0.1, .bad = 0.5,
        .concern = "{platform_failure_share} of publications to {platform} fail",
        .advice = {.priority = URGENCY_HIGH,
                   .title = "Check the connection to {platform}",
                   .description = "{platform_failure_share} of the last 24 hours' publications to {platform} failed, more than "
                                  "on any other platform. Its access token may have expired.",
                   .impact = "{platform} is published to again.",
                   .effort = LEVEL_LOW,
                   .action = "check_platform",
                   .payload = "{\"platform\":\"{platform}\"}",
                   .minutes = 15},
    },
    {
        .name = "nothing_published", .weight = 25, .fact = FACT_NOTHING_PUBLISHED, .good = 0, .bad = 1,
        .concern = "Nothing was published for 24 hours although {campaigns_active|campaign runs|campaigns run}",
        .advice = {.priority = URGENCY_CRITICAL,
                   .title = "Get publishing going",
                   .description = "{campaigns_active|campaign runs|campaigns run}, and nothing was published for 24 hours. See "
                                  "whether scheduler and orchestrator run and clips are there.",
                   .impact = "The running campaigns reach somebody.",
                   .effort = LEVEL_MEDIUM,
                   .action = "review_publishing",
                   .minutes = 30},
    },
    {
        .name = "event_failures", .weight = 8, .fact = FACT_EVENT_FAILURE_SHARE, .good = 0.2, .bad = 0.6,
        .when = {FACT_EVENTS, 10},
        .concern = "{event_failure_share} of the last {events|event|events} are failures",
    },
};
const struct rule_group rule_group_publishing = {CATEGORY_CONTENT, rules, countof(rules)};
