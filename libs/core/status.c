/* Names, HTTP numbers and construction of errors. */
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

static const struct {
	const char *code;
	int http;
} rows[] = {
#define X(name, code, http) [STATUS_##name] = {code, http},
    STATUS_LIST(X)
#undef X
};

const char *status_code(enum status s)
{
	return (size_t)s < countof(rows) ? rows[s].code : "internal";
}

int status_http(enum status s)
{
	return (size_t)s < countof(rows) ? rows[s].http : 500;
}

enum status status_from_http(int http)
{
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].http == http)
			return (enum status)i;
	if (http >= 200 && http < 300)
		return STATUS_OK;
	return http >= 400 && http < 500 ? STATUS_INVALID : STATUS_INTERNAL;
}

static void put(char *out, size_t out_bytes, const char *text)
{
	struct span s = utf8_cut(span_from(text), out_bytes - 1);
	memmove(out, s.p, s.n);
	out[s.n] = 0;
}

/* The new text is made aside: `field` and the arguments may be the old error's own. Cut text stays valid UTF-8. */
static enum status fill(struct err *e, enum status s, bool retryable, const char *field, const char *fmt, va_list ap)
{
	char msg[sizeof e->msg + 4] = "";
	vsnprintf(msg, sizeof msg, fmt, ap);
	put(e->field, sizeof e->field, field);
	put(e->msg, sizeof e->msg, msg);
	e->status = s;
	e->retryable = retryable;
	return s;
}

enum status err_set(struct err *e, enum status s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fill(e, s, false, "", fmt, ap);
	va_end(ap);
	return s;
}

enum status err_field(struct err *e, enum status s, const char *field, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fill(e, s, false, field, fmt, ap);
	va_end(ap);
	return s;
}

enum status err_retry(struct err *e, enum status s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fill(e, s, true, "", fmt, ap);
	va_end(ap);
	return s;
}
