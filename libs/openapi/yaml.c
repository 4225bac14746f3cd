/* Reads YAML by libyaml into a small tree and writes that as JSON. */
#include "openapi/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "core/arena.h"
#include "core/map.h"
#include "json/json.h"

struct node {
	enum { NODE_SCALAR, NODE_LIST, NODE_MAP } kind;
	struct span text; /* scalar */
	bool plain;
	size_t line, column;
	struct node **items; /* list; of a map key and value in turn */
	size_t n, cap;
};

struct reader {
	yaml_parser_t parser;
	struct arena a;
	struct map anchors;
	size_t nodes;
	struct err *err;
};

static enum status fail(struct reader *r, size_t line, size_t column, const char *what)
{
	return err_set(r->err, STATUS_INVALID, "YAML line %zu, column %zu: %s", line + 1, column + 1, what);
}

static enum status next(struct reader *r, yaml_event_t *e)
{
	if (yaml_parser_parse(&r->parser, e))
		return STATUS_OK;
	return fail(r, r->parser.problem_mark.line, r->parser.problem_mark.column,
	            r->parser.problem ? r->parser.problem : "not YAML");
}

static void add(struct reader *r, struct node *n, struct node *item)
{
	if (n->n == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 8;
		struct node **items = arena_alloc(&r->a, cap * sizeof *items);
		if (n->n)
			memcpy(items, n->items, n->n * sizeof *items);
		n->items = items;
		n->cap = cap;
	}
	n->items[n->n++] = item;
}

static struct node *new_node(struct reader *r, const yaml_event_t *e, const yaml_char_t *anchor)
{
	struct node *n = arena_new(&r->a, struct node);
	n->line = e->start_mark.line;
	n->column = e->start_mark.column;
	if (anchor)
		map_put(&r->anchors, span_from((const char *)anchor), n);
	r->nodes++;
	return n;
}

static enum status read_node(struct reader *r, yaml_event_t *e, size_t depth, struct node **ret);

static enum status read_items(struct reader *r, struct node *n, yaml_event_type_t end, size_t depth)
{
	for (;;) {
		yaml_event_t e;
		if (next(r, &e) != STATUS_OK)
			return r->err->status;
		bool over = e.type == end;
		struct node *item = NULL;
		enum status s = over ? STATUS_OK : read_node(r, &e, depth + 1, &item);
		yaml_event_delete(&e);
		if (over || s != STATUS_OK)
			return s;
		add(r, n, item);
	}
}

static enum status read_node(struct reader *r, yaml_event_t *e, size_t depth, struct node **ret)
{
	struct node *n;
	if (depth > YAML_DEPTH_MAX || r->nodes > YAML_NODES_MAX)
		return fail(r, e->start_mark.line, e->start_mark.column, "too deep or too large");
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		*ret = map_get(&r->anchors, span_from((const char *)e->data.alias.anchor));
		return *ret ? STATUS_OK : fail(r, e->start_mark.line, e->start_mark.column, "unknown anchor");
	case YAML_SCALAR_EVENT:
		n = *ret = new_node(r, e, e->data.scalar.anchor);
		n->text = arena_dup(&r->a, span_of(e->data.scalar.value, e->data.scalar.length));
		n->plain = e->data.scalar.plain_implicit && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		return STATUS_OK;
	case YAML_SEQUENCE_START_EVENT:
		n = *ret = new_node(r, e, e->data.sequence_start.anchor);
		n->kind = NODE_LIST;
		return read_items(r, n, YAML_SEQUENCE_END_EVENT, depth);
	case YAML_MAPPING_START_EVENT:
		n = *ret = new_node(r, e, e->data.mapping_start.anchor);
		n->kind = NODE_MAP;
		return read_items(r, n, YAML_MAPPING_END_EVENT, depth);
	default:
		return fail(r, e->start_mark.line, e->start_mark.column, "unexpected content");
	}
}

/* ---- writing */

struct writer {
	struct reader *r;
	struct json_writer w;
	size_t nodes;
};

static bool all_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* A number in JSON's own form, or a form of YAML's that differs only in a leading plus or zeros left out. */
static bool put_number(struct json_writer *w, struct span s)
{
	struct json v;
	struct err ignored;
	scoped_buf text = {0};
	struct span body = s;
	if (body.n && (*body.p == '+' || *body.p == '-'))
		body = span_of(body.p + 1, body.n - 1);
	if (!body.n || !((*body.p >= '0' && *body.p <= '9') || (*body.p == '.' && body.n > 1)))
		return false;
	if (span_starts(body, SPAN("0x")) || span_starts(body, SPAN("0o"))) {
		char *end;
		struct span digits = span_of(body.p + 2, body.n - 2);
		buf_addspan(&text, digits);
		long long number = strtoll(text.data ? text.data : "", &end, body.p[1] == 'x' ? 16 : 8);
		if (!digits.n || *end)
			return false;
		json_put_i64(w, *s.p == '-' ? -number : number);
		return true;
	}
	if (*s.p == '-')
		buf_addc(&text, '-');
	if (*body.p == '.')
		buf_addc(&text, '0');
	buf_addspan(&text, body);
	if (text.data[text.len - 1] == '.')
		buf_addc(&text, '0');
	if (json_parse(buf_span(&text), &v, &ignored) == STATUS_OK && v.type == JSON_NUMBER) {
		json_put(w, v);
		return true;
	}
	/* 007 is a number in YAML 1.2's core schema. */
	if (!all_digits(body))
		return false;
	char *end;
	json_put_i64(w, strtoll(text.data, &end, 10));
	return true;
}

