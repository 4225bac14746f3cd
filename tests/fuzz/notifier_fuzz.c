/* The notifier's file, and marks in texts of others. */
#include <stdint.h>

#include "services/notifier/routing.c"
#include "services/notifier/target.c"
#include "services/notifier/window.c"

static enum status check_nothing(const struct target *t, struct err *err)
{
	(void)t, (void)err;
	return STATUS_OK;
}
static const struct target_kind kind = {.kind = "slack", .check = check_nothing};
const struct target_kind *const target_kinds[] = {&kind};
const size_t target_kinds_n = 1;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct routing *r;
	struct err err;
	struct span text = span_of(data, n);
	target_marked(text);
	if (routing_parse(text, &r, &err) == STATUS_OK)
		routing_free(r);
	return 0;
}
