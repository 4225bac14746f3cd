/* Fuzzes the reading of log lines, and log clustering: every line of any bytes has a pattern that counts it, and the same line the same one. */
#include <stdlib.h>

#include "diagnose/line.h"
#include "diagnose/patterns.h"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct patterns *p = patterns_new();
	int64_t added = 0, counted = 0;
	for (struct span rest = span_of(data, n); rest.p;) {
		struct span line = span_cut(&rest, '\n');
		scoped_arena a = {0};
		struct log_line l;
		log_line_read(line, 1772000000000, &a, &l);
		require(l.message.n <= line.n && (!l.continues || !l.dated));
		size_t i = patterns_add(p, line, added);
		if (i == PATTERNS_NONE)
			continue;
		added++;
		size_t again = patterns_add(p, line, added);
		require(again != PATTERNS_NONE && patterns_now(p, again) == patterns_now(p, i));
		added++;
	}
	for (size_t i = 0; i < patterns_count(p); i++) {
		scoped_buf text = {0};
		if (patterns_now(p, i) != i)
			continue;
		patterns_text(p, i, &text);
		require(text.len > 0);
		counted += patterns_view(p, i).count;
	}
	require(counted == added);
	patterns_free(p);
	return 0;
}
