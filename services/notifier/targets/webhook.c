/* Findings posted to a URL of one's own, signed. */
#include <inttypes.h>
#include <stdio.h>

#include "auth/hmac.h"
#include "services/notifier/post.h"

/*
 * X-Gannet-Signature: v1=<hex HMAC-SHA-256 of "<X-Gannet-Timestamp>.<body>">. A receiver compares it, refuses old timestamps, and
 * takes a delivery once by Idempotency-Key: after a crash between the post and its record the same one comes again.
 */
static void sign(const struct target *t, struct span timestamp, struct span body, char out[72])
{
	scoped_buf input = {0};
	unsigned char mac[32];
	out[0] = 0;
	buf_printf(&input, "%.*s.", SPAN_ARG(timestamp));
	buf_addspan(&input, body);
	if (!t->secret || !auth_hmac(span_from(t->secret), buf_span(&input), mac))
		return;
	char *p = out + sprintf(out, "v1=");
	for (size_t i = 0; i < sizeof mac; i++)
		p += sprintf(p, "%02x", mac[i]);
}

static enum status check(const struct target *t, struct err *err)
{
	if (!t->secret)
		return err_field(err, STATUS_INVALID, "secret", "secret: is required, the name of a variable with a signing key");
	return post_check(t, err);
}

static void write_event(struct buf *body, const struct entry *e, const char *event)
{
	struct json_writer w = {.out = body};
	json_begin_object(&w);
	json_kv_cstr(&w, "event", event);
	json_kv_text(&w, "tenant", e->tenant);
	json_kv_text(&w, "entry", e->key);
	json_kv_cstr(&w, "severity", severity_names[e->severity]);
	json_kv_text(&w, "title", e->title);
	json_kv_text(&w, "body", e->body);
	json_key(&w, SPAN("findings"));
	json_begin_array(&w);
	for (size_t i = 0; i < e->members_n; i++)
		json_encode(&finding_table, e->members[i], &w);
	json_end_array(&w);
	json_end_object(&w);
}

static enum status tell(struct dealing *d, const struct entry *e, const char *event, struct err *err)
{
	scoped_buf body = {0};
	char timestamp[24], signature[72], key[128];
	write_event(&body, e, event);
	snprintf(timestamp, sizeof timestamp, "%" PRId64, clock_wall_ms(d->clock) / 1000);
	snprintf(key, sizeof key, "%.*s-%s-%s", SPAN_ARG(e->key), event, e->revision);
	sign(d->target, span_from(timestamp), buf_span(&body), signature);
	const struct http_header headers[] = {
	    {"x-gannet-event", span_from(event)},
	    {"x-gannet-timestamp", span_from(timestamp)},
	    {"x-gannet-signature", span_from(signature)},
	    {"idempotency-key", span_from(key)},
	};
	return post_json(d, headers, countof(headers), buf_span(&body), err);
}

static enum status open_entry(struct dealing *d, const struct entry *e, struct reference *ret, struct err *err)
{
	*ret = (struct reference){0};
	return tell(d, e, "opened", err);
}

static enum status update(struct dealing *d, const struct entry *e, bool worse, const struct reference *at, struct err *err)
{
	(void)worse, (void)at;
	return tell(d, e, "changed", err);
}

static enum status close_entry(struct dealing *d, const struct entry *e, bool closed, const struct reference *at,
                               struct err *err)
{
	(void)at;
	return tell(d, e, closed ? "resolved" : "reopened", err);
}

const struct target_kind target_kind_webhook = {
    .kind = "webhook",
    .summaries = true,
    .blind = true,
    .check = check,
    .open = open_entry,
    .update = update,
    .close = close_entry,
};
