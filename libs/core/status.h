/* The one list of outcomes that every library and service speaks. */
#ifndef GANNET_CORE_STATUS_H
#define GANNET_CORE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* name, wire code (used in JSON and logs), HTTP status used in Nats-Service-Error-Code and REST answers */
#define STATUS_LIST(X)                                                                                                 \
	X(OK, "ok", 200)                                                                                                   \
	X(INVALID, "invalid", 400)                                                                                         \
	X(UNAUTHORIZED, "unauthorized", 401)                                                                               \
	X(FORBIDDEN, "forbidden", 403)                                                                                     \
	X(NOT_FOUND, "not_found", 404)                                                                                     \
	X(CONFLICT, "conflict", 409)                                                                                       \
	X(TOO_LARGE, "too_large", 413)                                                                                     \
	X(UNPROCESSABLE, "unprocessable", 422)                                                                             \
	X(RATE_LIMITED, "rate_limited", 429)                                                                               \
	X(CANCELLED, "cancelled", 499)                                                                                     \
	X(INTERNAL, "internal", 500)                                                                                       \
	X(PROVIDER, "provider_error", 502)                                                                                 \
	X(UNAVAILABLE, "unavailable", 503)                                                                                 \
	X(TIMEOUT, "timeout", 504)

enum status {
#define X(name, code, http) STATUS_##name,
	STATUS_LIST(X)
#undef X
};

const char *status_code(enum status s);
int status_http(enum status s);
/* The status whose HTTP number is nearest in meaning; unknown 4xx is INVALID, anything else INTERNAL. */
enum status status_from_http(int http);

#define must_check __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define countof(a) (sizeof(a) / sizeof((a)[0]))

/*
 * What went wrong, owned by the caller and filled by the callee on failure only.
 * `retryable` alone decides whether the same work may be tried again; `field` names the input at fault ("" if none).
 * `msg` is one sentence for people: it never holds a secret. A zeroed struct is a valid empty one.
 */
struct err {
	enum status status;
	bool retryable;
	char field[64];
	char msg[320];
};

/* All three fill `e` and return its status, so that `return err_set(...)` is the usual last line of a failing path. */
enum status err_set(struct err *e, enum status s, const char *fmt, ...) printf_like(3, 4);
enum status err_field(struct err *e, enum status s, const char *field, const char *fmt, ...) printf_like(4, 5);
enum status err_retry(struct err *e, enum status s, const char *fmt, ...) printf_like(3, 4);

#endif
