/* Makes calls out of a document and judges the answers. */
#include "services/watchers/contract_call.h"

#include <ctype.h>
#include <stdio.h>

#include "http/client.h"
#include "json/schema.h"
#include "services/watchers/source.h"

#define ITEMS_DEPTH_MAX 8
#define ANSWER_MAX ((size_t)4 << 20)

/* ---- values */

static struct span text_of_value(struct json v, struct arena *arena)
{
	return v.type == JSON_STRING ? json_text(v, arena) : arena_dup(arena, v.text);
}

static struct span made_up_text(struct span format, double min_length, struct arena *arena)
{
	static const struct {
		const char *format, *value;
	} known[] = {{"uuid", "00000000-0000-4000-8000-000000000000"},
	             {"date", "2026-01-02"},
	             {"date-time", "2026-01-02T03:04:05Z"},
	             {"time", "03:04:05Z"},
	             {"email", "somebody@example.com"},
	             {"uri", "https://example.com/"},
	             {"hostname", "example.com"},
	             {"ipv4", "192.0.2.1"},
	             {"ipv6", "2001:db8::1"}};
	for (size_t i = 0; i < countof(known); i++)
		if (span_is(format, known[i].format))
			return span_from(known[i].value);
	char *text = arena_alloc(arena, 64);
	size_t n = min_length > 1 && min_length < 60 ? (size_t)min_length : 1;
	memset(text, 'a', n);
	return span_of(text, n);
}

static bool simplest(struct api *a, struct json schema, int depth, struct arena *arena, struct span *ret)
{
	static const char *const given[] = {"example", "const", "default"};
	struct json v, list, key, type;
	double low;
	schema = api_follow(a, schema, NULL);
	for (size_t i = 0; i < countof(given); i++)
		if (json_member(schema, span_from(given[i]), &v)) {
			*ret = text_of_value(v, arena);
			return true;
		}
	if (json_member(schema, SPAN("examples"), &list) || json_member(schema, SPAN("enum"), &list)) {
		struct json_iter it = json_iter(list);
		if (json_next(&it, &key, &v)) {
			*ret = text_of_value(v, arena);
			return true;
		}
	}
	json_member(schema, SPAN("type"), &type);
	if (type.type == JSON_ARRAY) {
		struct json_iter it = json_iter(type);
		json_next(&it, &key, &type);
	}
	if (json_text_is(type, SPAN("integer")) || json_text_is(type, SPAN("number"))) {
		bool limited = json_member(schema, SPAN("minimum"), &v) && json_f64(v, &low);
		*ret = limited ? text_of_value(v, arena) : SPAN("1");
		return true;
	}
	if (json_text_is(type, SPAN("boolean"))) {
		*ret = SPAN("true");
		return true;
	}
	if (json_text_is(type, SPAN("array")))
		return depth < ITEMS_DEPTH_MAX && json_member(schema, SPAN("items"), &v) && simplest(a, v, depth + 1, arena, ret);
	if (json_member(schema, SPAN("pattern"), &v) || json_text_is(type, SPAN("object")))
		return false;
	struct span format = json_member(schema, SPAN("format"), &v) ? json_text(v, arena) : SPAN("");
	bool limited = json_member(schema, SPAN("minLength"), &v) && json_f64(v, &low);
	*ret = made_up_text(format, limited ? low : 1, arena);
	return true;
}

bool call_value(struct api *a, struct json schema, struct arena *arena, struct span *ret)
{
	return simplest(a, schema, 0, arena, ret);
}

static bool parameter_value(struct api *a, const struct contract_options *o, struct json p, struct span name,
                            struct arena *arena, struct span *ret)
{
	struct json v, key, example, schema;
	if (json_member(o->parameters, name, &v)) {
		*ret = json_text(v, arena);
		return true;
	}
	if (json_member(p, SPAN("example"), &v)) {
		*ret = text_of_value(v, arena);
		return true;
	}
	if (json_member(p, SPAN("examples"), &v)) {
		struct json_iter it = json_iter(v);
		if (json_next(&it, &key, &example) && json_member(api_follow(a, example, NULL), SPAN("value"), &v)) {
			*ret = text_of_value(v, arena);
			return true;
		}
	}
	return json_member(p, SPAN("schema"), &schema) && call_value(a, schema, arena, ret);
}

static struct span member_text(struct json v, const char *name, struct arena *arena)
{
	struct json m;
	return json_member(v, span_from(name), &m) ? json_text(m, arena) : SPAN("");
}

static bool member_flag(struct json v, const char *name)
{
	struct json m;
	bool flag = false;
	return json_member(v, span_from(name), &m) && json_bool(m, &flag) && flag;
}

