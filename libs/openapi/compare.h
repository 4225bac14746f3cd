/* A comparison at work: where it is, and what it found. */
#ifndef GANNET_OPENAPI_COMPARE_H
#define GANNET_OPENAPI_COMPARE_H

#include "openapi/facts.h"
#include "openapi/rules.h"

#define COMPARE_TEXT_MAX 160 /* bytes of a value shown */

/* A pair of shared schemas, compared once however many operations use it. */
struct shared {
	size_t operations, touched_by; /* touched_by: the operation that was counted last, 1-based */
	struct shared **uses;          /* shared schemas within */
	size_t uses_n, uses_cap;
};

struct found {
	struct api_change change;
	struct shared *in; /* NULL: in an operation itself */
};

struct compare {
	struct api *base, *revision;
	struct api_changes *out;
	struct found *found;
	size_t n, cap;
	struct map shared; /* "<side> <base $ref> <revision $ref>" → struct shared * */

	struct span operation; /* shown */
	struct buf place;
	struct shared *within; /* the shared schema that is being compared, NULL outside */
	size_t operation_number;
};

/* Something changed at the present place. Values may be absent. */
void note(struct compare *c, const struct api_rule *rule, struct span subject, struct span before, struct span after);
/* Appends to the place; the returned length is what place_leave() goes back to. */
size_t place_enter(struct compare *c, const char *fmt, ...) printf_like(2, 3);
void place_leave(struct compare *c, size_t length);

/* Schemas as they stand in their documents, $refs included; either may be absent. */
void compare_schemas(struct compare *c, enum schema_side side, struct json before, struct json after);
void compare_contents(struct compare *c, enum schema_side side, struct json before, struct json after,
                      enum other_rule_name removed, enum other_rule_name added);
void compare_parameters(struct compare *c, const struct api_operation *before, const struct api_operation *after);
void compare_body(struct compare *c, struct json before, struct json after);
void compare_responses(struct compare *c, struct json before, struct json after);
void compare_security(struct compare *c, const struct api_operation *before, const struct api_operation *after);
void compare_schemes(struct compare *c);

/* Calls for each name that only one side has; `both` (may be NULL) for the others. Values are followed. */
void compare_members(struct compare *c, struct json before, struct json after,
                     void (*removed)(struct compare *c, struct span name, struct json before, void *arg),
                     void (*added)(struct compare *c, struct span name, struct json after, void *arg),
                     void (*both)(struct compare *c, struct span name, struct json before, struct json after, void *arg),
                     void *arg);

#endif
