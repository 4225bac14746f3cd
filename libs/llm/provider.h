/* The interface of an LLM provider: how a call is written down, how its answer is read. */
#ifndef GANNET_LLM_PROVIDER_H
#define GANNET_LLM_PROVIDER_H

#include "contract/job.h"
#include "core/env.h"
#include "http/client.h"

/* One call, provider-neutral. Spans live in the job's memory. */
struct llm_call {
	struct span model;  /* as the provider knows it: a configured prefix is taken off */
	struct span system; /* may be absent */
	struct span prompt;
	unsigned format; /* enum format; json asks for the provider's JSON mode */
	struct opt_f64 temperature;
	struct opt_i64 max_tokens;
	bool stream;
};

struct llm_answer {
	struct span text;          /* the answer; absent for a refusal without text */
	struct span model;         /* as the provider names it */
	struct span finish_reason; /* stop, length, content_filter, refusal, tool_calls */
	struct usage usage;
	bool usage_known;
	bool simulated;
};

#define LLM_ANSWER_MAX ((size_t)4 << 20) /* bytes of answer text; more is TOO_LARGE */

/* Settings of a provider, from its options. */
struct provider_config {
	const char *api_key;
	const char *base_url;
	const char *extra; /* provider-specific, e.g. anthropic-version */
};

/* Reads a streamed answer piece by piece; see llm/llm.h. Zeroed to begin. */
struct llm_stream;

/*
 * One provider, one file in libs/llm/providers/, which ends in `const struct provider provider_<file name> = {…};`.
 * Every function is pure: no I/O, no globals, thread-safe.
 */
struct provider {
	const char *name; /* MUST; also in results and metrics */
	const char *const
	    *models; /* MUST: patterns with '*', NULL-terminated; the first provider in file order that matches wins */
	struct env_option options[4]; /* rows over struct provider_config; ended by a NULL name. Key variable first */
	bool needs_key; /* at the default base URL a job without a key ends at once with an error naming options[0].name */
	/* MUST unless `answer` is given. Fills URL, headers and body (all in `a`) for `call`. */
	enum status (*request)(const struct provider_config *c, const struct llm_call *call, struct arena *a,
	                       struct http_request *ret, struct err *err);
	/* MUST unless `answer` is given. Reads a whole 2xx body. A truncated, empty or malformed one is PROVIDER,
	 * retryable. */
	enum status (*response)(const struct llm_call *call, struct span body, struct arena *a, struct llm_answer *ret,
	                        struct err *err);
	/* MAY: one event of a stream (SSE data, or an NDJSON line), see llm_stream. Without it calls are never streamed. An
	   error event is returned as the failure it reports; the name is absent unless the stream gave one. */
	enum status (*stream_event)(struct llm_stream *s, struct span event_name, struct span data, struct arena *a,
	                            struct err *err);
	bool stream_is_ndjson;
	/* MUST unless `answer` is given. Classifies a non-2xx answer: fills status, retryable and a message without
	   secrets. A prompt too long for the model is TOO_LARGE with field "prompt", a refusal by the content policy
	   FORBIDDEN. *ret_money (set always): the account is out of money or quota, which no waiting mends. */
	void (*failure)(int http_status, struct span body, struct arena *a, struct err *err, bool *ret_money);
	/* MAY: answers without any network, at once (the simulated provider). Then the others are not called. */
	enum status (*answer)(const struct llm_call *call, struct arena *a, struct llm_answer *ret, struct err *err);
};

/* All providers, made from the directory listing. */
extern const struct provider *const providers[];
extern const size_t providers_n;

#endif
