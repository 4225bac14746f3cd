/* Reads the rows of the configuration file strictly: every mistake is an error that names its row and member. */
#include "services/collector/config.h"

#include <errno.h>
#include <stdio.h>

#include "contract/check.h"

#define OPTION "GANNET_SOURCES"

/* The file as a whole. */
struct document {
	struct span tenant;
	struct json sources;
};
static const struct json_field document_fields[] = {
    JSON_FIELD(struct document, tenant, .min = 1, .max = TENANT_ID_MAX, .check = source_check_tenant),
    JSON_FIELD(struct document, sources, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
};
static const struct json_table document_table = {"collector.sources", sizeof(struct document), document_fields,
                                                 countof(document_fields)};

static const char default_text[] = "{\"sources\":[{\"name\":\"gannet\",\"kind\":\"gannet\"}]}";

const char *source_check_name(struct span s)
{
	bool fine = s.n && s.p[0] >= 'a' && s.p[0] <= 'z';
	for (size_t i = 0; fine && i < s.n; i++)
		fine = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_';
	return fine ? NULL : "a-z 0-9 _, beginning with a letter";
}

const char *source_check_tenant(struct span s)
{
	return id_is_tenant(s) ? NULL : "1 to 32 of a-z 0-9 _ -";
}

/* ---- errors with their place in front */

static enum status in_row(size_t row, struct span name, struct err *err)
{
	struct err inner = *err;
	char field[64], named[SOURCE_NAME_MAX + 4] = "";
	if (name.n && !source_check_name(name))
		snprintf(named, sizeof named, " (%.*s)", SPAN_ARG(name));
	snprintf(field, sizeof field, "sources[%zu]%s%.40s", row, inner.field[0] ? "." : "", inner.field);
	return err_field(err, inner.status, field, OPTION ": sources[%zu]%s: %.240s", row, named, inner.msg);
}

/* ---- the metrics of a row */

static enum status add_field(struct source *s, struct arena *a, struct span metric, struct span selector,
                             struct err *err)
{
	const struct json_field *known = metric_known(metric);
	const char *allowed = known ? NULL : metric_check_additional(metric);
	if (allowed)
		return err_field(err, STATUS_INVALID, "fields", "fields: metric \"%.*s\" is not %s",
		                 (int)(metric.n < 70 ? metric.n : 70), metric.p, allowed);
	if (selector.n > SOURCE_SELECTOR_MAX || memchr(selector.p, 0, selector.n))
		return err_field(err, STATUS_INVALID, "fields", "fields: the selector of %.*s has more than %d bytes",
		                 SPAN_ARG(metric), SOURCE_SELECTOR_MAX);
	s->fields[s->fields_n++] = (struct source_field){arena_cstr(a, metric), arena_cstr(a, selector), known};
	return STATUS_OK;
}

static enum status add_fields(struct source *s, struct arena *a, struct json fields, struct err *err)
{
	struct json key, v;
	if (json_count(fields) == 0 || json_count(fields) > SOURCE_FIELDS_MAX)
		return err_field(err, STATUS_INVALID, "fields", "fields: %zu metrics, 1 to %d are allowed", json_count(fields),
		                 SOURCE_FIELDS_MAX);
	for (struct json_iter it = json_iter(fields); json_next(&it, &key, &v);) {
		struct span text = json_text(v, a);
		if (!text.p)
			return err_field(err, STATUS_INVALID, "fields", "fields: a %s is not a string",
			                 fields.type == JSON_ARRAY ? "metric" : "selector");
		if (add_field(s, a, key.type == JSON_STRING ? json_text(key, a) : text, text, err) != STATUS_OK)
			return err->status;
	}
	return STATUS_OK;
}

static enum status take_fields(struct source *s, const struct source_row *row, struct arena *a, struct err *err)
{
	struct span one = s->kind->row_metric ? s->kind->row_metric(row) : (struct span){0};
	s->fields = arena_zalloc(a, SOURCE_FIELDS_MAX * sizeof *s->fields);
	if (one.p && row->fields.type)
		return err_field(err, STATUS_INVALID, "fields", "fields: not beside a member that names the one metric already");
	if (one.p)
		return add_field(s, a, one, SPAN(""), err);
	if (row->fields.type)
		return add_fields(s, a, row->fields, err);
	if (!s->kind->metrics)
		return err_field(err, STATUS_INVALID, "fields", "fields: is required: which metrics the source provides");
	for (const char *const *m = s->kind->metrics; *m; m++)
		if (add_field(s, a, span_from(*m), arena_printf(a, "/%s", *m), err) != STATUS_OK)
			return err->status;
	return STATUS_OK;
}

/* ---- against the rows before */

static enum status take_metrics(struct config *c, const struct source *s, struct err *err)
{
	size_t metrics = s->fields_n;
	for (size_t i = 0; i < c->n; i++) {
		const struct source *other = &c->sources[i];
		if (strcmp(other->tenant, s->tenant) != 0)
			continue;
		metrics += other->fields_n;
		if (strcmp(other->name, s->name) == 0)
			return err_field(err, STATUS_INVALID, "name", "name: there is a source %s of this tenant already", s->name);
		for (size_t j = 0; j < s->fields_n; j++)
			for (size_t k = 0; k < other->fields_n; k++)
				if (strcmp(s->fields[j].metric, other->fields[k].metric) == 0)
					return err_field(err, STATUS_INVALID, "fields", "fields: %s is provided by source %s already",
					                 s->fields[j].metric, other->name);
	}
	for (size_t j = 1; j < s->fields_n; j++)
		for (size_t k = 0; k < j; k++)
			if (strcmp(s->fields[j].metric, s->fields[k].metric) == 0)
				return err_field(err, STATUS_INVALID, "fields", "fields: %s is there twice", s->fields[j].metric);
	if (metrics > CONFIG_TENANT_METRICS_MAX)
		return err_field(err, STATUS_INVALID, "fields", "fields: tenant %s has more than %d metrics", s->tenant,
		                 CONFIG_TENANT_METRICS_MAX);
	return STATUS_OK;
}

static enum status take_tenant(struct config *c, const char *tenant, struct err *err)
{
	for (size_t i = 0; i < c->tenants_n; i++)
		if (strcmp(c->tenants[i], tenant) == 0)
			return STATUS_OK;
	if (c->tenants_n == CONFIG_TENANTS_MAX)
		return err_field(err, STATUS_INVALID, "tenant", "tenant: more than %d tenants", CONFIG_TENANTS_MAX);
	c->tenants[c->tenants_n++] = tenant;
	return STATUS_OK;
}

/* ---- rows */

static enum status find_kind(struct json row, struct arena *a, const struct source_kind **ret, struct err *err)
{
	struct json v;
	char known[200] = "";
	size_t n = 0;
	json_member(row, SPAN("kind"), &v);
	struct span name = json_text(v, a);
	for (size_t i = 0; i < source_kinds_n; i++) {
		if (name.p && span_is(name, source_kinds[i]->name)) {
			*ret = source_kinds[i];
			return STATUS_OK;
		}
		n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", source_kinds[i]->name);
	}
	if (!name.p)
		return err_field(err, STATUS_INVALID, "kind", "kind: is required: one of %s", known);
	return err_field(err, STATUS_INVALID, "kind", "kind: \"%.*s\" is none of %s", (int)(name.n < 40 ? name.n : 40),
	                 name.p, known);
}

static enum status read_row(struct config *c, struct json v, const char *tenant, struct err *err)
{
	struct source *s = &c->sources[c->n];
	if (v.type != JSON_OBJECT)
		return err_set(err, STATUS_INVALID, "a row is an object");
	if (find_kind(v, &c->arena, &s->kind, err) != STATUS_OK)
		return err->status;
	struct source_row *row = arena_zalloc(&c->arena, s->kind->table->size);
	if (json_decode(s->kind->table, v, JSON_STRICT, &c->arena, row, err) != STATUS_OK)
		return err->status;
	s->name = arena_cstr(&c->arena, row->name);
	s->tenant = row->tenant.p ? arena_cstr(&c->arena, row->tenant) : tenant;
	s->deadline_ms = row->deadline_ms.set ? row->deadline_ms.v : SOURCE_DEADLINE_DEFAULT_MS;
	s->interval_ms = row->interval_ms.v;
	if (take_fields(s, row, &c->arena, err) != STATUS_OK || take_metrics(c, s, err) != STATUS_OK ||
	    take_tenant(c, s->tenant, err) != STATUS_OK || s->kind->open(s, row, &c->arena, err) != STATUS_OK)
		return err->status;
	c->n++;
	return STATUS_OK;
}

static enum status read_rows(struct config *c, const struct document *d, const char *tenant, struct bus *bus,
                             const struct clock *clock, struct err *err)
{
	struct json key, v, name;
	size_t row = 0;
	if (json_count(d->sources) == 0 || json_count(d->sources) > SOURCES_MAX)
		return err_field(err, STATUS_INVALID, "sources", OPTION ": %zu sources, 1 to %d are allowed",
		                 json_count(d->sources), SOURCES_MAX);
	for (struct json_iter it = json_iter(d->sources); json_next(&it, &key, &v); row++) {
		c->sources[c->n] = (struct source){.bus = bus, .clock = clock};
		json_member(v, SPAN("name"), &name);
		if (read_row(c, v, tenant, err) != STATUS_OK)
			return in_row(row, json_text(name, &c->arena), err);
	}
	return STATUS_OK;
}

/* ---- the file */

static enum status read_file(const char *path, struct arena *a, struct span *ret, struct err *err)
{
	scoped_buf text = {0};
	FILE *f = fopen(path, "re");
	if (!f)
		return err_field(err, STATUS_INVALID, OPTION, OPTION ": cannot open %.150s: %s", path, strerror(errno));
	size_t n;
	char *at;
	while (text.len <= CONFIG_FILE_MAX && (at = buf_reserve(&text, 16384)) && (n = fread(at, 1, 16384, f)) > 0)
		buf_commit(&text, n);
	bool failed = ferror(f);
	fclose(f);
	if (failed || text.len > CONFIG_FILE_MAX)
		return err_field(err, STATUS_INVALID, OPTION, OPTION ": %.150s is not a readable file of up to %zu bytes", path,
		                 CONFIG_FILE_MAX);
	*ret = arena_dup(a, buf_span(&text));
	return STATUS_OK;
}

enum status config_read(const char *where, const char *tenant, struct bus *bus, const struct clock *clock,
                        struct config *ret, struct err *err)
{
	struct json v;
	struct document d;
	struct span text = span_from(where ? where : default_text);
	if (where && where[0] != '{' && read_file(where, &ret->arena, &text, err) != STATUS_OK)
		return err->status;
	if (!id_is_tenant(span_from(tenant)))
		return err_field(err, STATUS_INVALID, "GANNET_TENANT", "GANNET_TENANT: \"%.40s\" is not 1 to 32 of a-z 0-9 _ -",
		                 tenant);
	text = arena_dup(&ret->arena, text);
	if (json_parse(text, &v, err) != STATUS_OK || json_decode(&document_table, v, JSON_STRICT, &ret->arena, &d, err)) {
		struct err inner = *err;
		return err_field(err, STATUS_INVALID, inner.field[0] ? inner.field : OPTION, OPTION ": %.280s", inner.msg);
	}
	return read_rows(ret, &d, d.tenant.p ? arena_cstr(&ret->arena, d.tenant) : tenant, bus, clock, err);
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < c->n; i++)
		c->sources[i].kind->close(&c->sources[i]);
	arena_free(&c->arena);
	*c = (struct config){0};
}
