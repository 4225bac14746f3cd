/* Fuzzes cron expressions and time zone files: what is accepted goes forward and backward to the same moments. */
#include <stdlib.h>

#include "core/cron.h"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void walk(const struct cron *c, const struct zone *z)
{
	static const int64_t from[] = {INT64_C(1774700000000), INT64_C(1792800000000), INT64_C(4102000000000), -1};
	for (size_t i = 0; i < countof(from); i++) {
		int64_t next = cron_next(c, z, from[i]), last = cron_last(c, z, from[i]);
		require(next > from[i] && (last <= from[i] || last == INT64_MAX));
		if (next != INT64_MAX)
			require(cron_last(c, z, next) == next);
		if (last != INT64_MAX)
			require(cron_next(c, z, last - 1) == last);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct zone *berlin;
	struct zone *z = NULL;
	struct cron c;
	struct err err = {0};
	if (!berlin && zone_load("Europe/Berlin", &berlin, &err) != STATUS_OK)
		require(zone_load("UTC", &berlin, &err) == STATUS_OK);
	if (cron_parse(span_of(data, n), &c, &err) == STATUS_OK)
		walk(&c, berlin);
	else
		require(err.msg[0]);
	if (zone_parse(span_of(data, n), &z, &err) == STATUS_OK) {
		int64_t at[2];
		for (int64_t s = INT64_C(-4000000000); s < INT64_C(6000000000); s += INT64_C(100000007)) {
			int64_t offset = zone_offset_s(z, s);
			require(offset >= -2 * 86400 && offset <= 2 * 86400);
			(void)zone_from_local(z, s, at);
		}
		zone_free(z);
	}
	return 0;
}
