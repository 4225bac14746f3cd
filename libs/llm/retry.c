/* When to try again, and what a failed call means. */
#include "llm/llm.h"
#include "llm/wire.h"

#include <time.h>

#define RETRY_AFTER_MAX_MS 3600000

/* A decimal number, with or without a fraction; -1 for anything else. Stops at a billion, beyond every limit here. */
static double decimal(struct span s)
{
	double v = 0, unit = 1;
	bool fraction = false;
	s = span_trim(s);
	if (!s.n || s.p[0] == '.')
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		if (fraction)
			v += (s.p[i] - '0') * (unit /= 10);
		else if (v < 1e9)
			v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

/* The three date forms of RFC 9110, 5.6.7; -1 for anything else. */
static int64_t http_date_ms(struct span s)
{
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
	                                    "%a %b %d %H:%M:%S %Y"};
	char text[64];
	if (!span_copy(span_trim(s), text, sizeof text))
		return -1;
	for (size_t i = 0; i < countof(forms); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		if (end && !*end)
			return (int64_t)timegm(&tm) * 1000;
	}
	return -1;
}

static int64_t within_limits(double ms)
{
	return ms < 0 ? 0 : ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : (int64_t)ms;
}

int64_t retry_after_parse(struct span after_ms, struct span after, int64_t now_wall_ms)
{
	double ms = decimal(after_ms);
	if (ms >= 0)
		return within_limits(ms);
	double seconds = decimal(after);
	if (seconds >= 0)
		return within_limits(seconds * 1000);
	int64_t date_ms = http_date_ms(after);
	return date_ms < 0 ? -1 : within_limits((double)(date_ms - now_wall_ms));
}

/* ---- failures */

void llm_failure_from_http(const char *provider, int http_status, struct span message, struct err *err)
{
	static const struct {
		int http;
		enum status status;
		bool retryable;
	} rows[] = {
	    {401, STATUS_PROVIDER, false},    {402, STATUS_PROVIDER, false},   {403, STATUS_PROVIDER, false},
	    {408, STATUS_TIMEOUT, true},      {409, STATUS_UNAVAILABLE, true}, {413, STATUS_TOO_LARGE, false},
	    {429, STATUS_RATE_LIMITED, true}, {500, STATUS_PROVIDER, true},    {502, STATUS_PROVIDER, true},
	    {503, STATUS_UNAVAILABLE, true},  {504, STATUS_TIMEOUT, true},     {529, STATUS_UNAVAILABLE, true},
	};
	enum status status = http_status >= 400 && http_status < 500 ? STATUS_UNPROCESSABLE : STATUS_PROVIDER;
	bool retryable = false;
	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].http == http_status) {
			status = rows[i].status;
			retryable = rows[i].retryable;
		}
	}
	char clean[LLM_MESSAGE_MAX + 1];
	struct span said = wire_message(message, clean);
	err_set(err, status, "%s answered HTTP %d%s%.*s", provider, http_status, said.n ? ": " : "", SPAN_ARG(said));
	err->retryable = retryable;
}

void llm_failure_from_transport(const struct http_response *r, const char *provider, struct err *err)
{
	char clean[LLM_MESSAGE_MAX + 1];
	struct span reason = wire_message(span_from(r->reason ? r->reason : "the call failed"), clean);
	bool retryable = true;
	enum status status = r->transport;
	switch (r->transport) {
	case STATUS_TIMEOUT:
	case STATUS_UNAVAILABLE:
		break;
	case STATUS_CANCELLED:
		retryable = false;
		break;
	default:
		/* An answer that is too large would be so again; one that broke off may come whole the next time. */
		retryable = r->transport != STATUS_TOO_LARGE;
		status = STATUS_PROVIDER;
	}
	err_set(err, status, "%s: %.*s", provider, SPAN_ARG(reason));
	err->retryable = retryable;
}
