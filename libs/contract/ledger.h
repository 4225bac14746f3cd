/* What happened in an application, as it tells the suite: one entry of its ledger. */
#ifndef GANNET_CONTRACT_LEDGER_H
#define GANNET_CONTRACT_LEDGER_H

#include "json/table.h"

/* gannet.<tenant>.signals.ledger, proto/signal.ledger.json; the last ones are recent_events of snapshots. */
struct ledger_event {
	struct span type;
	struct json_time timestamp; /* left out: when the broker took it */
	struct span entity, entity_id, message;
	struct json details;
};
extern const struct json_table ledger_event_table;

#endif
