/* The field table of ledger events. */
#include "contract/ledger.h"

#define F(member, ...) JSON_FIELD(struct ledger_event, member, __VA_ARGS__)
static const struct json_field ledger_event_fields[] = {
    F(type, .min = 1, .max = 64, .required = true),
    F(timestamp),
    F(entity, .max = 64),
    F(entity_id, .max = 128),
    F(message, .max = 1024),
    F(details, .raw_types = JSON_ALLOW(JSON_OBJECT), .max = 4096),
};
const struct json_table ledger_event_table = {"signal.ledger", sizeof(struct ledger_event), ledger_event_fields,
                                              countof(ledger_event_fields)};
