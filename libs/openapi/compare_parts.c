/* Compares parameters, bodies, responses and security of two operations. */
#include <stdio.h>

#include "openapi/compare.h"

static struct span absent(void)
{
	return (struct span){0};
}

static void other(struct compare *c, enum other_rule_name name, struct span subject, struct span before, struct span after)
{
	note(c, rule_of_other(name), subject, before, after);
}

void compare_members(struct compare *c, struct json before, struct json after,
                     void (*removed)(struct compare *c, struct span name, struct json before, void *arg),
                     void (*added)(struct compare *c, struct span name, struct json after, void *arg),
                     void (*both)(struct compare *c, struct span name, struct json before, struct json after, void *arg),
                     void *arg)
{
	struct json key, v, twin;
	for (struct json_iter it = json_iter(before); before.type == JSON_OBJECT && json_next(&it, &key, &v);) {
		struct span name = json_text(key, &c->base->arena);
		if (!json_member(after, name, &twin))
			removed(c, name, api_follow(c->base, v, NULL), arg);
		else if (both)
			both(c, name, api_follow(c->base, v, NULL), api_follow(c->revision, twin, NULL), arg);
	}
	for (struct json_iter it = json_iter(after); after.type == JSON_OBJECT && json_next(&it, &key, &v);) {
		struct span name = json_text(key, &c->revision->arena);
		if (!json_member(before, name, &twin))
			added(c, name, api_follow(c->revision, v, NULL), arg);
	}
}

/* For members of which only coming and going matters: `arg` is the two rules. */
static void simply_removed(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)v;
	other(c, ((const enum other_rule_name *)arg)[0], name, absent(), absent());
}

static void simply_added(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)v;
	other(c, ((const enum other_rule_name *)arg)[1], name, absent(), absent());
}

/* ---- bodies of either direction */

struct contents {
	enum schema_side side;
	enum other_rule_name removed, added;
};

static void content_removed(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)v;
	other(c, ((struct contents *)arg)->removed, name, absent(), absent());
}

static void content_added(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)v;
	other(c, ((struct contents *)arg)->added, name, absent(), absent());
}

static void encoding_changed(struct compare *c, struct span name, struct json before, struct json after, void *arg)
{
	(void)arg;
	struct span was = api_text(c->base, before, "contentType"), is = api_text(c->revision, after, "contentType");
	if (was.p != is.p && !span_eq(was, is))
		other(c, OTHER_REQUEST_ENCODING, name, was, is);
}

static void ignore(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)c, (void)name, (void)v, (void)arg;
}

static void content_both(struct compare *c, struct span name, struct json before, struct json after, void *arg)
{
	const struct contents *contents = arg;
	struct json old, new;
	size_t length = place_enter(c, " %.*s ", SPAN_ARG(name));
	json_member(before, SPAN("schema"), &old);
	json_member(after, SPAN("schema"), &new);
	compare_schemas(c, contents->side, old, new);
	if (contents->side == SIDE_REQUEST)
		compare_members(c, api_member(c->base, before, "encoding"), api_member(c->revision, after, "encoding"), ignore, ignore,
		                encoding_changed, NULL);
	place_leave(c, length);
}

void compare_contents(struct compare *c, enum schema_side side, struct json before, struct json after,
                      enum other_rule_name removed, enum other_rule_name added)
{
	struct contents contents = {side, removed, added};
	compare_members(c, before, after, content_removed, content_added, content_both, &contents);
}

void compare_body(struct compare *c, struct json before, struct json after)
{
	bool had = before.type == JSON_OBJECT, has = after.type == JSON_OBJECT;
	bool needed = api_flag(before, "required"), needs = api_flag(after, "required");
	size_t length = place_enter(c, "request");
	if (had != has)
		other(c,
		      !has   ? OTHER_BODY_REMOVED
		      : needs ? OTHER_BODY_ADDED_REQUIRED
		              : OTHER_BODY_ADDED,
		      absent(), absent(), absent());
	else if (needed != needs)
		other(c, needs ? OTHER_BODY_BECAME_REQUIRED : OTHER_BODY_BECAME_OPTIONAL, absent(), absent(), absent());
	if (had && has)
		compare_contents(c, SIDE_REQUEST, api_member(c->base, before, "content"), api_member(c->revision, after, "content"),
		                 OTHER_REQUEST_MEDIA_REMOVED, OTHER_REQUEST_MEDIA_ADDED);
	place_leave(c, length);
}

/* ---- parameters */

static bool is_required(struct json parameter)
{
	return api_flag(parameter, "required");
}

static const char *default_style(struct span in)
{
	return span_is(in, "query") || span_is(in, "cookie") ? "form" : "simple";
}

