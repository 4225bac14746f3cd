/* Makes the one JSON object that a subject takes out of path, query and body. */
#include <stdio.h>
#include <strings.h>

#include "gateway.h"

static const struct json_field *field_of(const struct route *r, struct span name)
{
	for (size_t i = 0; r->request && i < r->request->n; i++)
		if (span_is(name, r->request->fields[i].name))
			return &r->request->fields[i];
	return NULL;
}

static bool is_param(const struct route *r, struct span name)
{
	struct span names[ROUTE_PARAMS_MAX];
	size_t n = route_params(r, names);
	for (size_t i = 0; i < n; i++)
		if (span_eq(names[i], name))
			return true;
	return false;
}

static bool is_fixed(const struct route *r, struct span name)
{
	if (r->caller && span_is(name, r->caller))
		return true;
	for (const char *const *f = r->fixed; f && *f; f += 2)
		if (span_is(name, *f))
			return true;
	return false;
}

static enum status unknown(const struct route *r, struct span name, const char *where, struct err *err)
{
	struct buf known = {.max_bytes = 200};
	for (size_t i = 0; r->request && i < r->request->n; i++) {
		struct span one = span_from(r->request->fields[i].name);
		if (!is_param(r, one) && !is_fixed(r, one))
			buf_printf(&known, "%s%s", known.len ? ", " : "", r->request->fields[i].name);
	}
	char field[64];
	span_copy(span_of(name.p, name.n < sizeof field - 1 ? name.n : sizeof field - 1), field, sizeof field);
	err_field(err, STATUS_INVALID, field, "%s \"%.60s\" is not known here; known: %s%s", where, field,
	          known.len ? known.data : "none", known.overflow ? ", …" : "");
	buf_free(&known);
	return err->status;
}

/* A text of the query as the JSON that the table's kind wants. */
static enum status put_pair(const struct json_field *f, struct span value, struct json_writer *w, struct err *err)
{
	int64_t number;
	struct json v;
	struct err bad;
	double real;
	switch (f->kind) {
	case JSON_KIND_I64:
	case JSON_KIND_OPT_I64:
		if (!span_i64(value, &number))
			return err_field(err, STATUS_INVALID, f->name, "%s: \"%.*s\" is no whole number", f->name,
			                 (int)(value.n < 60 ? value.n : 60), value.p);
		json_kv_i64(w, f->name, number);
		return STATUS_OK;
	case JSON_KIND_F64:
	case JSON_KIND_OPT_F64:
		if (json_parse(value, &v, &bad) != STATUS_OK || !json_f64(v, &real))
			return err_field(err, STATUS_INVALID, f->name, "%s is no number", f->name);
		json_kv_f64(w, f->name, real);
		return STATUS_OK;
	case JSON_KIND_BOOL:
	case JSON_KIND_OPT_BOOL:
		if (!span_is(value, "true") && !span_is(value, "false"))
			return err_field(err, STATUS_INVALID, f->name, "%s is neither true nor false", f->name);
		json_kv_bool(w, f->name, span_is(value, "true"));
		return STATUS_OK;
	case JSON_KIND_TEXT:
	case JSON_KIND_ENUM:
	case JSON_KIND_TIME:
		json_kv_text(w, f->name, value);
		return STATUS_OK;
	default:
		return err_field(err, STATUS_INVALID, f->name, "%s cannot be given in a query", f->name);
	}
}

static enum status put_query(struct call *c, struct json_writer *w, struct err *err)
{
	const struct route *r = c->match.route;
	for (size_t i = 0; i < c->target.pairs_n; i++) {
		struct span name = c->target.pairs[i].name;
		const struct json_field *f = field_of(r, name);
		if (r->takes_body || !f || is_param(r, name) || is_fixed(r, name))
			return unknown(r, name, "the parameter", err);
		for (size_t k = 0; k < i; k++)
			if (span_eq(c->target.pairs[k].name, name))
				return err_field(err, STATUS_INVALID, f->name, "%s is there more than once", f->name);
		if (r->scope == SCOPE_FILTER && !c->leads && span_is(name, "user_id") &&
		    !span_is(c->target.pairs[i].value, c->who.user))
			return err_field(err, STATUS_FORBIDDEN, "user_id", "only one's own may be asked for");
		if (r->scope == SCOPE_FILTER && !c->leads && span_is(name, "user_id"))
			continue; /* set below */
		if (put_pair(f, c->target.pairs[i].value, w, err) != STATUS_OK)
			return err->status;
	}
	return STATUS_OK;
}

