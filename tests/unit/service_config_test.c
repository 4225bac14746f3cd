/* The options that all services share. */
#include <stdlib.h>

#include "service/internal.h"
#include "tests/lib/test.h"

static struct {
	int64_t lanes;
	const char *key;
} own;
static const struct env_option own_options[] = {
    {"TEST_LANES", ENV_INT, offsetof(__typeof__(own), lanes), "3", 1, 9, "how many lanes"},
    {"TEST_KEY", ENV_TEXT, offsetof(__typeof__(own), key), NULL, .help = "a key", .secret = true},
};
static const struct service_descriptor descriptor = {.name = "test",
                                                     .summary = "tests itself",
                                                     .options = own_options,
                                                     .options_n = countof(own_options),
                                                     .config = &own};

static struct service_settings settings;

static enum status load(struct err *err)
{
	settings = (struct service_settings){0};
	return config_load(&descriptor, &settings, err);
}

TEST(defaults_need_no_environment)
{
	struct err err;
	CHECK_OK(load(&err), err);
	const struct service_config *c = &settings.shared;
	CHECK_SPAN(span_from(c->nats_url), "nats://127.0.0.1:4222");
	CHECK_SPAN(span_from(c->health_bind), "127.0.0.1");
	CHECK_INT(c->health_port, 9090);
	CHECK_INT(c->drain_ms, 25000);
	CHECK_INT(c->watchdog_ms, 60000);
	CHECK_INT(c->replicas, 1);
	CHECK_INT(c->events_max_age_s, 7 * 24 * 3600);
	CHECK_INT(c->events_max_bytes, -1);
	CHECK_INT(c->jobs_max_bytes, -1);
	CHECK(!c->strict_tenants && !c->otlp_endpoint && !c->creds_file);
	CHECK_INT(own.lanes, 3);
}

TEST(broker_url_is_another_name_of_nats_url)
{
	struct err err;
	setenv("BROKER_URL", "nats://b:4222", 1);
	CHECK_OK(load(&err), err);
	CHECK_SPAN(span_from(settings.shared.nats_url), "nats://b:4222");
	setenv("NATS_URL", "tls://a:4222, nats://c:4222,d:4222", 1);
	setenv("BROKER_URL", "amqp://unused", 1);
	CHECK_OK(load(&err), err);
	CHECK_SPAN(span_from(settings.shared.nats_url), "tls://a:4222, nats://c:4222,d:4222");
}

TEST(foreign_broker_is_refused_without_its_password)
{
	struct err err;
	setenv("BROKER_URL", "amqp://user:hunter2@localhost:5672", 1);
	CHECK_STATUS(load(&err), STATUS_INVALID);
	CHECK_SPAN(span_from(err.field), "BROKER_URL");
	CHECK_HAS(err.msg, "nats://");
	CHECK(!strstr(err.msg, "hunter2"));
	setenv("NATS_URL", "nats://a:4222,,", 1);
	CHECK_STATUS(load(&err), STATUS_INVALID);
	CHECK_SPAN(span_from(err.field), "NATS_URL");
}

TEST(bad_values_are_named_with_what_is_allowed)
{
	static const struct {
		const char *name, *value, *says;
	} rows[] = {
	    {"LOG_LEVEL", "LOUD", "DEBUG, INFO, WARN, ERROR"},
	    {"WORKER_ID", "a.b c", "A-Z a-z 0-9 _ -"},
	    {"PROMETHEUS_PORT", "70000", "65535"},
	    {"GANNET_DRAIN_MS", "soon", "soon"},
	    {"OTEL_EXPORTER_OTLP_ENDPOINT", "host:1", "http://"},
	    {"TEST_LANES", "10", "9"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct err err;
		setenv(rows[i].name, rows[i].value, 1);
		CHECK_STATUS(load(&err), STATUS_INVALID);
		CHECK_SPAN(span_from(err.field), rows[i].name);
		CHECK_HAS(err.msg, rows[i].says);
		unsetenv(rows[i].name);
	}
}

TEST(help_lists_own_and_shared_options_with_defaults)
{
	scoped_buf text = {0};
	config_help(&descriptor, &text);
	const char *const parts[] = {"gannet-test: tests itself",
	                             "TEST_LANES",
	                             "how many lanes",
	                             "NATS_URL",
	                             "9090",
	                             "LOG_LEVEL",
	                             "INFO",
	                             "GANNET_WATCHDOG_MS",
	                             "60s",
	                             "OTEL_EXPORTER_OTLP_ENDPOINT",
	                             "--version"};
	for (size_t i = 0; i < countof(parts); i++)
		CHECK_HAS(text.data, parts[i]);
}

TEST(servers_are_shown_without_what_opens_them)
{
	static const struct {
		const char *url, *shown;
	} rows[] = {
	    {"nats://127.0.0.1:4222", "nats://127.0.0.1:4222"},
	    {"nats://user:pass@a:4222, tls://token@b:4222", "nats://a:4222,tls://b:4222"},
	    {"user:p@ss@c:4222", "c:4222"},
	    {"", ""},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		char shown[128];
		config_redact_url(rows[i].url, shown, sizeof shown);
		CHECK_SPAN(span_from(shown), rows[i].shown);
	}
}
