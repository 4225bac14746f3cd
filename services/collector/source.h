/* A source: one row of the configuration, and the kind that knows how to read it. */
#ifndef GANNET_COLLECTOR_SOURCE_H
#define GANNET_COLLECTOR_SOURCE_H

#include "bus/bus.h"
#include "contract/snapshot.h"
#include "services/collector/reading.h"

#define SOURCES_MAX 64       /* rows, all tenants together; each has a thread of its own */
#define SOURCE_FIELDS_MAX 64 /* metrics of one source */
#define SOURCE_NAME_MAX 32
#define SOURCE_DEADLINE_MIN_MS 10
#define SOURCE_DEADLINE_MAX_MS 10000
#define SOURCE_DEADLINE_DEFAULT_MS 2000
#define SOURCE_INTERVAL_MAX_MS (24ll * 3600 * 1000)
#define SOURCE_SELECTOR_MAX 512
#define SOURCE_URL_MAX 2048
#define SOURCE_ANSWER_MAX ((size_t)1 << 20) /* bytes of one answer, whatever the kind */

/* A metric, and where in the source's answer it is. */
struct source_field {
	const char *metric;             /* a member of struct snapshot, or a name in additional_metrics */
	const char *selector;           /* a column, a pointer, a series: the kind says */
	const struct json_field *known; /* the member's row; NULL for one in additional_metrics */
};

/* Made once from the configuration and never changed; all texts live as long as the process's configuration. */
struct source {
	const char *name, *tenant;
	const struct source_kind *kind;
	int64_t deadline_ms, interval_ms; /* interval 0: on every turn */
	struct source_field *fields;
	size_t fields_n;
	struct bus *bus;
	const struct clock *clock;
	void *state; /* the kind's own */
};

/* What all rows may have: the first member of every kind's row. */
struct source_row {
	struct span name, kind, tenant;
	struct opt_i64 deadline_ms, interval_ms;
	struct json fields; /* {metric: selector}, or [metric …] where each is its own selector */
};
const char *source_check_name(struct span s);
/* The rows of those in a kind's table, `common` being the struct source_row in `type`. */
#define SOURCE_ROW(type)                                                                                               \
	JSON_FIELD_AS(type, common.name, "name", .min = 1, .max = SOURCE_NAME_MAX, .check = source_check_name,             \
	              .required = true),                                                                                   \
	    JSON_FIELD_AS(type, common.kind, "kind", .min = 1, .max = 32, .required = true),                               \
	    JSON_FIELD_AS(type, common.tenant, "tenant", .min = 1, .max = TENANT_ID_MAX, .check = source_check_tenant),    \
	    JSON_FIELD_AS(type, common.deadline_ms, "deadline_ms", .min = SOURCE_DEADLINE_MIN_MS,                          \
	                  .max = SOURCE_DEADLINE_MAX_MS),                                                                  \
	    JSON_FIELD_AS(type, common.interval_ms, "interval_ms", .min = 0, .max = SOURCE_INTERVAL_MAX_MS),               \
	    JSON_FIELD_AS(type, common.fields, "fields", .raw_types = JSON_ALLOW(JSON_OBJECT) | JSON_ALLOW(JSON_ARRAY))
const char *source_check_tenant(struct span s);

/* The row of a kind that adds nothing. */
struct source_row_alone {
	struct source_row common;
};

/*
 * A kind of source, in sources/<name>.c as `source_kind_<name>`. `read` and `close` run on a thread that the source has
 * for itself, so they may block, but not for longer than about the source's deadline: what comes later is thrown away.
 */
struct source_kind {
	const char *name;
	const struct json_table *table; /* MUST: of its rows, decoded strictly */
	/*
	 * MUST. Checks the rest of a row and makes source->state; talks to nobody. The row's texts live as long as `a`.
	 * Errors have `field` set to the member at fault.
	 */
	enum status (*open)(struct source *s, const void *row, struct arena *a, struct err *err);
	/*
	 * MUST. Puts what it finds. An error loses all of the source's metrics; its message goes to the log, what
	 * reading_fail() was told into the snapshot.
	 */
	enum status (*read)(const struct source *s, struct reading *r, struct err *err);
	void (*close)(struct source *s);     /* MUST */
	const char *const *metrics;          /* MAY: taken when the row names no fields; their selectors are "/<metric>" */
	/* MAY: the one metric that the row as a whole makes, so that it has no fields; absent for a row with fields. */
	struct span (*row_metric)(const void *row);
};
extern const struct source_kind *const source_kinds[];
extern const size_t source_kinds_n;

/*
 * `text` with each ${NAME} replaced by the environment's NAME, or by what the file NAME_FILE holds. Errors name the
 * variable and never a value.
 */
enum status source_expand(const char *member, struct span text, struct arena *a, const char **ret,
                          struct err *err) must_check;

#endif
