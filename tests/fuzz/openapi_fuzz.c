/* OpenAPI documents, JSON and YAML: loaded, compared with another version, and their schemas written out. */
#include <stdint.h>
#include <string.h>

#include "json/schema.h"
#include "openapi/openapi.h"

static void look(struct api *a)
{
	struct api_operation *operations;
	struct json *parameters, schema;
	size_t n = api_operations(a, &operations);
	for (size_t i = 0; i < n && i < 8; i++) {
		size_t m = api_parameters(a, &operations[i], &parameters);
		for (size_t j = 0; j < m && j < 8; j++) {
			scoped_buf out = {0};
			struct json v;
			struct err err;
			json_member(parameters[j], SPAN("schema"), &schema);
			api_schema(a, schema, j % 2, &out);
			if (json_parse(buf_span(&out), &v, &err) != STATUS_OK)
				__builtin_trap();
		}
	}
}

/* The two versions are parted by a byte that neither JSON nor YAML may hold. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *cut = memchr(data, 1, n);
	size_t first = cut ? (size_t)(cut - data) : n;
	struct api *b, *a;
	struct api_changes changes;
	struct err err;
	if (api_load(span_of(data, first), &b, &err) != STATUS_OK)
		return 0;
	look(b);
	if (cut && api_load(span_of(cut + 1, n - first - 1), &a, &err) == STATUS_OK) {
		api_compare(b, a, &changes);
		for (size_t i = 0; i < changes.n; i++) {
			scoped_buf text = {0};
			api_change_text(&changes.all[i], &text);
		}
		api_changes_free(&changes);
		look(a);
		api_free(a);
	}
	api_free(b);
	return 0;
}