static enum status parse_body(struct call *c, struct json *ret, struct err *err)
{
	struct span body = http_exchange_body(c->x), type = http_exchange_header(c->x, "Content-Type");
	if (!span_trim(body).n) {
		*ret = (struct json){SPAN("{}"), JSON_OBJECT};
		if (c->match.route->body_is_optional)
			return STATUS_OK;
		return err_field(err, STATUS_INVALID, "body", "a JSON object is needed as the body");
	}
	struct span media = type.p ? span_trim(span_cut(&type, ';')) : SPAN("application/json");
	if (!(media.n == 16 && strncasecmp(media.p, "application/json", 16) == 0))
		return err_field(err, STATUS_INVALID, "Content-Type", "the body is \"%.60s\", allowed is application/json",
		                 arena_cstr(&c->arena, media));
	if (json_parse(body, ret, err) != STATUS_OK) {
		err->status = STATUS_INVALID;
		memcpy(err->field, "body", sizeof "body");
		return err->status;
	}
	if (ret->type != JSON_OBJECT)
		return err_field(err, STATUS_INVALID, "body", "the body is JSON but no object");
	return STATUS_OK;
}

static bool names_author(const struct route *r, struct span name)
{
	return (r->scope == SCOPE_AUTHOR || r->scope == SCOPE_FILTER) && span_is(name, "user_id");
}

static enum status put_body(struct call *c, struct json_writer *w, bool *ret_author, struct err *err)
{
	const struct route *r = c->match.route;
	struct json doc, key, value;
	if (parse_body(c, &doc, err) != STATUS_OK)
		return err->status;
	for (const char *const *name = r->required; name && *name; name++)
		if (!json_member(doc, span_from(*name), &value) || value.type == JSON_NULL)
			return err_field(err, STATUS_INVALID, *name, "%s is missing", *name);
	for (struct json_iter it = json_iter(doc); json_next(&it, &key, &value);) {
		struct span name = json_text(key, &c->arena);
		if (!field_of(r, name) || is_param(r, name) || is_fixed(r, name))
			return unknown(r, name, "the member", err);
		if (names_author(r, name) && !c->leads && !json_text_is(value, span_from(c->who.user)))
			return err_field(err, STATUS_FORBIDDEN, "user_id", "only one's own name may be given");
		*ret_author |= names_author(r, name);
		json_key(w, name);
		json_put(w, value);
	}
	return STATUS_OK;
}

enum status call_request(struct call *c, struct err *err)
{
	const struct route *r = c->match.route;
	struct buf out = {.max_bytes = 2 * BODY_MAX_BYTES};
	struct json_writer w = {.out = &out};
	struct span names[ROUTE_PARAMS_MAX];
	bool author = false;
	if (!r->verb)
		return STATUS_OK;
	json_begin_object(&w);
	size_t n = route_params(r, names);
	for (size_t i = 0; i < n; i++) {
		json_key(&w, names[i]);
		json_put_text(&w, c->match.params[i]);
	}
	for (const char *const *f = r->fixed; f && *f; f += 2) {
		if (!f[1][0])
			continue;
		json_key(&w, span_from(f[0]));
		json_put(&w, (struct json){span_from(f[1]), JSON_STRING}); /* as it is written */
	}
	if (r->caller)
		json_kv_cstr(&w, r->caller, c->who.user);
	enum status s = put_query(c, &w, err);
	if (s == STATUS_OK && r->takes_body)
		s = put_body(c, &w, &author, err);
	else if (s == STATUS_OK && span_trim(http_exchange_body(c->x)).n)
		s = err_field(err, STATUS_INVALID, "body", "this takes no body");
	if (s == STATUS_OK && ((r->scope == SCOPE_AUTHOR && !author) || (r->scope == SCOPE_FILTER && !c->leads && !author)))
		json_kv_cstr(&w, "user_id", c->who.user);
	json_end_object(&w);
	if (s == STATUS_OK)
		c->body = arena_dup(&c->arena, buf_span(&out));
	buf_free(&out);
	return s;
}
