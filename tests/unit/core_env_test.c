/* Configuration: every kind of option, its default, its limits, its error and its help. */
#include "core/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/lib/test.h"

struct config {
	const char *url, *key;
	int64_t size, wait_ms, days_s;
	bool strict;
};

static const struct env_option options[] = {
    {"T_URL", ENV_TEXT, offsetof(struct config, url), "nats://localhost", .help = "where to connect"},
    {"T_KEY", ENV_TEXT, offsetof(struct config, key), NULL, .help = "the key", .secret = true},
    {"T_SIZE", ENV_INT, offsetof(struct config, size), "10", 1, 100, "how many"},
    {"T_WAIT", ENV_MS, offsetof(struct config, wait_ms), "5s", 1, 3600000, "how long"},
    {"T_DAYS", ENV_MS, offsetof(struct config, days_s), NULL, .help = "in seconds when bare", .unit = 1000},
    {"T_STRICT", ENV_BOOL, offsetof(struct config, strict), "false", .help = "whether"},
};

static struct config load(void)
{
	struct config c = {0};
	struct err err;
	CHECK_OK(env_load(options, countof(options), &c, &err), err);
	return c;
}

static void refused(const char *name, const char *value, const char *message)
{
	struct config c = {0};
	struct err err = {0};
	setenv(name, value, 1);
	CHECK_STATUS(env_load(options, countof(options), &c, &err), STATUS_INVALID);
	CHECK_MSG(strcmp(err.msg, message) == 0, "%s", err.msg);
	CHECK_HAS(err.field, "T_");
	unsetenv(name);
}

static const char *write_file(const char *name, const void *data, size_t n)
{
	static char path[4096];
	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	FILE *f = fopen(path, "w");
	CHECK(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
	return path;
}

TEST(defaults_apply_to_what_is_unset_or_empty)
{
	setenv("T_SIZE", "", 1);
	struct config c = load();
	CHECK_SPAN(span_from(c.url), "nats://localhost");
	CHECK(!c.key && !c.strict);
	CHECK_INT(c.size, 10);
	CHECK_INT(c.wait_ms, 5000);
	CHECK_INT(c.days_s, 0);
}

TEST(values_are_read_from_the_environment)
{
	setenv("T_URL", "nats://a,nats://b", 1);
	setenv("T_SIZE", "100", 1);
	setenv("T_STRICT", "Yes", 1);
	struct config c = load();
	CHECK_SPAN(span_from(c.url), "nats://a,nats://b");
	CHECK_INT(c.size, 100);
	CHECK(c.strict);
}

TEST(times_take_units_and_bare_numbers)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {{"250ms", 250}, {"5s", 5000}, {"2m", 120000}, {"1h", 3600000}, {"77", 77}};
	for (size_t i = 0; i < countof(rows); i++) {
		setenv("T_WAIT", rows[i].text, 1);
		CHECK_INT(load().wait_ms, rows[i].ms);
	}
	setenv("T_DAYS", "3", 1);
	CHECK_INT(load().days_s, 3000);
}

TEST(bad_values_are_refused_with_name_value_and_limits)
{
	refused("T_SIZE", "0", "T_SIZE: \"0\" is not a whole number in [1, 100]");
	refused("T_SIZE", "101", "T_SIZE: \"101\" is not a whole number in [1, 100]");
	refused("T_SIZE", "7x", "T_SIZE: \"7x\" is not a whole number in [1, 100]");
	refused("T_STRICT", "maybe", "T_STRICT: \"maybe\" is not true or false");
	refused("T_WAIT", "2 s", "T_WAIT: \"2 s\" is not a time such as 250ms, 5s, 2m or 1h in [1ms, 3600000ms]");
	refused("T_WAIT", "2h", "T_WAIT: \"2h\" is not a time such as 250ms, 5s, 2m or 1h in [1ms, 3600000ms]");
	refused("T_WAIT", "ms", "T_WAIT: \"ms\" is not a time such as 250ms, 5s, 2m or 1h in [1ms, 3600000ms]");
	refused("T_DAYS", "-1", "T_DAYS: \"-1\" is not a time such as 250ms, 5s, 2m or 1h");
	refused("T_DAYS", "9223372036854775807h",
	        "T_DAYS: \"9223372036854775807h\" is not a time such as 250ms, 5s, 2m or 1h");
}

