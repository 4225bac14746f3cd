/* Turns a request into options of an easy handle, and hands the answer's bytes on as curl delivers them. */
#include <strings.h>

#include "http/address.h"
#include "http/call.h"

#define RECEIVE_BUFFER_BYTES 4096L /* one per handle, of which there may be thousands; many answers fit */

void call_fail(struct http_call *c, enum status status, const char *reason)
{
	if (c->failed == STATUS_OK) {
		c->failed = status;
		c->reason = reason;
	}
}

/* ---- callbacks of curl: calls must be neither added nor removed inside them */

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *c = arg;
	(void)purpose;
	if (c->client->forbid_link_local && address_is_link_local(&address->addr)) {
		c->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket_open(&c->client->sockets, address);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	n *= size;
	long http_status = 0;
	if (c->data)
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &http_status);
	bool streamed = c->data && http_status >= 200 && http_status < 300;
	if (n > c->body_max - (streamed ? c->streamed : c->body.len)) {
		call_fail(c, STATUS_TOO_LARGE, "the answer is larger than allowed");
		return CURL_WRITEFUNC_ERROR;
	}
	if (!streamed) {
		buf_add(&c->body, bytes, n);
		return n;
	}
	c->streamed += n;
	if (!c->data(c->arg, span_of(bytes, n)))
		call_fail(c, STATUS_CANCELLED, "cancelled while the answer was read");
	return c->failed == STATUS_OK ? n : CURL_WRITEFUNC_ERROR;
}

/* ---- from a request to an easy handle */

CURL *call_new_easy(struct http_call *c)
{
	struct http_client *client = c->client;
	CURL *e = curl_easy_init();
	if (!e)
		return NULL;
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, &client->sockets);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_USERAGENT, client->user_agent);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	if (client->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, client->ca_file);
	return e;
}

/* Every option that differs from call to call is set for each, so that a pooled handle needs no reset. */
static void set_method(CURL *e, const struct http_request *r)
{
	bool with_body = r->body.p || strcmp(r->method, "POST") == 0;
	if (with_body) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.p ? r->body.p : "");
	} else {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	}
	if (strcmp(r->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	bool implied = strcmp(r->method, "HEAD") == 0 || strcmp(r->method, with_body ? "POST" : "GET") == 0;
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, implied ? NULL : r->method);
}

/* Adds one header line; a line without a value ("Name:") tells curl not to send that header of its own. */
static void add_line(struct http_call *c, size_t *n, size_t at[], const char *name, const char *separator,
                     struct span value)
{
	at[(*n)++] = c->head.len;
	buf_adds(&c->head, name);
	buf_adds(&c->head, separator);
	buf_addspan(&c->head, value);
	buf_addc(&c->head, 0);
}

static void set_headers(struct http_call *c, const struct http_request *r)
{
	size_t at[CALL_LINES_MAX], n = 0;
	bool typed = false;
	buf_reset(&c->head);
	for (size_t i = 0; i < r->headers_n; i++) {
		const struct http_header *h = &r->headers[i];
		typed |= strcasecmp(h->name, "Content-Type") == 0;
		add_line(c, &n, at, h->name, h->value.n ? ": " : ";", h->value);
	}
	/* curl would wait up to a second for 100 Continue before a large body, and call every body a web form. */
	add_line(c, &n, at, "Expect", ":", SPAN(""));
	if (!typed)
		add_line(c, &n, at, "Content-Type", ":", SPAN(""));
	for (size_t i = 0; i < n; i++)
		c->lines[i] = (struct curl_slist){c->head.data + at[i], i + 1 < n ? &c->lines[i + 1] : NULL};
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->lines);
}

void call_set_options(struct http_call *c, const struct http_request *r)
{
	CURL *e = c->easy;
	bool tls = strncasecmp(r->url, "https:", 6) == 0;
	curl_easy_setopt(e, CURLOPT_URL, r->url);
	set_method(e, r);
	set_headers(c, r);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
	/* Rather wait for the first connection to say whether it takes several calls than open one for each. */
	curl_easy_setopt(e, CURLOPT_PIPEWAIT, (long)tls);
}

static bool is_token(const char *s)
{
	return *s && s[strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == 0;
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Header values are secrets: errors name the header only. */
enum status call_check_request(const struct http_request *r, struct err *err)
{
	if (!r->method || !is_token(r->method))
		return err_field(err, STATUS_INVALID, "method", "an HTTP method is one word, such as GET or POST");
	if (!r->url || (strncasecmp(r->url, "http://", 7) != 0 && strncasecmp(r->url, "https://", 8) != 0))
		return err_field(err, STATUS_INVALID, "url", "the URL must begin with http:// or https://");
	if (has_control(span_from(r->url)) || strchr(r->url, ' '))
		return err_field(err, STATUS_INVALID, "url", "the URL contains a space or control character");
	if (r->headers_n > HTTP_HEADERS_MAX)
		return err_field(err, STATUS_INVALID, "headers", "%zu headers, at most %d are allowed", r->headers_n,
		                 HTTP_HEADERS_MAX);
	for (size_t i = 0; i < r->headers_n; i++) {
		if (!is_token(r->headers[i].name))
			return err_field(err, STATUS_INVALID, "headers", "header %zu has no valid name", i + 1);
		if (has_control(r->headers[i].value))
			return err_field(err, STATUS_INVALID, "headers", "the value of header %s contains a control character",
			                 r->headers[i].name);
	}
	if (r->timeout_ms < 0 || r->timeout_ms > INT32_MAX)
		return err_field(err, STATUS_INVALID, "timeout_ms", "%lld not in [0, %d]", (long long)r->timeout_ms, INT32_MAX);
	return STATUS_OK;
}
