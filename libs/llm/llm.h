/* What an llm job needs besides the wire: routing, templates, formats, money and the rules for trying again. */
#ifndef GANNET_LLM_LLM_H
#define GANNET_LLM_LLM_H

#include "llm/provider.h"

/* ---- routing (route.c): model name → provider and configuration */
struct llm_router;
/*
 * Reads every provider's options from the environment, and GANNET_MODELS: comma-separated `pattern=provider` rows that come before the
 * providers' own patterns (`mistral-*=openai`), and GANNET_FALLBACKS: `model=other,other2;model2=…`.
 */
enum status llm_router_new(struct llm_router **ret, struct err *err) must_check;
void llm_router_free(struct llm_router *r);
struct llm_route {
	const struct provider *provider;
	const struct provider_config *config;
};
/* UNPROCESSABLE naming the known patterns for an unknown model; UNPROCESSABLE naming the variable to set when the key is missing. */
enum status llm_route(const struct llm_router *r, struct span model, struct llm_route *ret, struct err *err) must_check;
/* The n-th model to try after `model`; absent span when there is none. */
struct span llm_fallback(const struct llm_router *r, struct span model, size_t n);

/* ---- templates (template.c): {{var}} with dotted paths, {{user.name}}, {{items.0}} */
/*
 * Values come from `context`: strings as they are, numbers and booleans as written, null as "", arrays and objects as compact JSON.
 * Values are data: they are never expanded again, and invisible characters (U+200B–D, 2060, FEFF, E0000–E007F) are removed from them.
 * `{{{{` stands for a literal `{{`. Missing variables are UNPROCESSABLE, naming up to 8 of them; field is "context".
 * An unclosed `{{` or a name that is not [A-Za-z_][A-Za-z0-9_.-]* is INVALID, naming the byte offset; field is "template".
 * More than `max_bytes` of output is TOO_LARGE.
 */
#define LLM_PROMPT_MAX ((size_t)4 << 20)
enum status template_render(struct span template, struct json context, size_t max_bytes, struct arena *a, struct span *ret, struct err *err) must_check;

/* ---- formats (format.c, sanitize_html.c, sanitize_markdown.c): raw answer → parsed_output */
/*
 * text: the answer, trimmed. json: one JSON value, strict, also when wrapped in a ``` fence or surrounded by prose (the outermost value
 * is taken); PROVIDER + retryable when there is none. html and markdown: rebuilt from an allow-list of elements, attributes and
 * URL schemes (http, https, mailto); scripts, styles, event handlers, images and raw HTML in markdown are gone.
 * *ret points into `a`: a JSON string, or for json the value.
 */
enum status format_parse(unsigned format, struct span raw, struct arena *a, struct json *ret, struct err *err) must_check;
struct span sanitize_html(struct span html, struct arena *a);
struct span sanitize_markdown(struct span markdown, struct arena *a);

/* ---- money (price.c): libs/llm/prices.json, compiled in; GANNET_PRICES names a file that replaces it */
struct price_table;
enum status price_table_load(struct price_table **ret, struct err *err) must_check;
void price_table_free(struct price_table *p);
/*
 * Exact: pico-dollars per token in 128 bits, rounded half up to nano-dollars once. False when the model has no price on that day.
 * *ret_price_id ("gpt-4o@2024-10-01") lives as long as the table. Crossing a tier reprices all tokens.
 */
bool price_cost(const struct price_table *p, struct span provider, struct span model, const struct usage *u, int64_t at_wall_ms,
                int64_t *ret_nanousd, struct span *ret_price_id);
/* The longest row name that equals the model or is followed by '-' and a date or version in it. */

/* ---- streams (stream.c): SSE and NDJSON, in any slicing */
struct llm_stream {
	struct buf text;     /* answer so far */
	size_t told;         /* bytes of `text` already published */
	struct buf line;     /* unfinished line */
	struct buf event, data;
	struct llm_answer answer;
	bool finished;       /* the provider's own end mark was seen */
	bool failed;         /* an error event came inside the stream */
	struct err err;
};
/* Feeds bytes as they come; after `err` or `failed` nothing more is read. `finished` false at the end means truncated: a failure. */
enum status llm_stream_feed(struct llm_stream *s, const struct provider *p, struct span bytes, struct arena *a, struct err *err) must_check;
void llm_stream_free(struct llm_stream *s);

/* ---- trying again (retry.c) */
/* L6: min(5·2ⁿ·jitter, 300) seconds, n = tries failed before (0-based), jitter = 0.5 + random01. */
int64_t retry_delay_ms(int64_t n, double random01);
/* From retry-after-ms, then retry-after (seconds or HTTP date); -1 when neither is there or readable. At most 1 h. */
int64_t retry_after_ms(const struct http_response *r, int64_t now_wall_ms);
/* The shared part of provider->failure: RETRY for 408 409 429 500 502 503 504 529, never for the rest. */
void llm_failure_from_http(int http_status, struct span message, struct err *err);
/* Transport failures become TIMEOUT or UNAVAILABLE (retryable), or PROVIDER. */
void llm_failure_from_transport(const struct http_response *r, const char *provider, struct err *err);

/* ---- circuit breaker (breaker.c), one per provider and key */
struct breaker {
	int64_t open_until_ms; /* monotonic; 0: closed */
	int failures;          /* in a row */
	bool probing;
	int64_t backoff_ms;
};
#define BREAKER_FAILURES 10       /* in a row open it */
#define BREAKER_OPEN_MS 2000      /* first wait, doubling */
#define BREAKER_OPEN_MAX_MS 60000
bool breaker_is_open(const struct breaker *b);
/* 0: go ahead (one probe at a time when it was open). Otherwise how long to wait. */
int64_t breaker_wait_ms(struct breaker *b, int64_t now_mono_ms);
void breaker_success(struct breaker *b);
void breaker_failure(struct breaker *b, int64_t now_mono_ms); /* counts outages and 5xx, not the caller's own faults */
/* A 429 with Retry-After closes the gate for everybody until then, without counting as a failure. */
void breaker_hold(struct breaker *b, int64_t now_mono_ms, int64_t hold_ms);

#endif
