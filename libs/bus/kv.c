/* Buckets (ADR-8) and single stored messages, by direct reads. */
#include "bus/kv.h"

#include <stdio.h>

#include "bus/internal.h"
#include "bus/store.h"
#include "core/id.h"

#define KV_DEADLINE_MS 5000
#define SUBJECT_BYTES 512

static bool is_key(const char *key)
{
	size_t n = strspn(key, "-/_=.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	return n && !key[n] && key[0] != '.' && key[n - 1] != '.' && !strstr(key, "..");
}

static enum status subject_of(const char *bucket, const char *key, char out[SUBJECT_BYTES], struct err *err)
{
	if (!is_key(key))
		return err_field(err, STATUS_INVALID, "key",
		                 "key \"%.100s\" is not made of A-Z a-z 0-9 - / _ = and single dots inside", key);
	if (snprintf(out, SUBJECT_BYTES, "$KV.%s.%s", bucket, key) >= SUBJECT_BYTES)
		return err_field(err, STATUS_INVALID, "key", "key \"%.100s…\" is too long", key);
	return STATUS_OK;
}

static enum status store(struct bus *b, const struct bus_out *m, uint64_t *ret_revision, struct err *err)
{
	struct bus_stored stored;
	if (bus_store_wait(b, m, KV_DEADLINE_MS, &stored, err) != STATUS_OK)
		return err->status;
	if (ret_revision)
		*ret_revision = stored.sequence;
	return STATUS_OK;
}

enum status bus_kv_put(struct bus *b, const char *bucket, const char *key, struct span value, uint64_t *ret_revision,
                       struct err *err)
{
	char subject[SUBJECT_BYTES];
	if (subject_of(bucket, key, subject, err) != STATUS_OK)
		return err->status;
	return store(b, &(struct bus_out){.subject = subject, .data = value}, ret_revision, err);
}

enum status bus_kv_delete(struct bus *b, const char *bucket, const char *key, struct err *err)
{
	char subject[SUBJECT_BYTES];
	const struct bus_header h = {"KV-Operation", SPAN("DEL")};
	if (subject_of(bucket, key, subject, err) != STATUS_OK)
		return err->status;
	return store(b, &(struct bus_out){.subject = subject, .headers = &h, .headers_n = 1}, NULL, err);
}

static bool is_gone(const struct bus_in *m)
{
	struct span op = bus_in_header(m, "KV-Operation");
	return span_is(op, "DEL") || span_is(op, "PURGE");
}

/*
 * A key that was deleted has a last message too, whose sequence must be expected; and when an acknowledgement was lost,
 * our own write, sent again, meets itself: the message id tells.
 */
static enum status update_once(struct bus *b, const char *subject, struct span value, uint64_t expected, const char *id,
                               uint64_t *ret_revision, struct err *err)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)expected);
	const struct bus_header h[] = {{"Nats-Expected-Last-Subject-Sequence", span_of(digits, (size_t)n)},
	                               {"Nats-Msg-Id", span_from(id)}};
	return store(b, &(struct bus_out){.subject = subject, .data = value, .headers = h, .headers_n = countof(h)},
	             ret_revision, err);
}

enum status bus_kv_update(struct bus *b, const char *bucket, const char *key, struct span value, uint64_t revision,
                          uint64_t *ret_revision, struct err *err)
{
	char subject[SUBJECT_BYTES], stream[SUBJECT_BYTES], id[ID_BYTES];
	if (subject_of(bucket, key, subject, err) != STATUS_OK)
		return err->status;
	id_random(id);
	enum status s = update_once(b, subject, value, revision, id, ret_revision, err);
	if (s != STATUS_CONFLICT)
		return s;
	struct bus_stored_message last;
	struct err ignored;
	snprintf(stream, sizeof stream, "KV_%s", bucket);
	if (bus_get_last(b, stream, subject, &last, &ignored) != STATUS_OK)
		return s;
	bool ours = span_is(bus_in_header(&last.in, "Nats-Msg-Id"), id), gone = is_gone(&last.in);
	uint64_t sequence = last.sequence;
	bus_stored_message_free(&last);
	if (ours) {
		if (ret_revision)
			*ret_revision = sequence;
		return STATUS_OK;
	}
	return revision == 0 && gone ? update_once(b, subject, value, sequence, id, ret_revision, err) : s;
}

enum status bus_kv_get(struct bus *b, const char *bucket, const char *key, struct buf *value, uint64_t *ret_revision,
                       struct err *err)
{
	char subject[SUBJECT_BYTES], stream[SUBJECT_BYTES];
	if (subject_of(bucket, key, subject, err) != STATUS_OK)
		return err->status;
	snprintf(stream, sizeof stream, "KV_%s", bucket);
	struct bus_stored_message m;
	if (bus_get_last(b, stream, subject, &m, err) != STATUS_OK)
		return err->status;
	enum status s = is_gone(&m.in) ? err_set(err, STATUS_NOT_FOUND, "%s: no value", subject) : STATUS_OK;
	if (s == STATUS_OK) {
		buf_addspan(value, m.data);
		if (ret_revision)
			*ret_revision = m.sequence;
	}
	bus_stored_message_free(&m);
	return s;
}

