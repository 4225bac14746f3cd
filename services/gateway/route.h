/* What a route is: one row says method, path, who may, which subject answers, and what the document says of it. */
#ifndef GANNET_GATEWAY_ROUTE_H
#define GANNET_GATEWAY_ROUTE_H

#include "core/arena.h"
#include "core/buf.h"
#include "http/uri.h"
#include "json/table.h"

struct call;

#define ROUTE_PARAMS_MAX 4
#define ROUTE_TIMEOUT_MS 5000 /* of the answering service, where the row says nothing else */

/*
 * What a caller who is neither admin nor manager may see of a route that he may call at all: only what is his own, by
 * the record's user_id.
 */
enum route_scope {
	SCOPE_TENANT, /* all of the tenant's */
	SCOPE_FILTER, /* user_id of the request is set to the caller's */
	SCOPE_AUTHOR, /* the same; and who names nobody is the author himself, whatever his role */
	SCOPE_RECORD, /* the answer's user_id must be the caller's, else there is no such thing */
	SCOPE_JOB,    /* the job of the path must be the caller's: it is asked for first */
};

/*
 * Requests become one JSON object: parameters of the path, then the query's (routes without a body) or the body's
 * members, checked against the names and kinds of `request`; the service behind the subject checks the values.
 */
struct route {
	const char *method;
	const char *path; /* "/api/v1/ai-jobs/{job_id}/": a parameter is a whole segment; a slash at the end may be left out */
	const char *id;   /* operationId */
	const char *summary, *description; /* description MAY be NULL */
	const char *const *roles;          /* NULL-terminated; any one of them */
	enum route_scope scope;
	const char *verb;                 /* asked is gannet.<tenant>.<verb>; NULL: `handle` answers */
	const struct json_table *request; /* what the subject takes */
	bool takes_body;                  /* a JSON object; else the query */
	bool body_is_optional;
	const char *const *required; /* MAY: members that REST requires beyond the table */
	const char *const *fixed;    /* MAY: name, JSON value ("": left out), …: members set here, refused in the request */
	const char *caller;          /* MAY: a member that is set to who calls, and refused in the request */
	const char *reply;           /* title of proto/<title>.json */
	bool reply_is_array;         /* of that */
	int success;                 /* 200, 202 … */
	int timeout_ms;              /* 0: ROUTE_TIMEOUT_MS */
	bool creates;                /* counts against the limit of created jobs */
	const int *errors;           /* statuses besides 400, 401, 403, 429, 503, 504; 0-terminated; MAY be NULL */
	/* MAY: writes the REST answer's body out of the service's. */
	enum status (*shape)(struct json reply, struct arena *a, struct buf *out, struct err *err);
	/* MAY: answers, or keeps the call for later (and returns true); false: the subject is asked. */
	bool (*handle)(struct call *c);
	const char *content_type; /* of the answer, for the document; NULL: application/json */
	const struct route_parameter {
		const char *name, *in, *description, *example; /* in: query or header */
		bool required;
	} * parameters; /* MAY: of routes with `handle`, for the document */
	size_t parameters_n;
};

/* A file in routes/ defines `const struct route_area route_area_<file>`; make gathers them from the folder's listing. */
struct route_area {
	const char *name, *description;
	const struct route *routes;
	size_t n;
};
extern const struct route_area *const routes[];
extern const size_t routes_n;

/* Role lists that areas share. */
extern const char *const roles_leading[];  /* admin, manager */
extern const char *const roles_everyone[]; /* and user */

struct route_match {
	const struct route *route; /* NULL: none */
	size_t index;              /* over all areas; for metrics */
	struct span params[ROUTE_PARAMS_MAX]; /* in the path's order */
	bool path_exists;                     /* some method has it */
};
#define ROUTES_MAX 64
/* HEAD finds GET's. */
void route_find(const struct http_target *t, struct span method, struct route_match *ret);
/* "GET, HEAD, OPTIONS": what the path allows. */
void route_allow(const struct http_target *t, char *out, size_t out_bytes);
/* The names of a path's parameters; how many. */
size_t route_params(const struct route *r, struct span names[ROUTE_PARAMS_MAX]);
/* The i-th over all areas; NULL past the last. */
const struct route *route_at(size_t i);

#endif
