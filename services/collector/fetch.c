/* One GET on a connection of its own, limited in time and size, that follows no redirects. */
#include "services/collector/fetch.h"

#include <strings.h>

#include "contract/check.h"
#include "http/client.h"

struct fetch {
	const char *url;
	struct http_header headers[FETCH_HEADERS_MAX + 1];
	size_t headers_n;
};

const char *fetch_check_headers(struct json v)
{
	return json_count(v) > FETCH_HEADERS_MAX || check_strings(v) ? "an object of up to 8 strings" : NULL;
}

/* What a header may be called (RFC 9110), but for those that the client writes itself. */
static enum status check_header_name(struct span name, struct err *err)
{
	bool fine = name.n >= 1 && name.n <= 64;
	for (size_t i = 0; fine && i < name.n; i++)
		fine = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", name.p[i]) && name.p[i];
	if (fine)
		return STATUS_OK;
	return err_field(err, STATUS_INVALID, "headers", "headers: \"%.*s\" is not 1 to 64 of A-Z a-z 0-9 - _",
	                 (int)(name.n < 64 ? name.n : 64), name.p);
}

static enum status add_headers(struct fetch *f, struct json headers, struct arena *a, struct err *err)
{
	struct json key, v;
	for (struct json_iter it = json_iter(headers); json_next(&it, &key, &v);) {
		const char *value;
		struct span name = json_text(key, a);
		if (check_header_name(name, err) != STATUS_OK ||
		    source_expand("headers", json_text(v, a), a, &value, err) != STATUS_OK)
			return err->status;
		if (strpbrk(value, "\r\n"))
			return err_field(err, STATUS_INVALID, "headers", "headers: the value of %.*s holds a line end",
			                 SPAN_ARG(name));
		f->headers[f->headers_n++] = (struct http_header){arena_cstr(a, name), span_from(value)};
	}
	return STATUS_OK;
}

enum status fetch_new(const struct fetch_row *row, const char *accept, struct arena *a, struct fetch **ret,
                      struct err *err)
{
	struct fetch *f = arena_new(a, struct fetch);
	f->headers[f->headers_n++] = (struct http_header){"Accept", span_from(accept)};
	if (source_expand("url", row->url, a, &f->url, err) != STATUS_OK ||
	    add_headers(f, row->headers, a, err) != STATUS_OK)
		return err->status;
	if (strncasecmp(f->url, "http://", 7) != 0 && strncasecmp(f->url, "https://", 8) != 0)
		return err_field(err, STATUS_INVALID, "url", "url: begins neither with http:// nor with https://");
	*ret = f;
	return STATUS_OK;
}

enum status fetch_get(const struct fetch *f, struct reading *r, struct buf *body, struct err *err)
{
	int code = 0;
	const struct http_request request = {
	    .method = "GET",
	    .url = f->url,
	    .headers = f->headers,
	    .headers_n = f->headers_n,
	    .timeout_ms = r->source->deadline_ms,
	    .max_response_bytes = SOURCE_ANSWER_MAX,
	};
	enum status status = http_fetch(&request, body, &code, err);
	if (status == STATUS_OK && code != 200) {
		reading_fail(r, code / 100 == 3 ? "HTTP %d: redirects are not followed" : "HTTP %d", code);
		status = err_retry(err, STATUS_PROVIDER, "HTTP %d", code);
	}
	return status;
}
