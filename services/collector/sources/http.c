/* HTTP that answers JSON: each metric is at an RFC 6901 pointer. */
#include "services/collector/fetch.h"

static const struct json_field fields[] = {FETCH_ROW};
static const struct json_table table = {"collector.sources", sizeof(struct fetch_row), fields, countof(fields)};

static enum status open_http(struct source *s, const void *row, struct arena *a, struct err *err)
{
	for (size_t i = 0; i < s->fields_n; i++)
		if (s->fields[i].selector[0] && s->fields[i].selector[0] != '/')
			return err_field(err, STATUS_INVALID, "fields",
			                 "fields: \"%.60s\" of %s is no JSON pointer: it begins with no /", s->fields[i].selector,
			                 s->fields[i].metric);
	struct fetch *f;
	if (fetch_new(row, "application/json", a, &f, err) != STATUS_OK)
		return err->status;
	s->state = f;
	return STATUS_OK;
}

static enum status read_http(const struct source *s, struct reading *r, struct err *err)
{
	scoped_buf body = {0};
	struct json document, v;
	if (fetch_get(s->state, r, &body, err) != STATUS_OK)
		return err->status;
	if (json_parse(buf_span(&body), &document, err) != STATUS_OK) {
		reading_fail(r, "the answer is not JSON");
		return err->status;
	}
	for (size_t i = 0; i < s->fields_n; i++) {
		json_pointer(document, s->fields[i].selector, &v);
		reading_put(r, i, v);
	}
	return STATUS_OK;
}

static void close_http(struct source *s)
{
	(void)s;
}

const struct source_kind source_kind_http = {
    .name = "http", .table = &table, .open = open_http, .read = read_http, .close = close_http};