bool call_target(struct api *a, const struct contract_options *o, const struct api_operation *op, struct arena *arena,
                 struct span *ret, struct span *ret_missing)
{
	scoped_buf path = {0}, query = {0};
	struct json *parameters;
	struct span value, path_left = op->path;
	size_t n = api_parameters(a, op, &parameters);
	while (path_left.n) {
		struct span before = span_cut(&path_left, '{');
		buf_addspan(&path, before);
		if (!path_left.p)
			break;
		struct span name = span_cut(&path_left, '}');
		struct json p = {0};
		for (size_t i = 0; i < n; i++)
			if (span_eq(member_text(parameters[i], "name", arena), name) && span_is(member_text(parameters[i], "in", arena), "path"))
				p = parameters[i];
		*ret_missing = name;
		if (!parameter_value(a, o, p, name, arena, &value))
			return false;
		source_url_encode(&path, value);
	}
	for (size_t i = 0; i < n; i++) {
		struct span name = member_text(parameters[i], "name", arena), in = member_text(parameters[i], "in", arena);
		if (!member_flag(parameters[i], "required") || span_is(in, "path"))
			continue;
		*ret_missing = name;
		if (!span_is(in, "query") || !parameter_value(a, o, parameters[i], name, arena, &value))
			return false; /* needed headers and cookies are not made up */
		buf_addc(&query, query.len ? '&' : '?');
		source_url_encode(&query, name);
		buf_addc(&query, '=');
		source_url_encode(&query, value);
	}
	buf_addspan(&path, buf_span(&query));
	*ret = arena_dup(arena, buf_span(&path));
	return true;
}

/* ---- the call */

struct hearing {
	struct answer *answer;
	const struct span *wanted;
	size_t wanted_n;
	struct arena *arena;
};

static void on_answer(void *arg, const struct http_response *r)
{
	struct hearing *h = arg;
	struct span type = http_response_header(r, "content-type");
	if (type.p)
		h->answer->content_type = arena_dup(h->arena, span_trim(span_cut(&type, ';')));
	h->answer->allow = arena_dup(h->arena, http_response_header(r, "allow"));
	for (size_t i = 0; i < h->wanted_n; i++) {
		struct span value = http_response_header(r, arena_cstr(h->arena, h->wanted[i]));
		if (!value.p)
			continue;
		h->answer->names[h->answer->headers_n] = h->wanted[i];
		h->answer->values[h->answer->headers_n++] = arena_dup(h->arena, value);
	}
}

enum status call_send(struct watch_run *r, const struct contract_options *o, const char *method, struct span target,
                      const struct span *wanted, size_t wanted_n, struct answer *ret, struct err *err)
{
	struct http_header headers[3] = {{"accept", SPAN("application/json, */*;q=0.5")}, {"user-agent", SPAN("gannet-watchers")}};
	struct hearing h = {ret, wanted, wanted_n, r->arena};
	struct span base = o->server, token;
	scoped_buf body = {.max_bytes = ANSWER_MAX};
	*ret = (struct answer){0};
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	struct http_request q = {.method = method,
	                         .url = arena_printf(r->arena, "%.*s%.*s", SPAN_ARG(base), SPAN_ARG(target)).p,
	                         .headers = headers,
	                         .headers_n = 2,
	                         .timeout_ms = o->timeout_ms.set ? o->timeout_ms.v : CONTRACT_TIMEOUT_DEFAULT_MS,
	                         .max_response_bytes = ANSWER_MAX,
	                         .done = on_answer,
	                         .arg = &h};
	if (o->token_env.n) {
		bool bearer = !o->auth_header.n;
		if (secret_read(arena_cstr(r->arena, o->token_env), r->arena, &token, err) != STATUS_OK)
			return err->status;
		headers[q.headers_n++] =
		    (struct http_header){bearer ? "authorization" : arena_cstr(r->arena, o->auth_header),
		                         bearer ? arena_printf(r->arena, "Bearer %.*s", SPAN_ARG(token)) : token};
	}
	if (http_fetch(&q, &body, &ret->status, err) != STATUS_OK)
		return err->status;
	ret->body = arena_dup(r->arena, buf_span(&body));
	return STATUS_OK;
}

/* ---- judging */

bool call_documents(struct api *a, const struct api_operation *op, int status, struct json *ret_response)
{
	char exact[16], class[16];
	struct json responses;
	snprintf(exact, sizeof exact, "%d", status);
	snprintf(class, sizeof class, "%dXX", status / 100);
	json_member(op->operation, SPAN("responses"), &responses);
	const char *const names[] = {exact, class, "default"};
	for (size_t i = 0; i < countof(names); i++)
		if (json_member(responses, span_from(names[i]), ret_response)) {
			*ret_response = api_follow(a, *ret_response, NULL);
			return true;
		}
	*ret_response = (struct json){0};
	return false;
}

