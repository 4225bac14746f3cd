/* Two versions of an OpenAPI document of 2 MB: time and memory to read and compare them. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/clock.h"
#include "openapi/openapi.h"
#include "tests/lib/test.h"

#define RUNS 5
#define SCHEMAS 1500
#define PATHS 1500

/* Schemas that refer to each other, each used by operations; the second version changes every 50th. */
static void write_document(struct buf *out, bool second)
{
	buf_adds(out, "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"bench\",\"version\":\"1\"},\"paths\":{");
	for (int i = 0; i < PATHS; i++)
		buf_printf(out,
		           "%s\"/things%d/{id}\":{\"get\":{\"operationId\":\"get%d\",\"parameters\":[{\"name\":\"id\",\"in\":\"path\",\"required\":true,"
		           "\"schema\":{\"type\":\"integer\",\"minimum\":1}},{\"name\":\"q\",\"in\":\"query\",\"schema\":{\"type\":\"string\",\"maxLength\":%d}}],"
		           "\"responses\":{\"200\":{\"description\":\"the thing, as it is known by its id and nothing else\",\"content\":{\"application/json\":{"
		           "\"schema\":{\"$ref\":\"#/components/schemas/Thing%d\"}}}},\"404\":{\"description\":\"there is none\"}}}}",
		           i ? "," : "", i, i, second && i % 50 == 0 ? 20 : 40, i % SCHEMAS);
	buf_adds(out, "},\"components\":{\"schemas\":{");
	for (int i = 0; i < SCHEMAS; i++) {
		buf_printf(out, "%s\"Thing%d\":{\"type\":\"object\",\"description\":\"a thing of kind %d\",\"required\":[\"p0\",\"p1\"],\"properties\":{",
		           i ? "," : "", i, i);
		for (int p = 0; p < 10; p++)
			buf_printf(out, "%s\"p%d\":{\"type\":\"%s\",\"description\":\"property %d of it\"}", p ? "," : "",
			           second && i % 50 == 0 && p == 3 ? 99 : p, p % 2 ? "string" : "integer", p);
		buf_printf(out, ",\"next\":{\"$ref\":\"#/components/schemas/Thing%d\"},\"other\":{\"$ref\":\"#/components/schemas/Thing%d\"}}}",
		           (i + 1) % SCHEMAS, (i * 7 + 3) % SCHEMAS);
	}
	buf_adds(out, "}}}");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

TEST(two_large_documents_are_compared)
{
	scoped_buf before = {0}, after = {0};
	double ms[RUNS];
	size_t changes_n = 0;
	struct rusage usage;
	write_document(&before, false);
	write_document(&after, true);
	for (int run = 0; run < RUNS; run++) {
		struct api *b, *a;
		struct api_changes changes;
		struct err err;
		int64_t start_ns = clock_mono_ns(&clock_system);
		CHECK_OK(api_load(buf_span(&before), &b, &err), err);
		CHECK_OK(api_load(buf_span(&after), &a, &err), err);
		api_compare(b, a, &changes);
		ms[run] = (double)(clock_mono_ns(&clock_system) - start_ns) / 1e6;
		changes_n = changes.n;
		api_changes_free(&changes);
		api_free(b);
		api_free(a);
	}
	CHECK(changes_n == 30 + 2 * 30 + 1);
	qsort(ms, RUNS, sizeof *ms, by_value);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"figure\":\"openapi_compare\",\"value\":%.4g,\"unit\":\"ms\",\"runs\":%d,\"settings\":\"two JSON documents of %zu kB, %d "
	       "operations, %d schemas, %zu changes\"}\n",
	       ms[RUNS / 2], RUNS, before.len / 1000, PATHS, SCHEMAS, changes_n);
	printf("{\"figure\":\"openapi_compare_peak_rss\",\"value\":%.4g,\"unit\":\"MiB\",\"runs\":%d,\"settings\":\"the same, both documents' texts "
	       "and generator included\"}\n",
	       (double)usage.ru_maxrss / 1024, RUNS);
}
