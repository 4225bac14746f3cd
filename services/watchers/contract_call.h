/* Calling an operation of an API, and holding its answer against the document. */
#ifndef GANNET_WATCHERS_CONTRACT_CALL_H
#define GANNET_WATCHERS_CONTRACT_CALL_H

#include "contract/watchers_contract.h"
#include "openapi/openapi.h"
#include "services/watchers/watcher.h"

struct answer {
	int status;
	struct span content_type; /* without parameters; absent when there is none */
	struct span body;
	struct span allow;                 /* header Allow */
	struct span names[32], values[32]; /* headers the document speaks of */
	size_t headers_n;
};

/* The path and query of a call, made of the options' values, examples, defaults and limits; false when a needed value cannot be made up. */
bool call_target(struct api *a, const struct contract_options *o, const struct api_operation *op, struct arena *arena,
                 struct span *ret, struct span *ret_missing);
/* What a schema takes: example, default, or the simplest value. False when that is not known (a pattern without example). */
bool call_value(struct api *a, struct json schema, struct arena *arena, struct span *ret);
/* The call itself; `wanted` names headers to keep. Blocks for at most o->timeout_ms. */
enum status call_send(struct watch_run *r, const struct contract_options *o, const char *method, struct span target,
                      const struct span *wanted, size_t wanted_n, struct answer *ret, struct err *err) must_check;

/*
 * Whether the answer is what the document says: its status, content type, headers and body. INVALID with one sentence, and
 * *ret_what: "status_undocumented", "content_type_undocumented", "header_missing", "header_invalid", "body_invalid". OK also
 * for what cannot be judged (a schema with look-around patterns), with *ret_what "unchecked".
 */
enum status call_check(struct api *a, const struct api_operation *op, const struct answer *answer, struct arena *arena,
                       const char **ret_what, struct err *err) must_check;
/* Names of the headers of an operation's answers. */
size_t call_headers(struct api *a, const struct api_operation *op, struct arena *arena, struct span out[32]);
/* Whether this status is documented, by itself, by its class (2XX) or by default. */
bool call_documents(struct api *a, const struct api_operation *op, int status, struct json *ret_response);

#endif