static struct span style_of(struct api *a, struct json p)
{
	struct span style = api_text(a, p, "style");
	return style.p ? style : span_from(default_style(api_text(a, p, "in")));
}

static bool explodes(struct api *a, struct json p)
{
	struct json v;
	bool flag;
	return json_member(p, SPAN("explode"), &v) && json_bool(v, &flag) ? flag : span_is(style_of(a, p), "form");
}

static struct json only_content(struct api *a, struct json p, struct span *ret_type)
{
	struct json key, v = {0};
	struct json_iter it = json_iter(api_member(a, p, "content"));
	*ret_type = json_next(&it, &key, &v) ? json_text(key, &a->arena) : (struct span){0};
	return v;
}

static void compare_parameter(struct compare *c, struct span name, struct json before, struct json after)
{
	struct json old, new;
	struct span old_type, new_type;
	struct span was = style_of(c->base, before), is = style_of(c->revision, after);
	if (is_required(before) != is_required(after))
		other(c, is_required(after) ? OTHER_PARAMETER_BECAME_REQUIRED : OTHER_PARAMETER_BECAME_OPTIONAL, name, absent(), absent());
	if (!span_eq(was, is))
		other(c, OTHER_PARAMETER_STYLE, name, was, is);
	else if (explodes(c->base, before) != explodes(c->revision, after))
		other(c, OTHER_PARAMETER_EXPLODE, name, absent(), absent());
	if (api_flag(before, "allowReserved") != api_flag(after, "allowReserved"))
		other(c, OTHER_PARAMETER_RESERVED, name, absent(), absent());
	if (api_flag(before, "allowEmptyValue") && !api_flag(after, "allowEmptyValue"))
		other(c, OTHER_PARAMETER_EMPTY, name, absent(), absent());
	if (!api_flag(before, "deprecated") && api_flag(after, "deprecated"))
		other(c, OTHER_PARAMETER_DEPRECATED, name, absent(), absent());
	struct json old_content = only_content(c->base, before, &old_type), new_content = only_content(c->revision, after, &new_type);
	if (!span_eq(old_type, new_type))
		other(c, OTHER_PARAMETER_CONTENT, name, old_type, new_type);
	json_member(old_type.p ? old_content : before, SPAN("schema"), &old);
	json_member(new_type.p ? new_content : after, SPAN("schema"), &new);
	compare_schemas(c, SIDE_PARAMETER, old, new);
}

/* By name and place; parameters of the path by their place in it, because their names are nobody's concern. */
static size_t path_place(struct span path, struct span name)
{
	size_t nth = 0;
	for (size_t i = 0; name.n && i + name.n + 1 < path.n; i++) {
		if (path.p[i] != '{')
			continue;
		nth++;
		if (memcmp(path.p + i + 1, name.p, name.n) == 0 && path.p[i + 1 + name.n] == '}')
			return nth;
	}
	return 0;
}

static bool same_parameter(struct compare *c, const struct api_operation *before, struct json b, const struct api_operation *after,
                           struct json a, bool anywhere)
{
	struct span b_in = api_text(c->base, b, "in"), a_in = api_text(c->revision, a, "in");
	struct span b_name = api_text(c->base, b, "name"), a_name = api_text(c->revision, a, "name");
	bool in_path = span_is(b_in, "path") && span_is(a_in, "path");
	if (in_path && path_place(before->path, b_name) && path_place(before->path, b_name) == path_place(after->path, a_name))
		return true;
	return span_eq(b_name, a_name) && (anywhere || span_eq(b_in, a_in));
}

void compare_parameters(struct compare *c, const struct api_operation *before, const struct api_operation *after)
{
	struct json *b, *a;
	size_t b_n = api_parameters(c->base, before, &b), a_n = api_parameters(c->revision, after, &a);
	for (size_t i = 0; i < b_n; i++) {
		struct span name = api_text(c->base, b[i], "name"), in = api_text(c->base, b[i], "in");
		size_t j = 0;
		size_t length = place_enter(c, "%.*s parameter %.*s ", SPAN_ARG(in.p ? in : SPAN("unplaced")),
		                            SPAN_ARG(name.p ? name : SPAN("without name")));
		while (j < a_n && !same_parameter(c, before, b[i], after, a[j], false))
			j++;
		if (j < a_n) {
			compare_parameter(c, name, b[i], a[j]);
		} else {
			for (j = 0; j < a_n && !same_parameter(c, before, b[i], after, a[j], true);)
				j++;
			other(c, j < a_n ? OTHER_PARAMETER_MOVED : OTHER_PARAMETER_REMOVED, name, in,
			      j < a_n ? api_text(c->revision, a[j], "in") : absent());
		}
		place_leave(c, length);
	}
	for (size_t j = 0; j < a_n; j++) {
		struct span name = api_text(c->revision, a[j], "name"), in = api_text(c->revision, a[j], "in");
		size_t i = 0;
		while (i < b_n && !same_parameter(c, before, b[i], after, a[j], true))
			i++;
		if (i < b_n)
			continue;
		size_t length = place_enter(c, "%.*s parameter %.*s ", SPAN_ARG(in.p ? in : SPAN("unplaced")),
		                            SPAN_ARG(name.p ? name : SPAN("without name")));
		other(c, is_required(a[j]) ? OTHER_PARAMETER_ADDED_REQUIRED : OTHER_PARAMETER_ADDED, name, absent(), absent());
		place_leave(c, length);
	}
}

