/* Requests to the JetStream API, in its own JSON: the same on every version of server and client. */
#include <stdio.h>

#include "bus/internal.h"

uint64_t bus_api_u64(struct json v, const char *pointer)
{
	struct json n;
	int64_t i = 0;
	return json_pointer(v, pointer, &n) && json_i64(n, &i) && i > 0 ? (uint64_t)i : 0;
}

static enum status classify(int code, int http, bool *ret_retryable)
{
	*ret_retryable = false;
	switch (code) {
	case BUS_API_STREAM_NOT_FOUND:
	case BUS_API_CONSUMER_NOT_FOUND:
	case BUS_API_SEQUENCE_NOT_FOUND:
	case BUS_API_NO_MESSAGE:
		return STATUS_NOT_FOUND;
	case BUS_API_STREAM_NAME_IN_USE:
	case BUS_API_CONSUMER_EXISTS:
	case BUS_API_WRONG_LAST_SEQUENCE:
	case BUS_API_WRONG_LAST_MSG_ID:
		return STATUS_CONFLICT;
	case BUS_API_MESSAGE_TOO_LARGE:
		return STATUS_TOO_LARGE;
	case BUS_API_NO_PEERS:
		/* The server calls it a bad request (400): it is a cluster that has not formed yet, or lost too many. */
		*ret_retryable = true;
		return STATUS_UNAVAILABLE;
	}
	*ret_retryable = http >= 500 || http == 429 || http == 408;
	return http >= 500 ? STATUS_UNAVAILABLE : status_from_http(http);
}

enum status bus_api_err(struct err *err, struct json error, const char *what, int *ret_code)
{
	scoped_arena a = {0};
	struct json words = {0};
	json_member(error, SPAN("description"), &words);
	struct span text = json_text(words, &a);
	int http = (int)bus_api_u64(error, "/code"), code = (int)bus_api_u64(error, "/err_code");
	bool retryable;
	enum status s = classify(code, http, &retryable);
	if (s == STATUS_OK)
		s = STATUS_INTERNAL;
	err_set(err, s, "%s: %.*s (%d)", what, SPAN_ARG(text), code);
	err->retryable = retryable;
	if (ret_code)
		*ret_code = code;
	return s;
}

enum status bus_api(struct bus *b, const char *subject, struct span body, struct buf *answer, struct json *ret,
                    int *ret_code, struct err *err)
{
	char full[512];
	if (snprintf(full, sizeof full, "$JS.API.%s", subject) >= (int)sizeof full)
		return err_set(err, STATUS_INVALID, "%.80s…: the name is too long", subject);
	*ret_code = 0;
	buf_reset(answer);
	if (bus_request(b, &(struct bus_out){.subject = full, .data = body}, BUS_API_MS, answer, err) != STATUS_OK)
		return err->status;
	struct json doc, error;
	if (json_parse(buf_span(answer), &doc, err) != STATUS_OK)
		return err->status;
	if (json_member(doc, SPAN("error"), &error))
		return bus_api_err(err, error, subject, ret_code);
	*ret = doc;
	return STATUS_OK;
}
