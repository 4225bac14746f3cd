/* What all kinds of targets share: the mark in a text, and what was found of earlier ones. */
#include "target.h"

#include <stdlib.h>

#include "core/id.h"

const struct target_kind *target_kind_named(struct span name)
{
	for (size_t i = 0; i < target_kinds_n; i++)
		if (span_is(name, target_kinds[i]->kind))
			return target_kinds[i];
	return NULL;
}

void target_mark(const struct entry *e, struct buf *out)
{
	buf_printf(out, "\n" TARGET_MARK "%.*s.%.*s -->\n", SPAN_ARG(e->tenant), SPAN_ARG(e->key));
}

struct span target_marked(struct span text)
{
	struct span found = {0};
	const struct span mark = SPAN(TARGET_MARK);
	for (const char *p = text.p; p && (p = memmem(p, text.n - (size_t)(p - text.p), mark.p, mark.n)); p += mark.n) {
		struct span rest = span_of(p + mark.n, text.n - (size_t)(p + mark.n - text.p));
		struct span name = span_cut(&rest, ' '), tenant_key = name;
		struct span tenant = span_cut(&tenant_key, '.');
		if (rest.p && span_starts(rest, SPAN("-->")) && tenant_key.p && id_is_tenant(tenant) && id_is_job(tenant_key))
			found = name;
	}
	return found;
}

void dealing_saw(struct dealing *d, struct span key, const struct reference *r)
{
	struct reference *copy = malloc(sizeof *copy);
	if (!copy)
		abort();
	*copy = *r;
	free(map_put(&d->seen, key, copy));
}

void dealing_forget(struct dealing *d)
{
	for (struct map_slot *s = map_next(&d->seen, NULL); s; s = map_next(&d->seen, s))
		free(s->value);
	map_free(&d->seen);
	d->seen = (struct map){0};
}
