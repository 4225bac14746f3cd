/* The OpenAPI document: written out of the route table, with the examples of the schemas in proto/. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway.h"

#define SCHEMA_MAX_BYTES ((size_t)1 << 20)

struct document {
	struct buf *out;
	const char *proto; /* folder */
	struct err *err;
};

static void line(struct document *d, int indent, const char *fmt, ...) printf_like(3, 4);
static void line(struct document *d, int indent, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_printf(d->out, "%*s%s\n", indent, "", text);
}

/* A JSON string is a YAML string, whatever is in it. */
static void text_line(struct document *d, int indent, const char *key, const char *text)
{
	buf_printf(d->out, "%*s%s: ", indent, "", key);
	json_quote(d->out, span_from(text));
	buf_addc(d->out, '\n');
}

static bool names(const char *const *list, const char *name, size_t step)
{
	for (; list && *list; list += step)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static bool is_param(const struct route *r, const char *name)
{
	struct span all[ROUTE_PARAMS_MAX];
	size_t n = route_params(r, all);
	for (size_t i = 0; i < n; i++)
		if (span_is(all[i], name))
			return true;
	return false;
}

static bool is_callers(const struct route *r, const struct json_field *f)
{
	return !is_param(r, f->name) && !names(r->fixed, f->name, 2) && !(r->caller && strcmp(r->caller, f->name) == 0);
}

static bool takes(const struct route *r, struct json member)
{
	for (size_t i = 0; i < r->request->n; i++)
		if (json_text_is(member, span_from(r->request->fields[i].name)))
			return is_callers(r, &r->request->fields[i]);
	return false;
}

/* JSON with a space after each comma and colon, as YAML wants it. `of`: only members that its callers may send. */
static void put_value(struct json v, const struct route *of, struct buf *out)
{
	struct json key, value;
	bool object = v.type == JSON_OBJECT, first = true;
	if (!object && v.type != JSON_ARRAY) {
		json_compact(v, out);
		return;
	}
	buf_addc(out, object ? '{' : '[');
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &value);) {
		if (of && !takes(of, key))
			continue;
		buf_adds(out, first ? "" : ", ");
		first = false;
		if (object) {
			json_compact(key, out);
			buf_adds(out, ": ");
		}
		put_value(value, NULL, out);
	}
	buf_addc(out, object ? '}' : ']');
}

static enum status read_schema(struct document *d, const char *title, struct buf *out)
{
	char path[512], *at;
	size_t n;
	snprintf(path, sizeof path, "%s/%s.json", d->proto, title);
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(d->err, STATUS_NOT_FOUND, "cannot read %s: %s", path, strerror(errno));
	out->max_bytes = SCHEMA_MAX_BYTES;
	while ((at = buf_reserve(out, 4096)) && (n = fread(at, 1, 4096, f)) > 0)
		buf_commit(out, n);
	fclose(f);
	return STATUS_OK;
}

/* The first of a schema's examples, on one line; nothing when it has none. JSON is YAML. */
static enum status example_line(struct document *d, int indent, const char *title, bool in_array, const struct route *of)
{
	scoped_buf text = {0};
	struct json doc, v;
	if (read_schema(d, title, &text) != STATUS_OK || json_parse(buf_span(&text), &doc, d->err) != STATUS_OK)
		return d->err->status;
	if (!json_pointer(doc, "/examples/0", &v))
		return STATUS_OK;
	buf_printf(d->out, "%*sexample: %s", indent, "", in_array ? "[" : "");
	put_value(v, of, d->out);
	buf_printf(d->out, "%s\n", in_array ? "]" : "");
	return STATUS_OK;
}

static bool has_members(const struct route *r)
{
	for (size_t i = 0; r->request && i < r->request->n; i++)
		if (is_callers(r, &r->request->fields[i]))
			return true;
	return false;
}

static void write_parameters(struct document *d, const struct route *r)
{
	struct span all[ROUTE_PARAMS_MAX];
	size_t n = route_params(r, all);
	bool query = !r->takes_body && has_members(r);
	if (n || query || r->parameters_n)
		line(d, 6, "parameters:");
	for (size_t i = 0; i < n; i++) {
		line(d, 8, "- name: %.*s", SPAN_ARG(all[i]));
		line(d, 10, "in: path");
		line(d, 10, "required: true");
		line(d, 10, "schema: {$ref: './%s.json#/properties/%.*s'}", r->request->title, SPAN_ARG(all[i]));
	}
	for (size_t i = 0; query && i < r->request->n; i++) {
		const struct json_field *f = &r->request->fields[i];
		if (!is_callers(r, f))
			continue;
		line(d, 8, "- name: %s", f->name);
		line(d, 10, "in: query");
		line(d, 10, "required: %s", f->required ? "true" : "false");
		line(d, 10, "schema: {$ref: './%s.json#/properties/%s'}", r->request->title, f->name);
	}
	for (size_t i = 0; i < r->parameters_n; i++) {
		const struct route_parameter *p = &r->parameters[i];
		line(d, 8, "- name: %s", p->name);
		line(d, 10, "in: %s", p->in);
		line(d, 10, "required: %s", p->required ? "true" : "false");
		text_line(d, 10, "description", p->description);
		line(d, 10, "schema: {type: string}");
		text_line(d, 10, "example", p->example);
	}
}

