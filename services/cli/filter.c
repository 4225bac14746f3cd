/* Writes filters into requests. */
#include "services/cli/filter.h"

#include "core/clock.h"

void filter_write(const struct filter *f, struct json_writer *w)
{
	const struct {
		const char *key, *text;
		struct json_time time;
	} rows[] = {
	    {"status", f->status},
	    {"model", f->model},
	    {"user_id", f->user},
	    {"template", f->template},
	    {"kind", f->kind},
	    {"created_after", NULL, f->since},
	    {"created_before", NULL, f->before},
	};
	char at[RFC3339_BYTES];
	for (size_t i = 0; i < countof(rows); i++) {
		const char *text = rows[i].time.ms ? rfc3339_format(rows[i].time.ms, at) : rows[i].text;
		if (text)
			json_kv_cstr(w, rows[i].key, text);
	}
	if (f->limit.set)
		json_kv_i64(w, "limit", f->limit.v);
}
