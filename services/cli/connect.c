/* Finds the server, connects, asks, and turns failures into advice. */
#include "services/cli/connect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/bus.h"
#include "core/id.h"
#include "json/json.h"

#define LOCAL_NATS_URL "nats://127.0.0.1:4222"
#define ENV_FILE "var/env" /* written by `make up` */
#define ENV_FILE_MAX 65536

/* The value of a variable in a shell file of NAME=value and export NAME='value' lines. */
static struct span find_variable(struct span file, struct span name)
{
	struct span found = {0};
	while (file.p) {
		struct span line = span_trim(span_cut(&file, '\n'));
		if (span_starts(line, SPAN("export ")))
			line = span_trim(span_of(line.p + 7, line.n - 7));
		if (!span_starts(line, name) || line.n == name.n || line.p[name.n] != '=')
			continue;
		found = span_of(line.p + name.n + 1, line.n - name.n - 1);
		char quote = found.n >= 2 ? found.p[0] : 0;
		if ((quote == '"' || quote == '\'') && found.p[found.n - 1] == quote)
			found = span_of(found.p + 1, found.n - 2);
	}
	return found;
}

static struct span read_text(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return (struct span){0};
	char *text = arena_alloc(a, ENV_FILE_MAX);
	size_t n = fread(text, 1, ENV_FILE_MAX, f);
	fclose(f);
	return span_of(text, n);
}

const char *cli_env_file(struct arena *a, const char *name)
{
	struct span value = find_variable(read_text(a, ENV_FILE), span_from(name));
	return value.n ? arena_cstr(a, value) : NULL;
}

/* NATS_URL_FILE names a file that holds the URL. */
static const char *url_from_secret(struct arena *a)
{
	const char *path = getenv("NATS_URL_FILE");
	struct span url = path && *path ? span_trim(read_text(a, path)) : (struct span){0};
	return url.n ? arena_cstr(a, url) : NULL;
}

/* --nats, else NATS_URL, else what NATS_URL_FILE holds, else NATS_URL in ./var/env, else the local default. */
static const char *nats_url(struct cli *c)
{
	if (!c->global.nats)
		c->global.nats = url_from_secret(&c->arena);
	if (!c->global.nats)
		c->global.nats = cli_env_file(&c->arena, "NATS_URL");
	if (!c->global.nats)
		c->global.nats = LOCAL_NATS_URL;
	return c->global.nats;
}

/* A URL (or several) without user, password and token. */
static const char *url_without_secrets(struct arena *a, struct span url)
{
	scoped_buf out = {0};
	while (url.p) {
		struct span one = span_trim(span_cut(&url, ','));
		const char *scheme = memmem(one.p, one.n, "://", 3);
		struct span rest = scheme ? span_of(scheme + 3, one.n - (size_t)(scheme + 3 - one.p)) : one;
		const char *at = rest.n ? memrchr(rest.p, '@', rest.n) : NULL;
		if (out.len)
			buf_addc(&out, ',');
		buf_add(&out, one.p, one.n - rest.n);
		if (at)
			rest = span_of(at + 1, rest.n - (size_t)(at + 1 - rest.p));
		buf_addspan(&out, rest);
	}
	return arena_cstr(a, buf_span(&out));
}

int cli_timeout_ms(const struct cli *c)
{
	return c->global.timeout_ms.set ? (int)c->global.timeout_ms.v : REQUEST_TIMEOUT_MS;
}

enum status cli_connect(struct cli *c, struct err *err)
{
	if (c->bus)
		return STATUS_OK;
	struct bus_options o = {
	    .url = nats_url(c),
	    .name = "gannet",
	    .creds_file = c->global.creds,
	    .tls = {c->global.ca, c->global.cert, c->global.key, NULL},
	    .inbox_prefix = c->global.inbox_prefix,
	    .clock = &clock_system};
	c->nats_shown = url_without_secrets(&c->arena, span_from(o.url));
	/* The client would only say that it cannot connect. */
	if (o.creds_file && access(o.creds_file, R_OK) != 0)
		return err_field(err, STATUS_INVALID, "--creds", "cannot read %.200s: %s", o.creds_file, strerror(errno));
	enum status s = bus_open(&o, &c->bus, err);
	if (s == STATUS_OK)
		return s;
	if (s == STATUS_INVALID)
		return s;
	if (s == STATUS_UNAUTHORIZED || s == STATUS_FORBIDDEN)
		return err_set(err, s,
		               "NATS at %s refuses these credentials: set NATS_URL with user and password, or NATS_CREDS",
		               c->nats_shown);
	return err_set(err, STATUS_UNAVAILABLE, "cannot reach NATS at %s: start the stack with `make up`, or set NATS_URL",
	               c->nats_shown);
}

enum status cli_ask(struct cli *c, const char *program, const char *what, struct span body, struct buf *reply, struct err *err)
{
	char subject[128];
	int timeout_ms = cli_timeout_ms(c);
	if (cli_connect(c, err) != STATUS_OK)
		return err->status;
	snprintf(subject, sizeof subject, "gannet.%s.%s", c->global.tenant, what);
	struct bus_out m = {.subject = subject, .data = body};
	enum status s = bus_request(c->bus, &m, timeout_ms, reply, err);
	if (s == STATUS_UNAVAILABLE && !bus_is_connected(c->bus))
		return err_set(err, s, "lost the connection to NATS at %s: is it still running?", c->nats_shown);
	/* What the service itself says does not begin with the subject. */
	bool unheard = span_starts(span_from(err->msg), span_from(subject));
	if (s == STATUS_UNAVAILABLE && unheard)
		return err_set(err, s, "nobody answers %s: is %s running? `make up` starts the stack", subject,
		               program);
	if (s == STATUS_TIMEOUT && unheard)
		return err_set(err, s, "no answer to %s within %d ms; --timeout waits longer", subject, timeout_ms);
	return s;
}

enum status cli_ask_json(struct cli *c, const char *program, const char *what, struct span body, struct buf *reply,
                         struct json *ret, struct err *err)
{
	buf_reset(reply);
	enum status s = cli_ask(c, program, what, body, reply, err);
	return s == STATUS_OK ? json_parse(buf_span(reply), ret, err) : s;
}

enum status cli_request(struct cli *c, const char *verb, struct span body, struct buf *reply, struct err *err)
{
	char what[64];
	snprintf(what, sizeof what, "jobs.%s", verb);
	return cli_ask(c, "gannet-jobs", what, body, reply, err);
}

enum status cli_request_job(struct cli *c, const char *verb, struct span job_id, struct buf *reply, struct err *err)
{
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_text(&w, "job_id", job_id);
	json_end_object(&w);
	return cli_request(c, verb, buf_span(&body), reply, err);
}

enum status cli_job_id(const char *given, struct span *ret, struct err *err)
{
	struct span id = span_from(given);
	if (span_starts(id, SPAN("out-")))
		id = span_of(id.p + 4, id.n - 4);
	if (!id_is_job(id))
		return err_set(err, STATUS_INVALID, "'%.80s' is not a job id: 1 to %d of A-Z a-z 0-9 _ -", given, JOB_ID_MAX);
	*ret = id;
	return STATUS_OK;
}
