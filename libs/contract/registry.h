/* Every message of the suite: where it travels and which table and schema describe it. */
#ifndef GANNET_CONTRACT_REGISTRY_H
#define GANNET_CONTRACT_REGISTRY_H

#include "json/table.h"

/*
 * One kind of message. A new one is a table, its schema proto/<title>.json, and a row here; the schema test walks these
 * rows and the tables nested in them, and the tests' observer checks what it sees by them.
 */
struct contract_row {
	const char *subject; /* wildcards as in NATS; "$KV.<bucket>.>" for bucket values; NULL: on no subject of its own */
	const struct json_table *table; /* the message, or a request's body */
	const struct json_table *reply; /* what answers a request; NULL: the subject carries messages, not requests */
};
extern const struct contract_row contract_rows[];
extern const size_t contract_rows_n;

/* The first row whose subject matches; NULL when none does. */
const struct contract_row *contract_find(struct span subject);

#endif
