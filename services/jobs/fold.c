/* A table of records by tenant and job id. */
#include "fold.h"

#include <stdlib.h>

#include "core/hash.h"

#define SLOTS (FOLD_EVENTS_MAX * 2)

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);
	if (!p)
		abort();
	return p;
}

struct record *fold_next(struct fold *f)
{
	if (!f->records) {
		f->records = allocate(FOLD_EVENTS_MAX, sizeof *f->records);
		f->slots = allocate(SLOTS, sizeof *f->slots);
	}
	return &f->records[f->count];
}

static bool same_key(const struct record *a, const struct record *b)
{
	return span_eq(a->key.job_id, b->key.job_id) && span_eq(a->key.tenant, b->key.tenant);
}

size_t fold_add(struct fold *f)
{
	struct record *r = &f->records[f->count];
	size_t i = (hash64(r->key.job_id) ^ hash64(r->key.tenant)) % SLOTS;
	while (f->slots[i] && !same_key(&f->records[f->slots[i] - 1], r))
		i = (i + 1) % SLOTS;
	if (f->slots[i]) {
		record_merge(&f->records[f->slots[i] - 1], r);
		return f->slots[i] - 1u;
	}
	f->slots[i] = (uint16_t)++f->count;
	return f->count - 1;
}

void fold_reset(struct fold *f)
{
	if (f->count)
		memset(f->slots, 0, SLOTS * sizeof *f->slots);
	f->count = 0;
}

void fold_free(struct fold *f)
{
	free(f->records);
	free(f->slots);
	*f = (struct fold){0};
}
