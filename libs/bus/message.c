/* Messages going out and coming in: publishing, headers, and requests with their answers. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/internal.h"
#include "core/id.h"

#define HEADER_STACK_BYTES 512

void bus_inbox(char out[BUS_INBOX_BYTES])
{
	char id[ID_BYTES];
	id_random(id);
	snprintf(out, BUS_INBOX_BYTES, "_INBOX.%s", id);
}

/*
 * A header with nothing in it is left out: nats.c before 3.9 reads the line after an empty value as its value. Line ends would smuggle in
 * other headers, a NUL would cut the value.
 */
static natsStatus set_header(natsMsg *msg, const struct bus_header *h, struct err *err)
{
	struct span v = h->value;
	if (!v.n)
		return NATS_OK;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '\r' || v.p[i] == '\n' || v.p[i] == 0) {
			err_field(err, STATUS_INVALID, h->name, "header %s: a line end or NUL at byte %zu", h->name, i);
			return NATS_INVALID_ARG;
		}
	char stack[HEADER_STACK_BYTES], *text = v.n < sizeof stack ? stack : malloc(v.n + 1);
	if (!text)
		abort();
	memcpy(text, v.p, v.n);
	text[v.n] = 0;
	natsStatus s = natsMsgHeader_Set(msg, h->name, text);
	if (text != stack)
		free(text);
	return s;
}

/*
 * A space or a line break in a subject would be read by the server as the protocol's own, up to another command: it must never leave.
 */
static enum status check_subject(const char *subject, struct err *err)
{
	const char *p = subject ? subject : "";
	bool token = false;
	for (; *p; p++) {
		bool good = (unsigned char)*p > ' ' && *p != 0x7f;
		if (!good || (*p == '.' && !token))
			break;
		token = *p != '.';
	}
	if (!*p && token)
		return STATUS_OK;
	return err_field(err, STATUS_INVALID, "subject", "subject \"%.80s\" is not tokens without blanks, joined by dots",
	                 subject ? subject : "");
}

enum status bus_message_new(const struct bus_out *m, const char *reply, natsMsg **ret, struct err *err)
{
	natsMsg *msg;
	if (check_subject(m->subject, err) != STATUS_OK)
		return err->status;
	if (m->data.n > INT32_MAX)
		return err_set(err, STATUS_TOO_LARGE, "%s: %zu bytes", m->subject, m->data.n);
	natsStatus s = natsMsg_Create(&msg, m->subject, reply ? reply : m->reply, m->data.n ? m->data.p : "", (int)m->data.n);
	if (s != NATS_OK)
		return bus_client_err(err, s, m->subject ? m->subject : "subject");
	err->status = STATUS_OK;
	for (size_t i = 0; i < m->headers_n && s == NATS_OK; i++)
		s = set_header(msg, &m->headers[i], err);
	if (s != NATS_OK) {
		natsMsg_Destroy(msg);
		return err->status ? err->status : bus_client_err(err, s, m->subject);
	}
	*ret = msg;
	return STATUS_OK;
}

struct bus_in bus_message_view(natsMsg *m)
{
	return (struct bus_in){.subject = span_from(natsMsg_GetSubject(m)),
	                       .reply = span_from(natsMsg_GetReply(m)),
	                       .data = span_of(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m)),
	                       .impl = m};
}

struct span bus_in_header(const struct bus_in *m, const char *name)
{
	const char *value = NULL;
	if (natsMsgHeader_Get(m->impl, name, &value) != NATS_OK)
		return (struct span){0};
	return span_from(value);
}

int bus_message_status(natsMsg *m)
{
	const char *value = NULL;
	if (natsMsg_GetDataLength(m) != 0 || natsMsgHeader_Get(m, "Status", &value) != NATS_OK)
		return 0;
	return atoi(value);
}

enum status bus_publish(struct bus *b, const struct bus_out *m, struct err *err)
{
	natsStatus s;
	if (check_subject(m->subject, err) != STATUS_OK)
		return err->status;
	if (!m->headers_n) { /* no copy of its own */
		s = m->reply ? natsConnection_PublishRequest(b->nc, m->subject, m->reply, m->data.p, (int)m->data.n)
		             : natsConnection_Publish(b->nc, m->subject, m->data.p, (int)m->data.n);
	} else {
		natsMsg *msg;
		if (bus_message_new(m, NULL, &msg, err) != STATUS_OK)
			return err->status;
		s = natsConnection_PublishMsg(b->nc, msg);
		natsMsg_Destroy(msg);
	}
	bus_sent(b);
	return s == NATS_OK ? STATUS_OK : bus_client_err(err, s, m->subject);
}

enum status bus_service_err(const struct bus_in *in, struct err *err)
{
	struct span code = bus_in_header(in, "Nats-Service-Error-Code");
	if (!code.p)
		return STATUS_OK;
	int64_t http = 0;
	struct span words = bus_in_header(in, "Nats-Service-Error");
	enum status s = span_i64(code, &http) && http >= 100 && http < 1000 ? status_from_http((int)http) : STATUS_INTERNAL;
	if (s == STATUS_OK)
		s = STATUS_INTERNAL;
	struct err e = {0};
	err_set(&e, s, "%.*s", SPAN_ARG(words));
	e.retryable = s == STATUS_RATE_LIMITED || s == STATUS_UNAVAILABLE || s == STATUS_TIMEOUT;
	struct json doc, field;
	struct err bad;
	if (json_parse(in->data, &doc, &bad) == STATUS_OK && json_pointer(doc, "/error/field", &field)) {
		scoped_arena a = {0};
		span_copy(json_text(field, &a), e.field, sizeof e.field);
	}
	*err = e;
	return s;
}

enum status bus_request(struct bus *b, const struct bus_out *m, int timeout_ms, struct buf *reply, struct err *err)
{
	natsMsg *msg, *answer = NULL;
	if (bus_message_new(m, NULL, &msg, err) != STATUS_OK)
		return err->status;
	natsStatus s = natsConnection_RequestMsg(&answer, b->nc, msg, timeout_ms);
	natsMsg_Destroy(msg);
	if (s != NATS_OK)
		return bus_client_err(err, s, m->subject);
	struct bus_in in = bus_message_view(answer);
	enum status st = bus_service_err(&in, err);
	if (st == STATUS_OK)
		buf_addspan(reply, in.data);
	natsMsg_Destroy(answer);
	if (st == STATUS_OK && reply->overflow)
		return err_set(err, STATUS_TOO_LARGE, "%s: the answer is larger than allowed", m->subject);
	return st;
}
