/* Options of the watcher contract. */
#ifndef GANNET_CONTRACT_WATCHERS_CONTRACT_H
#define GANNET_CONTRACT_WATCHERS_CONTRACT_H

#include "json/table.h"

#define CONTRACT_CALLS_MAX 2000
#define CONTRACT_CALLS_DEFAULT 200
#define CONTRACT_TIMEOUT_DEFAULT_MS 5000

/* proto/watchers.contract.json */
struct contract_options {
	struct span document;     /* The OpenAPI document: a file, or an http(s) URL. */
	struct span base;         /* An earlier version, to be compared with; likewise. */
	struct span server;       /* Where it is deployed; without it nothing is called. */
	struct span auth_header;  /* The header that carries what token_env holds; Authorization when left out. */
	struct span token_env;    /* The environment variable with the token; Authorization gets "Bearer " before it. */
	struct json include;      /* Paths to call, as globs; all when left out. */
	struct json exclude;      /* Paths not to call, as globs. */
	struct json parameters;   /* An object of values for parameters by name, before examples. */
	struct opt_i64 max_calls; /* Calls of one run. */
	struct opt_i64 timeout_ms; /* Of one call. */
	struct opt_i64 pause_ms;  /* Between two calls. */
};
extern const struct json_table watchers_contract_table;

#endif
