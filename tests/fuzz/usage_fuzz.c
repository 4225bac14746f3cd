/* Fuzzes final events on their way into the ledger: a row is within the limits of its columns, or there is none. */
#include <stdlib.h>

#include "core/utf8.h"
#include "services/analytics/usage.c"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct usage_row *r)
{
	const struct span texts[] = {r->operation, r->user_id, r->provider, r->model, r->pipeline, r->field_name, r->price_id, r->error_code};
	for (size_t i = 0; i < countof(texts); i++)
		require(texts[i].p && texts[i].n <= USAGE_TEXT_MAX && utf8_valid(texts[i]));
	require(r->input_tokens >= 0 && r->cache_read_tokens >= 0 && r->cache_write_tokens >= 0 && r->output_tokens >= 0);
	require(r->total_tokens == r->input_tokens + r->cache_read_tokens + r->cache_write_tokens + r->output_tokens);
	require(r->cost_nanousd == STORE_NULL || r->cost_nanousd >= 0);
	require(r->run >= 0 && r->run <= INT32_MAX && r->attempt >= 0 && r->attempt <= INT32_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct price_table *prices;
	scoped_arena scratch = {0}, kept = {0};
	struct usage_subject subject;
	struct usage_row row;
	struct err err = {0};
	if (!prices)
		require(price_table_load(&prices, &err) == STATUS_OK);
	require(usage_subject_parse(SPAN("gannet.acme.jobs.event.completed.j-1"), &subject));
	if (usage_decode(&subject, span_of(data, n), 1700000000000, prices, &scratch, &kept, &row, &err) == STATUS_OK)
		check(&row);
	struct span text = span_of(data, n);
	if (usage_subject_parse(text, &subject))
		require(id_is_tenant(subject.tenant) && id_is_job(subject.job_id));
	return 0;
}
