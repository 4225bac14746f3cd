/* Fuzzes every message table: what decodes also encodes, and decodes from that to the same message. */
#include <stdlib.h>

#include "contract/registry.h"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The encoding is the message: every member that is present is in it. */
static void round_trip(const struct json_table *t, const void *object, struct arena *a)
{
	scoped_buf once = {0}, twice = {0};
	struct json v;
	struct err err;
	void *again = arena_alloc(a, t->size);
	json_encode(t, object, &(struct json_writer){.out = &once});
	require(json_parse(buf_span(&once), &v, &err) == STATUS_OK);
	require(json_decode(t, v, JSON_STRICT, a, again, &err) == STATUS_OK);
	json_encode(t, again, &(struct json_writer){.out = &twice});
	require(span_eq(buf_span(&once), buf_span(&twice)));
}

static void decode(const struct json_table *t, struct json v)
{
	scoped_arena a = {0};
	struct err err = {0};
	void *object = arena_alloc(&a, t->size);
	bool lenient = json_decode(t, v, JSON_LENIENT, &a, object, &err) == STATUS_OK;
	require(lenient || (err.status == STATUS_INVALID && err.msg[0]));
	if (lenient)
		round_trip(t, object, &a);
	if (json_decode(t, v, JSON_STRICT, &a, object, &err) == STATUS_OK)
		require(lenient);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct json v;
	struct err err;
	if (json_parse(span_of(data, n), &v, &err) != STATUS_OK)
		return 0;
	for (size_t i = 0; i < contract_rows_n; i++) {
		decode(contract_rows[i].table, v);
		if (contract_rows[i].reply)
			decode(contract_rows[i].reply, v);
	}
	return 0;
}
