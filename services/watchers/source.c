/* Asking over HTTP. */
#include "services/watchers/source.h"

#include "http/client.h"

enum status source_get(struct watch_run *r, const char *url, struct span token_env, struct json *ret, struct err *err)
{
	struct http_header headers[3] = {{"Accept", SPAN("application/json")}, {"User-Agent", SPAN("gannet-watchers")}};
	struct http_request q = {
	    .method = "GET", .url = url, .headers = headers, .headers_n = 1, .timeout_ms = SOURCE_TIMEOUT_MS};
	scoped_buf body = {0};
	struct span token;
	int http_status;
	if (token_env.n) {
		if (secret_read(arena_cstr(r->arena, token_env), r->arena, &token, err) != STATUS_OK)
			return err->status;
		headers[q.headers_n++] =
		    (struct http_header){"Authorization", arena_printf(r->arena, "Bearer %.*s", SPAN_ARG(token))};
	}
	if (http_fetch(&q, &body, &http_status, err) != STATUS_OK)
		return err->status;
	if (http_status / 100 != 2)
		return err_set(err, STATUS_PROVIDER, "%.200s answers %d", url, http_status);
	return json_parse(arena_dup(r->arena, buf_span(&body)), ret, err);
}

void source_url_encode(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		             c == '_' || c == '.' || c == '~';
		if (plain)
			buf_addc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}
