/* TLS to the broker, with certificates on both sides. */
#include "tests/integration/permission_helpers.h"
#include "tests/lib/process.h"

static const char *file(const char *name)
{
	return text_of("%s/%s", test_dir(), name);
}

static void openssl(const char *const *args)
{
	char path[256];
	CHECK_INT(test_run(process_find("openssl", path, sizeof path), args, NULL, NULL), 0);
}

/* <name>.pem and <name>.key, signed by ca.pem. */
static void certificate(const char *name, const char *subject, const char *alternative)
{
	const char *key = file(text_of("%s.key", name)), *request = file(text_of("%s.csr", name)), *extra = file("extra");
	openssl((const char *[]){"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
	                         "-subj", subject, "-out", request, NULL});
	write_text(extra, span_from(text_of("subjectAltName=%s", alternative)));
	openssl((const char *[]){"x509", "-req", "-in", request, "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
	                         "-CAcreateserial", "-days", "2", "-extfile", extra, "-out", file(text_of("%s.pem", name)), NULL});
}

static void authority(const char *name)
{
	openssl((const char *[]){"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
	                         "-keyout", file(text_of("%s.key", name)), "-subj", "/CN=test authority", "-out",
	                         file(text_of("%s.pem", name)), NULL});
}

/* A broker that is `localhost` and wants to know who comes. */
static void start_tls(void)
{
	authority("ca");
	certificate("server", "/CN=broker", "DNS:localhost");
	certificate("client", "/CN=gannet-runner", "DNS:gannet-runner");
	start_secured(text_of("tls: {cert_file: \"%s\", key_file: \"%s\", ca_file: \"%s\", verify: true}\n", file("server.pem"),
	                      file("server.key"), file("ca.pem")));
}

static const char *tls_url(const char *host)
{
	return text_of("tls://runner:%s@%s:%s", password_of("runner"), host, strrchr(test_nats_url(), ':') + 1);
}

static enum status try(const char *url, const struct bus_tls *tls, struct err *err)
{
	struct bus *b;
	const struct bus_options o = {.url = url, .clock = &clock_system, .tls = *tls, .inbox_prefix = "_INBOX_runner"};
	enum status s = bus_open(&o, &b, err);
	if (s == STATUS_OK)
		bus_close(b);
	return s;
}

TEST(both_sides_show_certificates)
{
	struct err err;
	start_tls();
	const struct bus_tls good = {file("ca.pem"), file("client.pem"), file("client.key"), NULL};
	CHECK_OK(try(tls_url("localhost"), &good, &err), err);
}

TEST(client_without_a_certificate_is_refused)
{
	struct err err;
	start_tls();
	const struct bus_tls none = {.ca_file = file("ca.pem")};
	CHECK(try(tls_url("localhost"), &none, &err) != STATUS_OK);
}

TEST(client_with_a_certificate_of_another_authority_is_refused)
{
	struct err err;
	start_tls();
	authority("other");
	const struct bus_tls other = {file("ca.pem"), file("other.pem"), file("other.key"), NULL};
	CHECK(try(tls_url("localhost"), &other, &err) != STATUS_OK);
}

TEST(broker_of_another_authority_or_name_is_refused)
{
	struct err err;
	start_tls();
	authority("other");
	const struct bus_tls distrustful = {file("other.pem"), file("client.pem"), file("client.key"), NULL};
	CHECK(try(tls_url("localhost"), &distrustful, &err) != STATUS_OK);
	const struct bus_tls misled = {file("ca.pem"), file("client.pem"), file("client.key"), "nats.example"};
	CHECK(try(tls_url("localhost"), &misled, &err) != STATUS_OK);
}

TEST(files_that_cannot_be_used_are_named)
{
	struct err err;
	const char *url = "tls://127.0.0.1:1", *missing = file("missing.pem");
	CHECK_STATUS(try(url, &(struct bus_tls){.ca_file = missing}, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "missing.pem");
	CHECK_SPAN(span_from(err.field), "NATS_CA");
	CHECK_STATUS(try(url, &(struct bus_tls){.cert_file = missing, .key_file = missing}, &err), STATUS_INVALID);
	CHECK_SPAN(span_from(err.field), "NATS_CERT");
	CHECK_STATUS(try(url, &(struct bus_tls){.cert_file = missing}, &err), STATUS_INVALID);
	CHECK_SPAN(span_from(err.field), "NATS_KEY");
}

TEST(service_works_over_tls)
{
	start_tls();
	const char *admin = text_of("tls://bootstrap:%s@localhost:%s", password_of("bootstrap"), strrchr(test_nats_url(), ':') + 1);
	const char *ca = text_of("NATS_CA=%s", file("ca.pem")), *cert = text_of("NATS_CERT=%s", file("client.pem")),
	           *key = text_of("NATS_KEY=%s", file("client.key"));
	const char *admin_env[] = {text_of("NATS_URL=%s", admin), "NATS_INBOX_PREFIX=_INBOX_bootstrap", ca, cert, key, NULL};
	CHECK_INT(test_run("gannet", (const char *[]){"bootstrap", NULL}, admin_env, NULL), 0);
	const char *env[] = {text_of("NATS_URL=%s", tls_url("localhost")), "NATS_INBOX_PREFIX=_INBOX_runner", ca, cert, key, NULL};
	test_ready(test_spawn("gannet-runner", env, NULL));
	check_nothing_refused();
}

TEST(inbox_prefix_is_checked)
{
	struct bus *b;
	struct err err;
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "a b", "a.*", ">",
	                                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < countof(bad); i++) {
		const struct bus_options o = {.url = "nats://127.0.0.1:1", .clock = &clock_system, .inbox_prefix = bad[i]};
		CHECK_STATUS(bus_open(&o, &b, &err), STATUS_INVALID);
		CHECK_SPAN(span_from(err.field), "NATS_INBOX_PREFIX");
	}
}