/* ---- responses */

static bool is_success(struct span status)
{
	return status.n && (*status.p == '2' || *status.p == '3');
}

static void response_removed(struct compare *c, struct span status, struct json v, void *arg)
{
	(void)v, (void)arg;
	other(c,
	      span_is(status, "default") ? OTHER_DEFAULT_RESPONSE_REMOVED
	      : is_success(status)       ? OTHER_SUCCESS_REMOVED
	                                 : OTHER_FAILURE_REMOVED,
	      status, absent(), absent());
}

static void response_added(struct compare *c, struct span status, struct json v, void *arg)
{
	(void)v, (void)arg;
	other(c,
	      span_is(status, "default") ? OTHER_DEFAULT_RESPONSE_ADDED
	      : is_success(status)       ? OTHER_SUCCESS_ADDED
	                                 : OTHER_FAILURE_ADDED,
	      status, absent(), absent());
}

static void header_removed(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)arg;
	other(c, api_flag(v, "required") ? OTHER_HEADER_REMOVED : OTHER_HEADER_OPTIONAL_REMOVED, name, absent(), absent());
}

static void header_added(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)v, (void)arg;
	other(c, OTHER_HEADER_ADDED, name, absent(), absent());
}

static void header_both(struct compare *c, struct span name, struct json before, struct json after, void *arg)
{
	struct json old, new;
	(void)arg;
	bool was = api_flag(before, "required"), is = api_flag(after, "required");
	size_t length = place_enter(c, " header %.*s ", SPAN_ARG(name));
	if (was != is)
		other(c, is ? OTHER_HEADER_BECAME_REQUIRED : OTHER_HEADER_BECAME_OPTIONAL, name, absent(), absent());
	json_member(before, SPAN("schema"), &old);
	json_member(after, SPAN("schema"), &new);
	compare_schemas(c, SIDE_HEADER, old, new);
	place_leave(c, length);
}

static void response_both(struct compare *c, struct span status, struct json before, struct json after, void *arg)
{
	static const enum other_rule_name links[] = {OTHER_LINK_REMOVED, OTHER_LINK_ADDED};
	(void)arg;
	size_t length = place_enter(c, "response %.*s", SPAN_ARG(status));
	compare_contents(c, SIDE_RESPONSE, api_member(c->base, before, "content"), api_member(c->revision, after, "content"),
	                 OTHER_RESPONSE_MEDIA_REMOVED, OTHER_RESPONSE_MEDIA_ADDED);
	compare_members(c, api_member(c->base, before, "headers"), api_member(c->revision, after, "headers"), header_removed,
	                header_added, header_both, NULL);
	compare_members(c, api_member(c->base, before, "links"), api_member(c->revision, after, "links"), simply_removed,
	                simply_added, NULL, (void *)links);
	place_leave(c, length);
}

void compare_responses(struct compare *c, struct json before, struct json after)
{
	compare_members(c, before, after, response_removed, response_added, response_both, NULL);
}

/* ---- security */

/* An operation's own, or the document's. */
static struct json security_of(struct api *a, struct json operation)
{
	struct json v;
	return json_member(operation, SPAN("security"), &v) ? v : a->security;
}

/* "{}" among the choices, or no choice at all: nobody has to say who he is. */
static bool is_open(struct json security)
{
	struct json key, choice;
	bool open = json_count(security) == 0;
	for (struct json_iter it = json_iter(security); json_next(&it, &key, &choice);)
		open |= json_count(choice) == 0;
	return open;
}

static struct span choice_name(struct json choice, struct arena *a)
{
	scoped_buf out = {0};
	struct json key, scopes;
	for (struct json_iter it = json_iter(choice); json_next(&it, &key, &scopes);)
		buf_printf(&out, "%s%.*s", out.len ? " and " : "", SPAN_ARG(json_text(key, a)));
	return arena_dup(a, buf_span(&out));
}

static bool find_choice(struct json security, struct span name, struct arena *a, struct json *ret)
{
	struct json key, choice;
	for (struct json_iter it = json_iter(security); json_next(&it, &key, &choice);)
		if (span_eq(choice_name(choice, a), name)) {
			*ret = choice;
			return true;
		}
	return false;
}