TEST(a_secret_is_read_from_a_file_without_its_newline)
{
	setenv("T_KEY_FILE", write_file("key", "s3cret\n", 7), 1);
	CHECK_SPAN(span_from(load().key), "s3cret");
	setenv("T_KEY_FILE", write_file("key", "s3cret\n\n", 8), 1);
	CHECK_SPAN(span_from(load().key), "s3cret\n");
	setenv("T_KEY_FILE", write_file("empty", "", 0), 1);
	CHECK(!load().key); /* as without the file */
	setenv("T_KEY", "direct", 1);
	CHECK_SPAN(span_from(load().key), "direct");
}

TEST(secrets_are_found_in_their_folder)
{
	setenv("GANNET_SECRETS", test_dir(), 1);
	write_file("T_KEY", "s3cret\n", 7);
	write_file("T_URL", "nats://elsewhere\n", 17);
	CHECK_SPAN(span_from(load().key), "s3cret");
	CHECK_SPAN(span_from(load().url), "nats://localhost"); /* no secret */
	setenv("T_KEY_FILE", write_file("other", "named", 5), 1);
	CHECK_SPAN(span_from(load().key), "named");
	setenv("T_KEY", "said", 1);
	CHECK_SPAN(span_from(load().key), "said");
	char path[ENV_PATH_MAX];
	CHECK(!env_secret_path("../T_KEY", path) && !env_secret_path("T_NONE", path));
}

TEST(an_unreadable_file_is_refused)
{
	static char big[ENV_FILE_MAX + 1];
	memset(big, 'x', sizeof big);
	struct config c = {0};
	struct err err;
	setenv("T_KEY_FILE", "/nowhere/key", 1);
	CHECK_STATUS(env_load(options, countof(options), &c, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "T_KEY_FILE: cannot open /nowhere/key: ");
	const struct {
		const char *data;
		size_t n;
	} bad[] = {{big, sizeof big}, {"a\0b", 3}};
	for (size_t i = 0; i < countof(bad); i++) {
		setenv("T_KEY_FILE", write_file("bad", bad[i].data, bad[i].n), 1);
		CHECK_STATUS(env_load(options, countof(options), &c, &err), STATUS_INVALID);
		CHECK_HAS(err.msg, "not a readable text file of up to 65536 bytes");
	}
	setenv("T_KEY_FILE", test_dir(), 1);
	CHECK_STATUS(env_load(options, countof(options), &c, &err), STATUS_INVALID);
	CHECK(!c.key);
	setenv("T_KEY_FILE", write_file("full", big, ENV_FILE_MAX), 1);
	CHECK_INT(strlen(load().key), ENV_FILE_MAX);
}

TEST(a_secret_never_shows_in_an_error)
{
	static const struct env_option pin[] = {{"T_PIN", ENV_INT, 0, NULL, 0, 9999, "pin", .secret = true}};
	int64_t member = 0;
	struct err err;
	setenv("T_PIN", "12345", 1);
	CHECK_STATUS(env_load(pin, 1, &member, &err), STATUS_INVALID);
	CHECK_MSG(strcmp(err.msg, "T_PIN: the value is not a whole number in [0, 9999]") == 0, "%s", err.msg);
}

TEST(help_lists_names_limits_and_defaults)
{
	scoped_buf out = {0};
	env_help(options, countof(options), &out);
	CHECK_SPAN(buf_span(&out),
	           "  T_URL     where to connect (default nats://localhost)\n"
	           "  T_KEY     the key\n"
	           "  T_SIZE    how many; a whole number in [1, 100] (default 10)\n"
	           "  T_WAIT    how long; a time such as 250ms, 5s, 2m or 1h in [1ms, 3600000ms] (default 5s)\n"
	           "  T_DAYS    in seconds when bare; a time such as 250ms, 5s, 2m or 1h\n"
	           "  T_STRICT  whether (default false)\n");
}
