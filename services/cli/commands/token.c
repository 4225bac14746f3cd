/* gannet token: makes a token for the gateway, signed with the stack's development key or another one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/auth.h"
#include "core/env.h"
#include "core/id.h"
#include "json/json.h"
#include "services/cli/connect.h"

#define KEY_VARIABLE "GANNET_JWT_KEY_FILE"
#define TTL_MAX_MS (366LL * 86400000)

struct token {
	struct texts roles;
	const char *user, *audience, *issuer, *key, *kid;
	struct opt_i64 ttl_ms;
};
static struct token config;

static const struct option options[] = {
    {"role", "r", "NAME", option_texts, offsetof(struct token, roles), .help = "admin, manager or user; may be given several times; admin without it"},
    {"user", "u", "ID", option_text, offsetof(struct token, user), .fallback = "developer", .env = "GANNET_USER", .help = "whom it speaks of"},
    {"ttl", NULL, "TIME", option_ms, offsetof(struct token, ttl_ms), .fallback = "1h", .min = 1000, .max = TTL_MAX_MS, .help = "how long it holds"},
    {"audience", NULL, "NAME", option_text, offsetof(struct token, audience), .fallback = "gannet", .env = "GANNET_JWT_AUDIENCE", .help = "whom it is for"},
    {"issuer", NULL, "NAME", option_text, offsetof(struct token, issuer), .env = "GANNET_JWT_ISSUER", .help = "who made it"},
    {"key", "k", "FILE", option_text, offsetof(struct token, key), .env = KEY_VARIABLE,
     .help = "a secret, or a private key in PEM form; without it the one in ./var/env (written by `make up`)"},
    {"kid", NULL, "ID", option_text, offsetof(struct token, kid), .help = "the key's name in a JWKS file"},
};

/* As a service reads NAME_FILE: without one line end behind it. */
static enum status read_key(const char *path, struct buf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return err_field(err, STATUS_INVALID, "--key", "cannot read %.200s: %s", path, strerror(errno));
	out->max_bytes = ENV_FILE_MAX;
	char *to = buf_reserve(out, ENV_FILE_MAX - 1);
	buf_commit(out, to ? fread(to, 1, ENV_FILE_MAX - 1, f) : 0);
	fclose(f);
	if (out->len && out->data[out->len - 1] == '\n')
		out->len--;
	return STATUS_OK;
}

static void write_claims(const struct cli *c, int64_t now_s, int64_t until_s, struct buf *out)
{
	struct json_writer w = {.out = out};
	char id[ID_BYTES];
	id_random(id);
	json_begin_object(&w);
	if (config.issuer)
		json_kv_cstr(&w, "iss", config.issuer);
	json_kv_cstr(&w, "sub", config.user);
	json_kv_cstr(&w, "aud", config.audience);
	json_kv_cstr(&w, "tenant", c->global.tenant);
	json_key(&w, SPAN("roles"));
	json_begin_array(&w);
	for (size_t i = 0; i < config.roles.n; i++)
		json_put_text(&w, span_from(config.roles.items[i]));
	json_end_array(&w);
	json_kv_i64(&w, "iat", now_s);
	json_kv_i64(&w, "exp", until_s);
	json_kv_cstr(&w, "jti", id);
	json_end_object(&w);
}

static void print_token(const struct cli *c, struct span token, int64_t until_s)
{
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	if (c->global.json) {
		json_begin_object(&w);
		json_kv_text(&w, "token", token);
		json_kv_time(&w, "expires_at", until_s * 1000);
		json_end_object(&w);
	} else {
		buf_addspan(&out, token);
	}
	buf_addc(&out, '\n');
	cli_print(buf_span(&out));
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	scoped_buf key = {0}, claims = {0}, token = {0};
	struct err err = {0};
	const char *path = config.key ? config.key : cli_env_file(&c->arena, KEY_VARIABLE);
	if (!path)
		return cli_usage(c, "there is no key: --key FILE, " KEY_VARIABLE ", or `make up`, which makes one");
	if (!config.roles.n)
		config.roles = (struct texts){{"admin"}, 1};
	if (config.roles.n > AUTH_ROLES_MAX)
		return cli_usage(c, "a token has at most %d roles", AUTH_ROLES_MAX);
	int64_t now_s = clock_wall_ms(&clock_system) / 1000, until_s = now_s + config.ttl_ms.v / 1000;
	write_claims(c, now_s, until_s, &claims);
	if (read_key(path, &key, &err) != STATUS_OK ||
	    auth_sign(buf_span(&key), config.kid, buf_span(&claims), &token, &err) != STATUS_OK)
		return cli_fail(c, &err);
	print_token(c, buf_span(&token), until_s);
	return OUTCOME_OK;
}

const struct command command_token = {
    .name = "token",
    .summary = "make a token for the gateway",
    .details = "Examples:\n"
               "  curl -H \"Authorization: Bearer $(gannet token)\" $GANNET_HTTP_URL/ai/global/summary\n"
               "  gannet token --role user --user ada --ttl 10m",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
