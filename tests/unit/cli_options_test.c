/* Command lines of the gannet command: what is read, and what is said about mistakes. */
#include "tests/lib/test.h"

#include "services/cli/options.c"

static const char *const colours[] = {"red", "green", NULL};

struct settings {
	bool loud;
	const char *name, *colour;
	struct opt_i64 count, wait_ms;
	struct opt_f64 ratio;
	struct texts list;
	struct json_time at, since;
};

#define AT(member) offsetof(struct settings, member)
static const struct option rows[] = {
    {"loud", "l", NULL, option_flag, AT(loud), .env = "TEST_LOUD"},
    {"name", "n", "TEXT", option_text, AT(name), .fallback = "nobody", .env = "TEST_NAME"},
    {"colour", NULL, "NAME", option_choice, AT(colour), .names = colours},
    {"count", NULL, "N", option_i64, AT(count), .min = 1, .max = 9},
    {"wait", NULL, "TIME", option_ms, AT(wait_ms), .min = 1, .max = 3600000},
    {"ratio", NULL, "NUMBER", option_f64, AT(ratio), .max = 2000},
    {"list", NULL, "TEXT", option_texts, AT(list)},
    {"at", NULL, "TIME", option_future, AT(at)},
    {"since", NULL, "TIME", option_past, AT(since)},
};

static struct settings settings;
static size_t arguments;
static struct err err;

static enum status parse(const char *const *words, char **argv)
{
	struct option_set set = {rows, countof(rows), &settings};
	int argc = 0, at = 0;
	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	settings = (struct settings){0};
	err = (struct err){0};
	if (options_init(&set, &err) != STATUS_OK)
		return err.status;
	return options_read(&set, 1, argv, argc, &at, false, &arguments, &err);
}
#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL}, (char *[32]){0})

static void check_refused(enum status s, const char *field, const char *part)
{
	CHECK_STATUS(s, STATUS_INVALID);
	CHECK_SPAN(span_from(err.field), field);
	CHECK_HAS(err.msg, part);
}

TEST(options_and_arguments_may_be_mixed)
{
	char *argv[32];
	const char *words[] = {"one", "--name", "x", "-l", "two", "--", "--three", NULL};
	CHECK_OK(parse(words, argv), err);
	CHECK_INT(arguments, 3);
	CHECK_SPAN(span_from(argv[0]), "one");
	CHECK_SPAN(span_from(argv[1]), "two");
	CHECK_SPAN(span_from(argv[2]), "--three");
	CHECK(settings.loud);
	CHECK_SPAN(span_from(settings.name), "x");
}

TEST(values_follow_or_are_joined)
{
	CHECK_OK(PARSE("--name=a=b", "--count", "9", "--ratio", "0.5", "-n", "-", "--colour=green"), err);
	CHECK_SPAN(span_from(settings.name), "-");
	CHECK_INT(settings.count.v, 9);
	CHECK(settings.ratio.set && settings.ratio.v == 0.5);
	CHECK_SPAN(span_from(settings.colour), "green");
}

TEST(environment_fills_in_and_the_command_line_wins)
{
	setenv("TEST_NAME", "env", 1);
	setenv("TEST_LOUD", "1", 1);
	CHECK_OK(PARSE("x"), err);
	CHECK_SPAN(span_from(settings.name), "env");
	CHECK(settings.loud);
	CHECK_OK(PARSE("--name", "given"), err);
	CHECK_SPAN(span_from(settings.name), "given");
	setenv("TEST_LOUD", "", 1);
	CHECK_OK(PARSE("x"), err);
	CHECK(!settings.loud);
}

TEST(repeated_values_are_all_kept_up_to_a_limit)
{
	CHECK_OK(PARSE("--list", "a", "--list=b"), err);
	CHECK_INT(settings.list.n, 2);
	CHECK_SPAN(span_from(settings.list.items[1]), "b");
	settings.list.n = OPTION_REPEAT_MAX;
	CHECK_STATUS(option_texts(&rows[6], "c", &settings.list, &err), STATUS_INVALID);
}

