/* The watchers' configuration: defaults, names that lead somewhere, and errors that say where. */
#include "contract/watchers.h"

#include "tests/lib/test.h"

static struct arena memory;
static struct watchers_config config;

TEST(nothing_is_a_configuration_with_the_built_in_schedules)
{
	struct err err;
	CHECK_OK(watchers_config_read(SPAN("{}"), &memory, &config, &err), err);
	CHECK_SPAN(config.tenant, "default");
	CHECK(config.watches_n == 0 && config.thresholds.deploy_failures.v == 3);
	CHECK(config.thresholds.latency_spike_percent.v == 20 && config.thresholds.error_rate_percent.v == 5);
	size_t nightly = watchers_schedule_index(&config, SPAN("nightly")),
	       audit = watchers_schedule_index(&config, SPAN("weekly-audit"));
	CHECK(nightly != SIZE_MAX && audit != SIZE_MAX);
	CHECK_SPAN(config.schedules[nightly].cron, "0 2 * * *");
	CHECK_SPAN(config.schedules[audit].cron, "0 9 * * 1");
	CHECK(watchers_feature_is_on(&config, "self_diagnosis"));
}

TEST(a_file_replaces_schedules_and_says_whose_the_watches_are)
{
	static const char text[] = "{\"project_ref\":\"p\",\"tenant\":\"acme\",\"models\":{\"reasoning\":\"m\"},"
	                           "\"thresholds\":{\"deploy_failures\":4},"
	                           "\"features\":{\"integrity\":false},\"schedules\":[{\"name\":\"nightly\",\"cron\":\"30 "
	                           "3 * * *\",\"zone\":\"Europe/Berlin\"}],"
	                           "\"watches\":[{\"name\":\"a\",\"watcher\":\"diagnosis\"},{\"name\":\"b\",\"watcher\":"
	                           "\"integrity\",\"schedule\":\"nightly\","
	                           "\"tenant\":\"other\"}]}";
	struct err err;
	CHECK_OK(watchers_config_read(span_from(text), &memory, &config, &err), err);
	size_t nightly = watchers_schedule_index(&config, SPAN("nightly"));
	CHECK_SPAN(config.schedules[nightly].zone, "Europe/Berlin");
	CHECK_INT(config.schedules_n, 5);
	CHECK_INT(config.thresholds.deploy_failures.v, 4);
	CHECK(config.thresholds.recurring_patterns.v == 3 && !watchers_feature_is_on(&config, "integrity"));
	CHECK_SPAN(config.watches[0].tenant, "acme");
	CHECK_SPAN(config.watches[1].tenant, "other");
}

TEST(a_bad_file_is_refused_with_the_member_named)
{
	static const struct {
		const char *text, *field, *part;
	} rows[] = {
	    {"", "", "JSON"},
	    {"[]", "", "object"},
	    {"{\"watchs\":[]}", "watchs", "watches"},
	    {"{\"thresholds\":{\"deploy_failures\":0}}", "thresholds.deploy_failures", "0 not in [1, 1000]"},
	    {"{\"tenant\":\"A B\"}", "tenant", "a-z"},
	    {"{\"features\":{\"x\":1}}", "features", "booleans"},
	    {"{\"schedules\":[{\"name\":\"a\",\"cron\":\"x\"}]}", "schedules[0].cron", "cron expression"},
	    {"{\"schedules\":[{\"name\":\"a\"}]}", "schedules[0].cron", "required"},
	    {"{\"schedules\":[{\"name\":\"never\",\"cron\":\"@daily\"}]}", "schedules[0].name", "no schedule"},
	    {"{\"watches\":[{\"name\":\"a\",\"watcher\":\"x\",\"schedule\":\"b\"}]}", "watches[0].schedule",
	     "no schedule 'b'"},
	    {"{\"watches\":[{\"name\":\"a\",\"watcher\":\"x\"},{\"name\":\"a\",\"watcher\":\"x\"}]}", "watches[1].name",
	     "twice"},
	    {"{\"watches\":[1]}", "watches[0]", "object"},
	    {"{\"watches\":[{\"name\":\"A\",\"watcher\":\"x\"}]}", "watches[0].name", "a-z"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct err err = {0};
		CHECK_MSG(watchers_config_read(span_from(rows[i].text), &memory, &config, &err) != STATUS_OK, "%s was taken",
		          rows[i].text);
		CHECK_MSG(strcmp(err.field, rows[i].field) == 0, "%s: field %s", rows[i].text, err.field);
		CHECK_HAS(err.msg, rows[i].part);
	}
}
