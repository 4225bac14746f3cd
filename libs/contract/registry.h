/* Every message table, by the schema that describes it; the schema test walks this list. */
#ifndef GANNET_CONTRACT_REGISTRY_H
#define GANNET_CONTRACT_REGISTRY_H

#include "json/table.h"

/* Which messages travel on which subjects; `*` and `>` as in NATS. The schema observer of the tests uses the same rows. */
struct contract_row {
	const char *subject; /* NULL: a bucket value or a request/reply body, named by the table's title */
	const struct json_table *table;
};
extern const struct contract_row contract_rows[];
extern const size_t contract_rows_n;

#endif