/* The members that the caller may send; each by reference to the request's own schema. */
static enum status write_body(struct document *d, const struct route *r)
{
	if (!r->takes_body || !has_members(r))
		return STATUS_OK;
	line(d, 6, "requestBody:");
	line(d, 8, "required: %s", r->body_is_optional ? "false" : "true");
	line(d, 8, "content:");
	line(d, 10, "application/json:");
	line(d, 12, "schema:");
	line(d, 14, "type: object");
	line(d, 14, "additionalProperties: false");
	line(d, 14, "properties:");
	bool required = false;
	for (size_t i = 0; i < r->request->n; i++) {
		const struct json_field *f = &r->request->fields[i];
		if (is_callers(r, f))
			line(d, 16, "%s: {$ref: './%s.json#/properties/%s'}", f->name, r->request->title, f->name);
	}
	for (size_t i = 0; i < r->request->n; i++) {
		const struct json_field *f = &r->request->fields[i];
		if (!is_callers(r, f) || !(f->required || names(r->required, f->name, 1)))
			continue;
		if (!required)
			line(d, 14, "required:");
		required = true;
		line(d, 16, "- %s", f->name);
	}
	return example_line(d, 12, r->request->title, false, r);
}

static const struct error_row {
	int status;
	const char *what, *message, *field;
} error_rows[] = {
    {400, "The request is not what the route takes.", "limit: 1000 not in [1, 500]", "limit"},
    {401, "There is no token, or it is not valid.", "the token has expired", "Authorization"},
    {403, "The token's role may not do this.", "this needs one of the roles admin, manager", "role"},
    {404, "There is no such thing, or not yet, or not for the caller.", "no job is called welcome-18", "job_id"},
    {409, "It is in a state in which this cannot be done.", "the job is running", "job_id"},
    {413, "The body is too large.", "the request body may have at most 1048576 bytes", "body"},
    {429, "Too many requests; Retry-After says when to come again.", "too many requests (limit: user); again in 2 s", ""},
    {503, "The broker or the service behind is away; Retry-After says when to come again.",
     "not connected to the broker", ""},
    {504, "The service behind did not answer in time.", "no answer in time", ""},
};

static bool route_has(const struct route *r, int status)
{
	static const int always[] = {400, 401, 403, 429, 503, 504, 0};
	for (const int *s = always; *s; s++)
		if (*s == status)
			return true;
	for (const int *s = r->errors; s && *s; s++)
		if (*s == status)
			return true;
	return status == 413 && r->takes_body && has_members(r);
}

static enum status write_responses(struct document *d, const struct route *r)
{
	enum status s = STATUS_OK;
	line(d, 6, "responses:");
	line(d, 8, "'%d':", r->success);
	text_line(d, 10, "description", r->summary);
	line(d, 10, "headers:");
	line(d, 12, "X-Request-Id: {$ref: '#/components/headers/requestId'}");
	line(d, 10, "content:");
	line(d, 12, "%s:", r->content_type ? r->content_type : "application/json");
	if (!r->reply) {
		line(d, 14, "schema: {type: string}");
	} else {
		line(d, 14, r->reply_is_array ? "schema: {type: array, items: {$ref: './%s.json'}}" : "schema: {$ref: './%s.json'}",
		     r->reply);
		s = example_line(d, 14, r->reply, r->reply_is_array, NULL);
	}
	for (size_t i = 0; i < countof(error_rows); i++)
		if (route_has(r, error_rows[i].status))
			line(d, 8, "'%d': {$ref: '#/components/responses/error%d'}", error_rows[i].status, error_rows[i].status);
	return s;
}

static enum status write_operation(struct document *d, const struct route_area *a, const struct route *r)
{
	buf_printf(d->out, "    ");
	for (const char *m = r->method; *m; m++)
		buf_addc(d->out, (char)tolower((unsigned char)*m));
	buf_adds(d->out, ":\n");
	line(d, 6, "operationId: %s", r->id);
	line(d, 6, "tags: [%s]", a->name);
	text_line(d, 6, "summary", r->summary);
	if (r->description)
		text_line(d, 6, "description", r->description);
	buf_printf(d->out, "      x-roles: [");
	for (const char *const *role = r->roles; *role; role++)
		buf_printf(d->out, "%s%s", role == r->roles ? "" : ", ", *role);
	buf_adds(d->out, "]\n");
	if (r->verb)
		line(d, 6, "x-subject: gannet.{tenant}.%s", r->verb);
	write_parameters(d, r);
	return write_body(d, r) == STATUS_OK ? write_responses(d, r) : d->err->status;
}