static bool lists(struct json list, struct span wanted)
{
	struct json key, v;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);)
		if (json_text_is(v, wanted))
			return true;
	return false;
}

static void compare_scopes(struct compare *c, struct json before, struct json after)
{
	struct json scheme, was, is, key, v;
	for (struct json_iter it = json_iter(before); json_next(&it, &scheme, &was);) {
		if (!json_member(after, json_text(scheme, &c->base->arena), &is))
			continue;
		for (struct json_iter s = json_iter(is); json_next(&s, &key, &v);)
			if (!lists(was, json_text(v, &c->revision->arena)))
				other(c, OTHER_SCOPE_ADDED, json_text(v, &c->revision->arena), absent(), absent());
		for (struct json_iter s = json_iter(was); json_next(&s, &key, &v);)
			if (!lists(is, json_text(v, &c->base->arena)))
				other(c, OTHER_SCOPE_REMOVED, json_text(v, &c->base->arena), absent(), absent());
	}
}

void compare_security(struct compare *c, const struct api_operation *before, const struct api_operation *after)
{
	struct json was = security_of(c->base, before->operation), is = security_of(c->revision, after->operation), key, choice, twin;
	struct arena *a = &c->out->arena;
	if (is_open(was) != is_open(is)) {
		other(c, is_open(was) ? OTHER_SECURITY_ADDED : OTHER_SECURITY_REMOVED, absent(), absent(), absent());
		return;
	}
	for (struct json_iter it = json_iter(was); json_next(&it, &key, &choice);) {
		struct span name = choice_name(choice, a);
		if (!name.n)
			continue;
		if (find_choice(is, name, a, &twin))
			compare_scopes(c, choice, twin);
		else
			other(c, OTHER_SECURITY_CHOICE_REMOVED, name, absent(), absent());
	}
	for (struct json_iter it = json_iter(is); json_next(&it, &key, &choice);) {
		struct span name = choice_name(choice, a);
		if (name.n && !find_choice(was, name, a, &twin))
			other(c, OTHER_SECURITY_CHOICE_ADDED, name, absent(), absent());
	}
}

static bool texts_differ(struct compare *c, struct json before, struct json after, const char *member)
{
	struct span was = api_text(c->base, before, member), is = api_text(c->revision, after, member);
	return (was.p != NULL) != (is.p != NULL) || !span_eq(was, is);
}

static void flow_both(struct compare *c, struct span flow, struct json before, struct json after, void *arg)
{
	(void)flow;
	if (texts_differ(c, before, after, "tokenUrl") || texts_differ(c, before, after, "authorizationUrl"))
		other(c, OTHER_SCHEME_URL, *(struct span *)arg, absent(), absent());
}

static void flow_removed(struct compare *c, struct span flow, struct json v, void *arg)
{
	(void)v;
	other(c, OTHER_SCHEME_FLOW_REMOVED, *(struct span *)arg, flow, absent());
}

static void flow_added(struct compare *c, struct span flow, struct json v, void *arg)
{
	(void)v;
	other(c, OTHER_SCHEME_FLOW_ADDED, *(struct span *)arg, absent(), flow);
}

static void scheme_both(struct compare *c, struct span name, struct json before, struct json after, void *arg)
{
	(void)arg;
	if (texts_differ(c, before, after, "type")) {
		other(c, OTHER_SCHEME_TYPE, name, api_text(c->base, before, "type"), api_text(c->revision, after, "type"));
		return;
	}
	if (texts_differ(c, before, after, "in") || texts_differ(c, before, after, "name"))
		other(c, OTHER_SCHEME_PLACE, name, api_text(c->base, before, "name"), api_text(c->revision, after, "name"));
	if (texts_differ(c, before, after, "scheme"))
		other(c, OTHER_SCHEME_HTTP, name, api_text(c->base, before, "scheme"), api_text(c->revision, after, "scheme"));
	if (texts_differ(c, before, after, "openIdConnectUrl"))
		other(c, OTHER_SCHEME_URL, name, absent(), absent());
	compare_members(c, api_member(c->base, before, "flows"), api_member(c->revision, after, "flows"), flow_removed, flow_added,
	                flow_both, &name);
}

void compare_schemes(struct compare *c)
{
	static const enum other_rule_name schemes[] = {OTHER_SCHEME_REMOVED, OTHER_SCHEME_ADDED};
	struct json b = api_member(c->base, c->base->root, "components"), a = api_member(c->revision, c->revision->root, "components");
	c->operation = SPAN("components/securitySchemes");
	compare_members(c, api_member(c->base, b, "securitySchemes"), api_member(c->revision, a, "securitySchemes"), simply_removed,
	                simply_added, scheme_both, (void *)schemes);
}