size_t call_headers(struct api *a, const struct api_operation *op, struct arena *arena, struct span out[32])
{
	struct json responses, headers, status, response, name, header;
	size_t n = 0;
	json_member(op->operation, SPAN("responses"), &responses);
	for (struct json_iter i = json_iter(responses); json_next(&i, &status, &response);) {
		json_member(api_follow(a, response, NULL), SPAN("headers"), &headers);
		for (struct json_iter j = json_iter(headers); n < 32 && json_next(&j, &name, &header);) {
			struct span text = json_text(name, arena);
			bool known = false;
			for (size_t k = 0; k < n; k++)
				known |= span_eq(out[k], text);
			if (text.p && !known)
				out[n++] = text;
		}
	}
	return n;
}

static enum status check_value(struct api *a, struct json schema, struct span text, bool is_json, struct arena *arena,
                               const char **ret_what, const char *bad, struct err *err)
{
	scoped_buf written = {0};
	struct json_schema *s;
	struct json v;
	struct err why = {0};
	api_schema(a, schema, true, &written);
	if (json_schema_new(buf_span(&written), &s, &why) != STATUS_OK) {
		*ret_what = "unchecked";
		return STATUS_OK;
	}
	enum status status = json_parse(text, &v, &why);
	bool taken = status == STATUS_OK && json_schema_check(s, v, &why) == STATUS_OK;
	if (!taken && !is_json) { /* a header's text may be meant as text, whatever it looks like */
		scoped_buf quoted = {0};
		struct err ignored;
		json_quote(&quoted, text);
		taken = json_parse(arena_dup(arena, buf_span(&quoted)), &v, &ignored) == STATUS_OK &&
		        json_schema_check(s, v, &ignored) == STATUS_OK;
	}
	json_schema_free(s);
	if (taken)
		return STATUS_OK;
	*ret_what = bad;
	return err_field(err, STATUS_INVALID, why.field, "%s%s%.250s", why.field, *why.field ? ": " : "", why.msg);
}

static bool same_type(struct span documented, struct span sent)
{
	struct span want = span_trim(span_cut(&documented, ';'));
	if (want.n && want.p[want.n - 1] == '*') { /* application/… or all */
		want.n -= 1;
		return want.n < 2 || (sent.n >= want.n && strncasecmp(want.p, sent.p, want.n) == 0);
	}
	return want.n == sent.n && strncasecmp(want.p, sent.p, want.n) == 0;
}

static enum status check_headers(struct api *a, struct json response, const struct answer *answer, struct arena *arena,
                                 const char **ret_what, struct err *err)
{
	struct json headers, name, header, schema;
	json_member(response, SPAN("headers"), &headers);
	for (struct json_iter it = json_iter(headers); json_next(&it, &name, &header);) {
		struct span text = json_text(name, arena), value = {0};
		header = api_follow(a, header, NULL);
		for (size_t i = 0; i < answer->headers_n; i++)
			if (span_eq(answer->names[i], text))
				value = answer->values[i];
		if (!value.p && member_flag(header, "required")) {
			*ret_what = "header_missing";
			return err_set(err, STATUS_INVALID, "the required header %.*s is missing", SPAN_ARG(text));
		}
		if (value.p && json_member(header, SPAN("schema"), &schema) &&
		    check_value(a, schema, value, false, arena, ret_what, "header_invalid", err) != STATUS_OK) {
			struct err why = *err;
			return err_set(err, STATUS_INVALID, "header %.*s: %.200s", SPAN_ARG(text), why.msg);
		}
	}
	return STATUS_OK;
}

static bool is_json_type(struct span type)
{
	return same_type(SPAN("application/json"), type) ||
	       (type.n > 5 && strncasecmp(type.p + type.n - 5, "+json", 5) == 0);
}

enum status call_check(struct api *a, const struct api_operation *op, const struct answer *answer, struct arena *arena,
                       const char **ret_what, struct err *err)
{
	struct json response, content, key, media, schema;
	*ret_what = "";
	if (!call_documents(a, op, answer->status, &response)) {
		*ret_what = "status_undocumented";
		return err_set(err, STATUS_INVALID, "the status %d is not documented", answer->status);
	}
	if (check_headers(a, response, answer, arena, ret_what, err) != STATUS_OK)
		return err->status;
	json_member(response, SPAN("content"), &content);
	if (!json_count(content) || !answer->body.n)
		return STATUS_OK;
	for (struct json_iter it = json_iter(content); json_next(&it, &key, &media);) {
		if (!same_type(json_text(key, arena), answer->content_type.p ? answer->content_type : SPAN("")))
			continue;
		if (!is_json_type(answer->content_type) || !json_member(media, SPAN("schema"), &schema))
			return STATUS_OK;
		return check_value(a, schema, answer->body, true, arena, ret_what, "body_invalid", err);
	}
	*ret_what = "content_type_undocumented";
	return err_set(err, STATUS_INVALID, "the content type %.*s is not documented",
	               SPAN_ARG(answer->content_type.p ? answer->content_type : SPAN("(none)")));
}
