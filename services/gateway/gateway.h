/* What the files of the gateway share: its configuration, its parts, and a request on its way through. */
#ifndef GANNET_GATEWAY_GATEWAY_H
#define GANNET_GATEWAY_GATEWAY_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "bus/ask.h"
#include "core/id.h"
#include "http/server.h"
#include "route.h"
#include "service/service.h"

#define HEAD_MAX_BYTES ((size_t)16 << 10)  /* of a request: line and headers */
#define BODY_MAX_BYTES ((size_t)1 << 20)   /* of a request */
#define REPLY_MAX_BYTES ((size_t)16 << 20) /* of a service's answer */
#define REQUEST_ID_MAX 64

struct gateway_config {
	const char *bind;
	int64_t port, threads, max_connections, connections_per_ip, head_timeout_ms, body_timeout_ms, answer_timeout_ms, idle_timeout_ms,
	    max_body_bytes, trusted_proxies;
	bool access_log;
	const char *cors_origins;
	int64_t cors_max_age_s;
	const char *jwt_secret, *jwt_public_key, *jwks_path, *jwt_issuer, *jwt_audience;
	int64_t jwt_skew_ms;
	int64_t rate_ip, rate_user, rate_tenant, rate_create;
	int64_t streams_max, streams_per_user, stream_backlog_bytes, heartbeat_ms;
	bool hsts;
};

struct copies;
struct limits;
struct streams;
struct gateway {
	const struct gateway_config *config;
	struct service *service;
	struct bus *bus;
	const struct clock *clock;
	struct auth *auth;
	struct bus_asker *asker;
	struct copies *copies;
	struct limits *limits;
	struct streams *streams;
	struct http_server *server;
	atomic_bool ends; /* requests are refused */
};

/*
 * One request. Its memory is its own and goes with the answer; whoever holds it answers it, or hands it on. Made in the
 * HTTP server's thread, answered on any.
 */
struct call {
	struct gateway *gateway;
	struct http_exchange *x;
	struct arena arena;
	struct http_target target;
	struct route_match match;
	struct auth_identity who; /* after the token was checked */
	bool known;               /* it was */
	bool tokenless;           /* none came */
	bool leads;               /* admin or manager: sees all of the tenant's */
	int64_t began_ns;
	char request_id[REQUEST_ID_MAX + 1];
	char peer[HTTP_PEER_BYTES];
	struct trace_context parent, trace; /* `parent` zeroed: none came */
	char method_text[24];
	struct span method, path;           /* path: as it came, without the query */
	struct span origin;                 /* an allowed one, else absent */
	struct span body;                   /* what the subject is asked, in the arena */
	bool wait_told;                     /* there is a Retry-After already */
};

/* ---- call.c: the way of a request */
void call_handle(void *gateway, struct http_exchange *x);

/* ---- answer.c: every answer goes through one of these, which end the call */
void call_answer(struct call *c, int status, const char *content_type, struct span body);
void call_answer_body(struct call *c, int status, const char *content_type, struct http_body *body);
void call_refuse(struct call *c, const struct err *err);
/* The headers that every answer has; for those that answer in pieces. */
void call_put_headers(struct call *c);
/* Log line, metrics, trace; then the call's memory goes. */
void call_end(struct call *c, int status, size_t bytes);
void answers_register(void);
void calls_register(void);

/* ---- body.c: the request's JSON out of path, query and body */
enum status call_request(struct call *c, struct err *err) must_check;

/* ---- forward.c: asks the subject and answers */
void call_forward(struct call *c);

/* ---- cors.c */
enum status cors_check(const char *origins, struct err *err) must_check;
bool cors_allows(const struct gateway *g, struct span origin);
/* Answers a preflight request. */
void cors_preflight(struct call *c);

/* ---- copies.c: what the bucket `latest` holds, at hand while it is known to be fresh */
enum status copies_start(struct bus *b, struct copies **ret, struct err *err) must_check;
void copies_stop(struct copies *c);
/* A reference, or NULL when it is not known now. `key`: "<tenant>.reasoning". */
struct http_body *copies_get(struct copies *c, const char *key, uint64_t *ret_revision);

/* ---- limits.c: token buckets */
enum limit_kind { LIMIT_IP, LIMIT_USER, LIMIT_TENANT, LIMIT_CREATE, LIMIT_KINDS };
struct limits *limits_new(const int64_t per_minute[LIMIT_KINDS], const struct clock *clock);
void limits_free(struct limits *l);
/* Takes one token; false, and in how many seconds there is one, when there is none. */
bool limits_take(struct limits *l, enum limit_kind kind, struct span key, int64_t *ret_wait_s);
extern const char *const limit_names[];

/* ---- openapi.c */
enum status openapi_write(const char *proto_folder, struct buf *out, struct err *err) must_check;

/* ---- events/: server-sent events */
enum status streams_start(struct gateway *g, struct streams **ret, struct err *err) must_check;
/* No new ones; those that are open are told and end. */
void streams_end(struct streams *s);
/* When no request comes any more. */
void streams_free(struct streams *s);
bool events_handle(struct call *c);

#endif