static void put_scalar(struct json_writer *w, const struct node *n)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL}, *const falses[] = {"false", "False", "FALSE", NULL};
	for (int i = 0; n->plain && nulls[i]; i++)
		if (span_is(n->text, nulls[i])) {
			json_put_null(w);
			return;
		}
	for (int i = 0; n->plain && trues[i]; i++)
		if (span_is(n->text, trues[i]) || span_is(n->text, falses[i])) {
			json_put_bool(w, span_is(n->text, trues[i]));
			return;
		}
	if (!n->plain || !put_number(w, n->text))
		json_put_text(w, n->text);
}

static enum status write_node(struct writer *w, const struct node *n, size_t depth);

/* Own keys first: what is merged in from "<<" gives way. */
static enum status write_members(struct writer *w, const struct node *n, struct map *seen, size_t depth)
{
	if (depth > YAML_DEPTH_MAX)
		return fail(w->r, n->line, n->column, "too deep");
	for (size_t i = 0; i + 1 < n->n; i += 2) {
		const struct node *key = n->items[i];
		if (key->kind != NODE_SCALAR)
			return fail(w->r, key->line, key->column, "a key has to be a scalar");
		if (key->plain && span_is(key->text, "<<"))
			continue;
		if (map_has(seen, key->text)) {
			if (map_get(seen, key->text) == (void *)n)
				return fail(w->r, key->line, key->column, "a key is there twice");
			continue;
		}
		map_put(seen, key->text, (void *)n);
		json_key(&w->w, key->text);
		if (write_node(w, n->items[i + 1], depth + 1) != STATUS_OK)
			return w->r->err->status;
	}
	for (size_t i = 0; i + 1 < n->n; i += 2) {
		const struct node *key = n->items[i], *value = n->items[i + 1];
		if (!key->plain || !span_is(key->text, "<<"))
			continue;
		if (value->kind == NODE_MAP && write_members(w, value, seen, depth + 1) != STATUS_OK)
			return w->r->err->status;
		for (size_t j = 0; value->kind == NODE_LIST && j < value->n; j++)
			if (value->items[j]->kind == NODE_MAP && write_members(w, value->items[j], seen, depth + 1) != STATUS_OK)
				return w->r->err->status;
	}
	return STATUS_OK;
}

static enum status write_node(struct writer *w, const struct node *n, size_t depth)
{
	if (depth > YAML_DEPTH_MAX || ++w->nodes > YAML_NODES_MAX)
		return fail(w->r, n->line, n->column, "too deep or too large once its aliases are followed");
	enum status s = STATUS_OK;
	if (n->kind == NODE_SCALAR) {
		put_scalar(&w->w, n);
	} else if (n->kind == NODE_LIST) {
		json_begin_array(&w->w);
		for (size_t i = 0; s == STATUS_OK && i < n->n; i++)
			s = write_node(w, n->items[i], depth + 1);
		json_end_array(&w->w);
	} else {
		struct map seen = {0};
		json_begin_object(&w->w);
		s = write_members(w, n, &seen, depth);
		json_end_object(&w->w);
		map_free(&seen);
	}
	if (s == STATUS_OK && w->w.out->overflow)
		return fail(w->r, n->line, n->column, "too large once its aliases are followed");
	return s;
}

/* ---- the document */

static enum status read_document(struct reader *r, struct node **ret)
{
	yaml_event_t e;
	enum status s = STATUS_OK;
	*ret = NULL;
	for (bool over = false; !over && s == STATUS_OK;) {
		if (next(r, &e) != STATUS_OK)
			return r->err->status;
		switch (e.type) {
		case YAML_STREAM_END_EVENT:
			over = true;
			break;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (*ret)
				s = fail(r, e.start_mark.line, e.start_mark.column, "more than one document");
			break;
		default:
			s = read_node(r, &e, 0, ret);
			break;
		}
		yaml_event_delete(&e);
	}
	return s == STATUS_OK && !*ret ? fail(r, 0, 0, "no document") : s;
}

enum status yaml_to_json(struct span text, struct buf *out, struct err *err)
{
	struct reader r = {.err = err};
	struct node *root;
	if (!yaml_parser_initialize(&r.parser))
		return err_set(err, STATUS_INTERNAL, "no memory for YAML");
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	enum status s = read_document(&r, &root);
	if (s == STATUS_OK) {
		struct writer w = {.r = &r, .w = {.out = out}};
		s = write_node(&w, root, 0);
	}
	yaml_parser_delete(&r.parser);
	map_free(&r.anchors);
	arena_free(&r.a);
	return s;
}
