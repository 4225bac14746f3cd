/* Fuzzes the watchers' configuration and the options in it: taken or refused, never more. */
#include <stdlib.h>

#include "contract/watchers.h"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_items(struct json list, const struct json_table *t, void *object, struct arena *a)
{
	struct json key, item;
	size_t i = 0;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &item); i++) {
		struct err err = {0};
		if (watchers_item(t, item, "items", i, a, object, &err) != STATUS_OK)
			require(err.msg[0] && err.field[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct watchers_config c;
	scoped_arena a = {0};
	struct err err = {0};
	if (watchers_config_read(span_of(data, n), &a, &c, &err) != STATUS_OK) {
		require(err.msg[0]);
		return 0;
	}
	for (size_t i = 0; i < c.watches_n; i++) {
		struct integrity_options integrity;
		struct diagnosis_settings diagnosis;
		struct integrity_rule rule;
		struct diagnosis_source source;
		require(c.watches[i].name.n && c.watches[i].tenant.n);
		if (c.watches[i].options.type != JSON_OBJECT)
			continue;
		if (json_decode(&watchers_integrity_table, c.watches[i].options, JSON_STRICT, &a, &integrity, &err) ==
		    STATUS_OK)
			read_items(integrity.rules, &watchers_rule_table, &rule, &a);
		if (json_decode(&watchers_diagnosis_table, c.watches[i].options, JSON_STRICT, &a, &diagnosis, &err) ==
		    STATUS_OK)
			read_items(diagnosis.sources, &watchers_source_table, &source, &a);
	}
	return 0;
}
