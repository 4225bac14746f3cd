/* Fuzzes exports of providers: whatever is in them, reading ends, and the lines are in order and within their limits. */
#include <stdlib.h>

#include "services/analytics/export.c"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	scoped_arena a = {0};
	struct json document;
	struct export e;
	struct err err = {0};
	if (!n || json_parse(span_of(data + 1, n - 1), &document, &err) != STATUS_OK)
		return 0;
	if (export_parse(document, data[0] % 3, &a, &e, &err) != STATUS_OK) {
		require(err.msg[0]);
		return 0;
	}
	for (size_t i = 0; i < e.n; i++) {
		require(strlen(e.lines[i].day) == 10 && strlen(e.lines[i].model) <= EXPORT_MODEL_MAX);
		require(e.lines[i].input_tokens >= 0 && e.lines[i].output_tokens >= 0);
		require(!i || by_day_and_model(&e.lines[i - 1], &e.lines[i]) < 0);
	}
	return 0;
}
