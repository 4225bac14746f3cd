/* Posts JSON and reads the answer's status. */
#include "post.h"

#define POST_HEADERS_MAX 8
#define WAIT_MAX_MS (3600ll * 1000)

enum status post_check(const struct target *t, struct err *err)
{
	static const struct span local[] = {SPAN("http://127.0.0.1:"), SPAN("http://[::1]:"), SPAN("http://localhost:")};
	if (!t->is.url.p)
		return err_field(err, STATUS_INVALID, "url", "url: is required");
	if (span_starts(t->is.url, SPAN("https://")))
		return STATUS_OK;
	for (size_t i = 0; i < countof(local); i++)
		if (span_starts(t->is.url, local[i]))
			return STATUS_OK;
	return err_field(err, STATUS_INVALID, "url", "url: has to begin with https://, except on this machine");
}

static void on_answer(void *arg, const struct http_response *r)
{
	int64_t s;
	struct span after = http_response_header(r, "retry-after");
	if (after.p && span_i64(span_trim(after), &s) && s > 0)
		*(int64_t *)arg = s * 1000 < WAIT_MAX_MS ? s * 1000 : WAIT_MAX_MS;
}

enum status post_json(struct dealing *d, const struct http_header *headers, size_t n, struct span body, struct err *err)
{
	scoped_arena a = {0};
	struct http_header all[POST_HEADERS_MAX] = {{"content-type", SPAN("application/json")}};
	int64_t wait_ms = 0;
	int status = 0;
	if (n > POST_HEADERS_MAX - 1)
		return err_set(err, STATUS_INTERNAL, "too many headers");
	for (size_t i = 0; i < n; i++)
		all[i + 1] = headers[i];
	const struct http_request r = {.method = "POST",
	                               .url = arena_cstr(&a, d->target->is.url),
	                               .headers = all,
	                               .headers_n = n + 1,
	                               .body = body,
	                               .timeout_ms = TARGET_CALL_TIMEOUT_MS,
	                               .max_response_bytes = 65536,
	                               .done = on_answer,
	                               .arg = &wait_ms};
	if (http_fetch(&r, NULL, &status, err) != STATUS_OK)
		return err->status;
	if (status >= 200 && status < 300)
		return STATUS_OK;
	d->wait_ms = wait_ms;
	if (status == 429)
		return err_retry(err, STATUS_RATE_LIMITED, "%.*s answers 429", SPAN_ARG(d->target->is.name));
	if (status >= 500 || status == 408)
		return err_retry(err, STATUS_UNAVAILABLE, "%.*s answers %d", SPAN_ARG(d->target->is.name), status);
	return err_set(err, status_from_http(status), "%.*s answers %d", SPAN_ARG(d->target->is.name), status);
}
