/* What an llm job needs besides the wire: routing, templates, formats, money and the rules for trying again. */
#ifndef GANNET_LLM_LLM_H
#define GANNET_LLM_LLM_H

#include "llm/provider.h"

/* ---- routing (route.c): model name → provider and configuration */
struct llm_router;
/*
 * Reads every provider's options from the environment; base URLs must be http or https, without user info and not
 * link-local. GANNET_MODELS: comma-separated `pattern=provider[:name]` rows that come before the providers' own
 * patterns: `mistral-*=openai`; with a name, an alias (`fast=openai:gpt-4o-mini`); with the name `*`, what comes before
 * the pattern's star is taken off (`local-*=ollama:*`). GANNET_FALLBACKS: `model=other,other2;model2=…`;
 * `model@context=…` and `model@policy=…` are tried instead when the prompt was too long for the model or its provider's
 * content policy refused it.
 */
enum status llm_router_new(struct llm_router **ret, struct err *err) must_check;
void llm_router_free(struct llm_router *r);
/* Names, defaults and meanings of all variables that this library reads, as for --help. */
void llm_help(struct buf *out);
struct llm_route {
	const struct provider *provider;
	const struct provider_config *config;
	struct span model; /* as the provider knows it; lives as long as both the router and the text that was asked for */
};
/* UNPROCESSABLE, naming the known patterns for an unknown model, or the variable to set when a key is missing. */
enum status llm_route(const struct llm_router *r, struct span model, struct llm_route *ret, struct err *err) must_check;
/* The n-th model to try after `model` failed with `why` (NULL: no matter why); absent span when there is none. */
struct span llm_fallback(const struct llm_router *r, struct span model, const struct err *why, size_t n);

/* ---- templates (template.c): {{var}} with dotted paths, {{user.name}}, {{items.0}} */
/*
 * Values come from `context`: strings as they are, numbers and booleans as written, null as "", arrays and objects as
 * compact JSON. Values are data: they are never expanded again, and invisible characters (U+200B–D, 2060, FEFF,
 * E0000–E007F) are removed from them.
 * `{{{{` stands for a literal `{{`. Missing variables are UNPROCESSABLE, naming up to 8 of them; field is "context".
 * An unclosed `{{` or a name that is not [A-Za-z_][A-Za-z0-9_.-]* (blanks around it are skipped) is INVALID, naming the
 * byte offset; field is "template". Takes time linear in template, context and output, whatever they hold. More than
 * `max_bytes` of output is TOO_LARGE.
 */
#define LLM_PROMPT_MAX ((size_t)4 << 20)
enum status template_render(struct span template, struct json context, size_t max_bytes, struct arena *a,
                            struct span *ret, struct err *err) must_check;

/* ---- formats (format.c, sanitize_html.c, sanitize_markdown.c): raw answer → parsed_output */
/*
 * text: the answer, trimmed. json: one JSON value, strict, also when wrapped in a ``` fence or surrounded by prose (the
 * longest outermost value is taken). html and markdown: rebuilt from an allow-list of elements, attributes and URL
 * schemes (http, https, mailto); scripts, styles, event handlers, images and raw HTML in markdown are gone; a ``` fence
 * around the whole answer is taken off. *ret points into `raw` or `a`: a JSON string, or for json the value; an absent
 * `raw` gives JSON_ABSENT for every format but json. Only json fails. Whether trying again can help is decided by
 * `finish_reason` (of llm_answer): after stop, PROVIDER and retryable; after length, refusal, content_filter or
 * tool_calls, UNPROCESSABLE and final, as the same call would end the same way.
 */
enum status format_parse(unsigned format, struct span raw, struct span finish_reason, struct arena *a, struct json *ret,
                         struct err *err) must_check;
/* What is too big or too tangled to be taken apart in bounded time comes back whole, as escaped preformatted text. */
struct span sanitize_html(struct span html, struct arena *a);
/* Returned unchanged when there is nothing to remove, otherwise normalised CommonMark; images become links. */
struct span sanitize_markdown(struct span markdown, struct arena *a);

/* ---- money (price.c): libs/llm/prices.json, compiled in; GANNET_PRICES names a file that replaces it */
struct price_table;
enum status price_table_load(struct price_table **ret, struct err *err) must_check;
void price_table_free(struct price_table *p);
/*
 * Exact: pico-dollars per token in 128 bits, rounded half up to nano-dollars once. False when the model has no price on
 * that day. *ret_price_id ("gpt-4o@2024-10-01") lives as long as the table. Crossing a tier reprices all tokens.
 * The row is the longest name that equals the model or is followed in it by '-' and a date or release (2024-08-06,
 * 20250929, 0613, v2, 001, latest); failing that, the provider's row "*", with the price id "<provider>@<start date>".
 */
