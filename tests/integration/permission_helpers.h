/* What the tests of permissions share: a broker with the suite's accounts, users of it, and what it refused. */
#ifndef GANNET_TESTS_PERMISSION_HELPERS_H
#define GANNET_TESTS_PERMISSION_HELPERS_H

#include "tests/integration/jobs_helpers.h"

UNUSED static void write_text(const char *path, struct span text)
{
	FILE *f = fopen(path, "we");
	CHECK(f && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0);
}

UNUSED static const char *read_text(const char *path)
{
	char text[65536];
	static struct arena kept;
	FILE *f = fopen(path, "re");
	CHECK_MSG(f, "cannot open %s", path);
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	return arena_cstr(&kept, span_of(text, n));
}

/* What scripts/nats-accounts prints, into a file of the test's folder. */
UNUSED static void accounts_into(const char *file, const char *option)
{
	scoped_buf out = {0};
	const char *env[] = {text_of("GANNET_BIN=%s", test_bin()), NULL};
	const char *args[] = {"--tenant", "acme", "--tenant", "globex", option, NULL};
	CHECK_INT(test_run("scripts/nats-accounts", args, env, &out), 0);
	write_text(text_of("%s/%s", test_dir(), file), buf_span(&out));
}

/* A broker whose users are those of the suite and the tenants acme and globex; `more` goes into its configuration. */
UNUSED static void start_secured(const char *more)
{
	const char *keys = text_of("%s/keys", test_dir()), *conf = text_of("%s/nats.conf", test_dir());
	CHECK_INT(test_run("/bin/mkdir", (const char *[]){"-p", keys, NULL}, NULL, NULL), 0);
	accounts_into("accounts.conf", NULL);
	accounts_into("keys/passwords.conf", "--passwords");
	/* JetStream in the file too: a reload would turn off what it does not name. */
	write_text(conf, span_from(text_of("include accounts.conf\njetstream: {store_dir: \"%s/nats\"}\n%s", test_dir(), more)));
	test_nats_configure(conf);
	test_nats_start();
}

UNUSED static const char *password_of(const char *user)
{
	const char *text = read_text(text_of("%s/keys/passwords.conf", test_dir()));
	const char *at = strstr(text, text_of("PASSWORD_%s: \"", user));
	CHECK_MSG(at, "no user %s", user);
	at = strchr(at, '"') + 1;
	return text_of("%.*s", (int)strcspn(at, "\""), at);
}

UNUSED static const char *url_of(const char *user)
{
	return text_of("nats://%s:%s@%s", user, password_of(user), test_nats_url() + strlen("nats://"));
}

/* A connection as that user, with the inboxes that are its own; open until the process ends. */
UNUSED static struct bus *open_as(const char *user, const char *inbox)
{
	struct err err;
	const struct bus_options o = {.url = url_of(user), .name = user, .clock = &clock_system, .inbox_prefix = inbox};
	static struct bus *opened[16];
	static size_t opened_n;
	CHECK(opened_n < countof(opened));
	CHECK_OK(bus_open(&o, &opened[opened_n], &err), err);
	return opened[opened_n++];
}

/* `env` comes after what the user needs. */
UNUSED static struct test_process *spawn_as(const char *service, const char *const *env)
{
	const char *all[24] = {text_of("NATS_URL=%s", url_of(service)), text_of("NATS_INBOX_PREFIX=_INBOX_%s", service)};
	for (size_t n = 2; env && *env && n < countof(all) - 1; n++)
		all[n] = *env++;
	return test_spawn(text_of("gannet-%s", service), all, NULL);
}

UNUSED static void bootstrap(void)
{
	const char *env[] = {text_of("NATS_URL=%s", url_of("bootstrap")), "NATS_INBOX_PREFIX=_INBOX_bootstrap", NULL};
	CHECK_INT(test_run("gannet", (const char *[]){"bootstrap", "--kind", "llm", NULL}, env, NULL), 0);
}

/* The broker's own account of what it refused: it is written before anything later is answered. */
UNUSED static void check_nothing_refused(void)
{
	const char *at = strstr(read_text(test_nats_log()), "Violation");
	CHECK_MSG(!at, "the broker refused: %.200s", at);
}

UNUSED static bool was_refused(struct bus *b, const char *what, const char *user, const char *subject)
{
	struct err err;
	CHECK_OK(bus_flush(b, 5000, &err), err);
	return strstr(read_text(test_nats_log()), text_of("%s Violation - User \"%s\", Subject \"%s\"", what, user, subject));
}

#endif
