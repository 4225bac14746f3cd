/* The account: one entry for each submission. */
#include <stdio.h>
#include <stdlib.h>

#include "core/hash.h"
#include "tests/chaos/chaos.h"

void account_init(struct account *a, uint64_t seed, uint32_t max)
{
	*a = (struct account){.seed = seed, .max = max};
	pthread_mutex_init(&a->lock, NULL);
	a->entries = calloc(max, sizeof *a->entries);
	CHECK(a->entries);
	for (uint32_t i = 0; i < max; i++) {
		struct entry *e = &a->entries[i];
		e->input = e->output = e->row_tokens = -1;
		e->cost_nanousd = e->row_cost_nanousd = -1;
	}
}

void account_job_id(uint32_t n, char out[ENTRY_ID_BYTES])
{
	snprintf(out, ENTRY_ID_BYTES, "c%u", n);
}

void account_add_prompt(struct account *a, uint32_t n)
{
	char prompt[PROMPT_BYTES];
	submission_prompt(a->seed, n, prompt, sizeof prompt);
	uint64_t hash = hash64(span_from(prompt));
	pthread_mutex_lock(&a->lock);
	map_put(&a->prompts, span_of(&hash, sizeof hash), (void *)((uintptr_t)n + 1));
	pthread_mutex_unlock(&a->lock);
}

bool account_find_prompt(const struct account *a, uint64_t hash, uint32_t *ret_n)
{
	uintptr_t found = (uintptr_t)map_get(&a->prompts, span_of(&hash, sizeof hash));
	if (found)
		*ret_n = (uint32_t)(found - 1);
	return found;
}
