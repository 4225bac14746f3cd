/* Token counts: their sum, and a guess where a provider gives none. */
#include "llm/llm.h"

void usage_sum(struct usage *u)
{
	u->total_tokens = u->input_tokens + u->cache_read_tokens + u->cache_write_tokens + u->output_tokens;
}

struct usage usage_estimate(struct span system, struct span prompt, struct span answer)
{
	struct usage u = {
	    .input_tokens = (int64_t)(system.n + prompt.n + 3) / 4,
	    .output_tokens = (int64_t)(answer.n + 3) / 4,
	    .estimated = {true, true},
	};
	usage_sum(&u);
	return u;
}
