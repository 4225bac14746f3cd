/* The writer of the ledger: rows, sums and the place in EVENTS in one transaction. */
#ifndef GANNET_ANALYTICS_LEDGER_H
#define GANNET_ANALYTICS_LEDGER_H

#include "bus/bus.h"
#include "llm/llm.h"

struct ledger;

struct ledger_options {
	struct bus *bus;
	const struct clock *clock;
	const char *database_url;
	const struct price_table *prices;
	/* Called on the writer's thread once the schema is there, and when it cannot be brought up to date. */
	void (*migrated)(void *arg);
	void (*broken)(void *arg, const struct err *err);
	void *arg;
};

/*
 * Of all replicas one writes: the one that holds an advisory lock of PostgreSQL. It reads EVENTS behind the place that is
 * stored with the rows, and every transaction moves that place from where this writer left it, or writes nothing: a writer
 * that lost its lock without knowing is stopped by the place itself. Whatever fails is begun again from the stored place.
 */
enum status ledger_start(const struct ledger_options *o, struct ledger **ret, struct err *err) must_check;
/* Whether this replica is the one that writes; any thread. */
bool ledger_is_writer(struct ledger *l);
/* For service_add_check(): what the latest try to write failed of, until one goes well. */
enum status ledger_check(void *ledger, struct err *err);
/* Writes what was read by now. NULL is fine. */
void ledger_stop(struct ledger *l);

#endif