bool price_cost(const struct price_table *p, struct span provider, struct span model, const struct usage *u,
                int64_t at_wall_ms, int64_t *ret_nanousd, struct span *ret_price_id);

/* Sets total_tokens from the four disjoint classes. */
void usage_sum(struct usage *u);
/* For a provider that does not say: a token for every 4 bytes begun, `estimated` set. */
struct usage usage_estimate(struct span system, struct span prompt, struct span answer);

/* ---- streams (stream.c): SSE and NDJSON, in any slicing */
struct llm_stream {
	struct buf text; /* answer so far */
	size_t told;     /* bytes of `text` already published */
	struct buf line; /* unfinished line */
	struct buf event, data;
	struct llm_answer answer; /* `text` is set by llm_stream_end() */
	bool began, after_cr;
	bool finished; /* the provider's own end mark was seen: later bytes are ignored */
	bool failed;   /* with `err`: an error event, a malformed one, or a limit passed */
	struct err err;
};
#define LLM_EVENT_MAX ((size_t)1 << 20) /* bytes of a line and of an event */
/* Feeds bytes as they come. A failure is returned at once, and again by every later call. */
enum status llm_stream_feed(struct llm_stream *s, const struct provider *p, struct span bytes, struct arena *a,
                            struct err *err) must_check;
/* To be called when the bytes have ended: the whole answer (copied into `a`), or why there is none. A stream without
   its end mark is cut: PROVIDER, retryable. */
enum status llm_stream_end(struct llm_stream *s, const struct provider *p, struct arena *a, struct llm_answer *ret,
                           struct err *err) must_check;
void llm_stream_free(struct llm_stream *s);

/* ---- trying again (retry.c) */
/* The first readable one of retry-after-ms and retry-after (seconds or HTTP date); -1 when none is. At most 1 h. */
int64_t retry_after_parse(struct span after_ms, struct span after, int64_t now_wall_ms);
static inline int64_t retry_after_ms(const struct http_response *r, int64_t now_wall_ms)
{
	return retry_after_parse(http_response_header(r, "retry-after-ms"), http_response_header(r, "retry-after"),
	                         now_wall_ms);
}
/* The provider itself says that trying again is useless, whatever the status. */
static inline bool retry_forbidden(const struct http_response *r)
{
	return span_is(http_response_header(r, "x-should-retry"), "false");
}
/*
 * The shared part of provider->failure: retryable for 408 409 429 500 502 503 504 529, never for the rest. Status:
 * RATE_LIMITED 429; UNAVAILABLE 409 503 529; TIMEOUT 408 504; TOO_LARGE 413; UNPROCESSABLE 4xx; PROVIDER 401 402 403
 * and the rest. `message` is cut to LLM_MESSAGE_MAX bytes, without control characters and whatever looks like a key.
 */
#define LLM_MESSAGE_MAX 200
void llm_failure_from_http(const char *provider, int http_status, struct span message, struct err *err);
/* TIMEOUT, UNAVAILABLE or PROVIDER, retryable; final are an answer too large (PROVIDER) and an abort (CANCELLED). */
void llm_failure_from_transport(const struct http_response *r, const char *provider, struct err *err);

/* ---- circuit breaker (breaker.c), one per provider and key */
struct breaker {
	int64_t open_until_ms; /* monotonic; 0: closed */
	int64_t hold_until_ms; /* monotonic; 0: not held */
	int64_t backoff_ms;    /* of the present opening */
	int failures;          /* in a row */
	bool probing;
};
#define BREAKER_FAILURES 10  /* in a row open it */
#define BREAKER_OPEN_MS 2000 /* first wait, doubling */
#define BREAKER_OPEN_MAX_MS 60000
/* Whether it is open after failures (a hold is not). */
static inline bool breaker_is_open(const struct breaker *b)
{
	return b->open_until_ms != 0;
}
/* 0: go ahead. Otherwise how long to wait. When it was open one caller at a time goes ahead, as a probe; if nothing is
   heard of it for another backoff, the next one does. */
int64_t breaker_wait_ms(struct breaker *b, int64_t now_mono_ms);
void breaker_success(struct breaker *b);
void breaker_failure(struct breaker *b, int64_t now_mono_ms); /* counts outages and 5xx, not the caller's own faults */
/* A 429 with Retry-After closes the gate for everybody until then, without counting as a failure. */
void breaker_hold(struct breaker *b, int64_t now_mono_ms, int64_t hold_ms);

#endif