static bool is_first_of_path(size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(route_at(i)->path, route_at(at)->path) == 0)
			return false;
	return true;
}

static const struct route_area *area_of(size_t i)
{
	for (size_t a = 0; a < routes_n; a++) {
		if (i < routes[a]->n)
			return routes[a];
		i -= routes[a]->n;
	}
	return NULL;
}

static enum status write_paths(struct document *d)
{
	enum status s = STATUS_OK;
	line(d, 0, "paths:");
	for (size_t i = 0; route_at(i); i++) {
		if (!is_first_of_path(i))
			continue;
		line(d, 2, "%s:", route_at(i)->path);
		for (size_t k = i; s == STATUS_OK && route_at(k); k++)
			if (strcmp(route_at(k)->path, route_at(i)->path) == 0)
				s = write_operation(d, area_of(k), route_at(k));
	}
	return s;
}

static void write_components(struct document *d)
{
	line(d, 0, "components:");
	line(d, 2, "securitySchemes:");
	line(d, 4, "bearer:");
	line(d, 6, "type: http");
	line(d, 6, "scheme: bearer");
	line(d, 6, "bearerFormat: JWT");
	text_line(d, 6, "description",
	          "HS256, RS256, ES256 or EdDSA; claims sub, tenant, role or roles, exp, and aud and iss as configured.");
	line(d, 2, "headers:");
	line(d, 4, "requestId:");
	text_line(d, 6, "description", "The request's X-Request-Id, or one that was made up; it is in the logs.");
	line(d, 6, "schema: {type: string, maxLength: %d}", REQUEST_ID_MAX);
	line(d, 4, "retryAfter:");
	text_line(d, 6, "description", "Seconds after which the request may succeed.");
	line(d, 6, "schema: {type: integer, minimum: 1}");
	line(d, 4, "challenge:");
	text_line(d, 6, "description", "What kind of token is wanted, and what was wrong with the one that came.");
	line(d, 6, "schema: {type: string}");
	line(d, 2, "responses:");
	for (size_t i = 0; i < countof(error_rows); i++) {
		const struct error_row *e = &error_rows[i];
		line(d, 4, "error%d:", e->status);
		text_line(d, 6, "description", e->what);
		line(d, 6, "headers:");
		line(d, 8, "X-Request-Id: {$ref: '#/components/headers/requestId'}");
		if (e->status == 401 || e->status == 403)
			line(d, 8, "WWW-Authenticate: {$ref: '#/components/headers/challenge'}");
		if (e->status == 429 || e->status == 503)
			line(d, 8, "Retry-After: {$ref: '#/components/headers/retryAfter'}");
		line(d, 6, "content:");
		line(d, 8, "application/json:");
		line(d, 10, "schema: {$ref: './error.json'}");
		line(d, 10, "example: {\"error\": {\"code\": \"%s\", \"message\": \"%s\", \"field\": \"%s\"}}",
		     status_code(status_from_http(e->status)), e->message, e->field);
	}
}

enum status openapi_write(const char *proto_folder, struct buf *out, struct err *err)
{
	struct document d = {out, proto_folder, err};
	line(&d, 0, "# Gannet over HTTP; written by scripts/openapi out of the gateway's routes (services/gateway/routes).");
	line(&d, 0, "openapi: 3.1.0");
	line(&d, 0, "info:");
	line(&d, 2, "title: Gannet");
	line(&d, 2, "version: %s", GANNET_VERSION);
	text_line(&d, 2, "description",
	          "Jobs, reasoning and events over HTTP. Every route asks a NATS subject (x-subject) with the caller's tenant; the "
	          "schemas are those of the messages. A slash at a path's end may be left out or added. HEAD works wherever GET does.");
	line(&d, 0, "servers:");
	line(&d, 2, "- url: http://127.0.0.1:8080");
	line(&d, 4, "description: The local stack; GANNET_HTTP_URL names another.");
	line(&d, 0, "security:");
	line(&d, 2, "- bearer: []");
	line(&d, 0, "tags:");
	for (size_t i = 0; i < routes_n; i++) {
		line(&d, 2, "- name: %s", routes[i]->name);
		text_line(&d, 4, "description", routes[i]->description);
	}
	enum status s = write_paths(&d);
	write_components(&d);
	return s;
}