/* Direct reads answer with the message itself; its place is in headers. */
enum status bus_direct_answer(natsMsg *answer, const char *subject, struct bus_stored_message *ret, struct err *err)
{
	struct bus_in in = bus_message_view(answer);
	int64_t sequence, stored_ms;
	int status = bus_message_status(answer);
	if (status) {
		struct span words = bus_in_header(&in, "Description");
		err_set(err, status_from_http(status), "%s: %.*s", subject, SPAN_ARG(words));
	} else if (!span_i64(bus_in_header(&in, "Nats-Sequence"), &sequence) ||
	           !rfc3339_parse(bus_in_header(&in, "Nats-Time-Stamp"), &stored_ms)) {
		err_set(err, STATUS_INTERNAL, "%s: the answer does not say its place", subject);
	} else {
		*ret = (struct bus_stored_message){.subject = bus_in_header(&in, "Nats-Subject"),
		                                   .data = in.data,
		                                   .sequence = (uint64_t)sequence,
		                                   .stored_ms = stored_ms,
		                                   .in = in};
		ret->in.subject = ret->subject;
		return STATUS_OK;
	}
	natsMsg_Destroy(answer);
	return err->status;
}

static enum status direct_get(struct bus *b, const char *subject, struct span body, struct bus_stored_message *ret,
                              struct err *err)
{
	natsMsg *request, *answer = NULL;
	if (bus_message_new(&(struct bus_out){.subject = subject, .data = body}, NULL, &request, err) != STATUS_OK)
		return err->status;
	natsStatus s = natsConnection_RequestMsg(&answer, b->nc, request, BUS_API_MS);
	natsMsg_Destroy(request);
	if (s != NATS_OK)
		return bus_client_err(err, s, subject);
	return bus_direct_answer(answer, subject, ret, err);
}

enum status bus_get_sequence(struct bus *b, const char *stream, uint64_t sequence, struct bus_stored_message *ret,
                             struct err *err)
{
	char subject[SUBJECT_BYTES], body[48];
	snprintf(subject, sizeof subject, "$JS.API.DIRECT.GET.%s", stream);
	int n = snprintf(body, sizeof body, "{\"seq\":%llu}", (unsigned long long)sequence);
	return direct_get(b, subject, span_of(body, (size_t)n), ret, err);
}

enum status bus_get_next(struct bus *b, const char *stream, uint64_t sequence, const char *filter,
                         struct bus_stored_message *ret, struct err *err)
{
	char subject[SUBJECT_BYTES];
	scoped_buf body = {0};
	snprintf(subject, sizeof subject, "$JS.API.DIRECT.GET.%s", stream);
	buf_printf(&body, "{\"seq\":%llu,\"next_by_subj\":", (unsigned long long)sequence);
	json_quote(&body, span_from(filter));
	buf_addc(&body, '}');
	return direct_get(b, subject, buf_span(&body), ret, err);
}

enum status bus_get_last(struct bus *b, const char *stream, const char *subject, struct bus_stored_message *ret,
                         struct err *err)
{
	char full[2 * SUBJECT_BYTES];
	if (snprintf(full, sizeof full, "$JS.API.DIRECT.GET.%s.%s", stream, subject) >= (int)sizeof full)
		return err_set(err, STATUS_INVALID, "subject \"%.100s…\" is too long", subject);
	return direct_get(b, full, (struct span){"", 0}, ret, err);
}

void bus_stored_message_free(struct bus_stored_message *m)
{
	natsMsg_Destroy(m->in.impl);
	*m = (struct bus_stored_message){0};
}

/*
 * Whether the message is gone or the server could not delete it, versions of the server tell in different words: a read
 * tells.
 */
enum status bus_delete_sequence(struct bus *b, const char *stream, uint64_t sequence, struct err *err)
{
	char subject[SUBJECT_BYTES], body[64];
	snprintf(subject, sizeof subject, "STREAM.MSG.DELETE.%s", stream);
	int n = snprintf(body, sizeof body, "{\"seq\":%llu,\"no_erase\":true}", (unsigned long long)sequence);
	scoped_buf answer = {0};
	struct json doc;
	int code;
	struct bus_stored_message m;
	struct err gone;
	if (bus_api(b, subject, span_of(body, (size_t)n), &answer, &doc, &code, err) == STATUS_OK)
		return STATUS_OK;
	if (!code)
		return err->status;
	if (bus_get_sequence(b, stream, sequence, &m, &gone) == STATUS_OK)
		bus_stored_message_free(&m);
	else if (gone.status == STATUS_NOT_FOUND)
		*err = gone;
	return err->status;
}
