/* The configuration file: from its text to sources that can be read. */
#ifndef GANNET_COLLECTOR_CONFIG_H
#define GANNET_COLLECTOR_CONFIG_H

#include "services/collector/source.h"

#define CONFIG_FILE_MAX ((size_t)256 << 10)
#define CONFIG_TENANTS_MAX 16
#define CONFIG_TENANT_METRICS_MAX 256

/* All sources, in the order of the file. Owns them and their texts. */
struct config {
	struct arena arena;
	struct source sources[SOURCES_MAX];
	size_t n;
	const char *tenants[CONFIG_TENANTS_MAX]; /* each once, in the order of their first sources */
	size_t tenants_n;
};

/*
 * `where` is the path of a file or, beginning with '{', the text itself; NULL: the suite's own jobs and workers, for
 * `tenant`. `tenant` is also that of rows that name none. Strict: the error names row and member. A config that failed
 * is to be freed, too.
 */
enum status config_read(const char *where, const char *tenant, struct bus *bus, const struct clock *clock,
                        struct config *ret, struct err *err) must_check;
void config_free(struct config *c);

#endif