TEST(durations_have_units)
{
	static const struct {
		const char *text;
		long long ms;
	} good[] = {{"250ms", 250}, {"30s", 30000}, {"5m", 300000}, {"1h", 3600000}, {"7", 7000}};
	for (size_t i = 0; i < countof(good); i++) {
		CHECK_OK(PARSE("--wait", good[i].text), err);
		CHECK_INT(settings.wait_ms.v, good[i].ms);
	}
	check_refused(PARSE("--wait", "soon"), "--wait", "'soon' is not a duration such as");
	check_refused(PARSE("--wait", "2h"), "--wait", "is not in 1s to 3600s");
	check_refused(PARSE("--wait", "99999999999999999d"), "--wait", "is not a duration");
}

TEST(moments_are_absolute_or_relative)
{
	int64_t now_ms = clock_wall_ms(&clock_system);
	CHECK_OK(PARSE("--at", "2026-01-31T08:00:00Z", "--since", "1h"), err);
	CHECK_INT(settings.at.ms, 1769846400000);
	CHECK(settings.since.ms >= now_ms - 3600000 && settings.since.ms <= now_ms - 3600000 + 60000);
	CHECK_OK(PARSE("--at", "+10m"), err);
	CHECK(settings.at.ms >= now_ms + 600000 && settings.at.ms <= now_ms + 660000);
	check_refused(PARSE("--at", "10m"), "--at", "neither a time such as");
	check_refused(PARSE("--since", "yesterday"), "--since", "nor an age such as 1h");
}

TEST(mistakes_name_the_option_and_what_is_allowed)
{
	check_refused(PARSE("--colour", "blue"), "--colour", "'blue' is not one of red, green");
	check_refused(PARSE("--count", "10"), "--count", "10 is not in 1 to 9");
	check_refused(PARSE("--count", "1x"), "--count", "'1x' is not a whole number");
	check_refused(PARSE("--ratio", "2.5"), "--ratio", "2.5 is not in 0 to 2");
	check_refused(PARSE("--ratio", "nan"), "--ratio", "is not a number");
	check_refused(PARSE("--name"), "--name", "needs a value: --name TEXT");
	check_refused(PARSE("--loud=yes"), "--loud", "takes no value");
	check_refused(PARSE("--nane", "x"), "", "unknown option '--nane'; did you mean --name?");
	check_refused(PARSE("--zzzzzz"), "", "unknown option '--zzzzzz'");
	check_refused(PARSE("-z"), "", "unknown option '-z'");
	CHECK(!strstr(err.msg, "did you mean"));
}

TEST(a_bad_value_in_the_environment_names_the_variable)
{
	struct option row = {"count", NULL, "N", option_i64, AT(count), .env = "TEST_COUNT", .min = 1, .max = 9};
	struct option_set set = {&row, 1, &settings};
	setenv("TEST_COUNT", "many", 1);
	check_refused(options_init(&set, &err), "TEST_COUNT", "'many' is not a whole number");
}

TEST(nearest_words_are_near)
{
	static const char *const words[] = {"submit", "get", "list", "cancel"};
	static const struct {
		const char *given, *meant;
	} rows_[] = {{"sumbit", "submit"}, {"lst", "list"}, {"sub", "submit"},
	             {"cancle", "cancel"}, {"xyz", NULL},   {"go", NULL}};
	for (size_t i = 0; i < countof(rows_); i++) {
		struct nearest best = {.word = rows_[i].given};
		for (size_t j = 0; j < countof(words); j++)
			nearest_try(&best, words[j]);
		CHECK_MSG(!best.name == !rows_[i].meant && (!best.name || strcmp(best.name, rows_[i].meant) == 0), "%s: %s",
		          rows_[i].given, best.name);
	}
}
