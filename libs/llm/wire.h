/* What the providers' files share: URLs, wishes for JSON, error objects, counts and pieces of a stream. */
#ifndef GANNET_LLM_WIRE_H
#define GANNET_LLM_WIRE_H

#include "llm/llm.h"

/* Whether `url`, the value of the setting `name`, may be a base URL; INVALID otherwise. */
enum status wire_check_url(const char *name, const char *url, struct err *err) must_check;
/* The base URL with `path` after it. */
const char *wire_url(const struct provider_config *c, const char *path, struct arena *a);
/* The system message; for format json it asks for JSON unless it or the prompt already does. May be absent. */
struct span wire_system(const struct llm_call *call, struct arena *a);
/* "messages":[…] with the system message, if there is one, and the prompt. */
void wire_messages(struct json_writer *w, struct span system, struct span prompt);
/* Text for a person in at most LLM_MESSAGE_MAX bytes: one line, valid UTF-8, keys removed. Points into `out`. */
struct span wire_message(struct span text, char out[LLM_MESSAGE_MAX + 1]);

/* A provider's error: {error:{message,type,code}}, {error:"…"}, {message:…} or {detail:"…"}. */
struct wire_error {
	struct span message, type, code; /* absent when not said */
	int http_status;                 /* from a numeric code; 0: not said */
};
/* Of a whole error body; what is not readable leaves all absent. */
struct wire_error wire_error_read(struct span body, struct arena *a);
/* Fills `err` and returns its status. `http_status` 0: it came inside a 200, its type tells what it would have been. */
enum status wire_fail(const char *provider, int http_status, const struct wire_error *e, struct err *err,
                      bool *ret_money);
/* Reads an answer or an event; an error object inside is the failure that it reports. */
enum status wire_parse(const char *provider, struct span text, struct arena *a, struct json *ret,
                       struct err *err) must_check;
/* A malformed answer: PROVIDER, retryable. */
enum status wire_malformed(const char *provider, const char *what, struct err *err);

/* A count of tokens: 0 when absent or null; false when it is anything but a sane integer. */
bool wire_count(struct json v, const char *pointer, int64_t *ret);

/* Whether an answer that ended for this reason has a text, be it an empty one: stop and length. */
bool wire_has_text(struct span finish_reason);

/* The variable of the price table. */
extern const struct env_option price_option;

/* Appends to a streamed answer. */
enum status wire_stream_text(struct llm_stream *s, struct json piece, struct arena *a, struct err *err) must_check;

#endif
