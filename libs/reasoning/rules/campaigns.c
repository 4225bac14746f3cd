/* Campaigns: whether any runs, and whether it has something planned. */
#include "reasoning/rule.h"

static const struct rule rules[] = {
    {
        .name = "campaigns_none", .weight = 10, .fact = FACT_CAMPAIGNS_ACTIVE, .good = 1, .bad = 0,
        .concern = "No campaign runs",
        .insight = "No campaign runs",
        .positive = "{campaigns_active|campaign runs|campaigns run}",
        .advice = {.priority = URGENCY_MEDIUM,
                   .title = "Start a campaign",
                   .description = "No campaign runs. {campaigns_draft|draft waits|drafts wait} to be finished.",
                   .impact = "Publications follow a goal again.",
                   .effort = LEVEL_MEDIUM,
                   .action = "activate_campaign",
                   .minutes = 45},
    },
    {
        .name = "campaigns_drafts", .weight = 3, .fact = FACT_CAMPAIGNS_DRAFT, .good = 5, .bad = 20,
        .concern = "{campaigns_draft|campaign is|campaigns are} still a draft",
        .advice = {.priority = URGENCY_LOW,
                   .title = "Finish or drop the drafts",
                   .description = "{campaigns_draft|campaign is a draft|campaigns are drafts}.",
                   .impact = "Work that was begun is of use.",
                   .effort = LEVEL_MEDIUM,
                   .action = "review_drafts",
                   .minutes = 60},
    },
    {
        .name = "nothing_scheduled", .weight = 6, .fact = FACT_NOTHING_SCHEDULED, .good = 0, .bad = 1,
        .concern = "Nothing is scheduled although {campaigns_active|campaign runs|campaigns run}",
        .advice = {.priority = URGENCY_MEDIUM,
                   .title = "Schedule publications",
                   .description = "{campaigns_active|campaign runs|campaigns run} and no publication is scheduled.",
                   .impact = "The campaigns go on by themselves.",
                   .effort = LEVEL_LOW,
                   .action = "schedule_publications",
                   .automated = true,
                   .minutes = 10},
    },
};
const struct rule_group rule_group_campaigns = {CATEGORY_CAMPAIGNS, rules, countof(rules)};
