/* Outcomes: names, HTTP numbers, and errors that may be built from themselves. */
#include "core/status.h"

#include "core/utf8.h"
#include "tests/lib/test.h"

TEST(every_status_has_a_code_and_a_number_that_leads_back)
{
#define X(name, code, http)                                                                                            \
	CHECK(strcmp(status_code(STATUS_##name), code) == 0);                                                              \
	CHECK_INT(status_http(STATUS_##name), http);                                                                       \
	CHECK_STATUS(status_from_http(http), STATUS_##name);
	STATUS_LIST(X)
#undef X
	CHECK(strcmp(status_code((enum status)999), "internal") == 0);
	CHECK_INT(status_http((enum status)999), 500);
}

TEST(unknown_numbers_get_the_nearest_status)
{
	CHECK_STATUS(status_from_http(204), STATUS_OK);
	CHECK_STATUS(status_from_http(418), STATUS_INVALID);
	CHECK_STATUS(status_from_http(599), STATUS_INTERNAL);
	CHECK_STATUS(status_from_http(302), STATUS_INTERNAL);
	CHECK_STATUS(status_from_http(0), STATUS_INTERNAL);
}

TEST(errors_say_whether_to_retry_and_which_field)
{
	struct err e;
	memset(&e, 0xFF, sizeof e);
	CHECK_STATUS(err_set(&e, STATUS_INTERNAL, "%s %d", "broken", 7), STATUS_INTERNAL);
	CHECK(e.status == STATUS_INTERNAL && !e.retryable && !e.field[0] && strcmp(e.msg, "broken 7") == 0);
	CHECK_STATUS(err_field(&e, STATUS_INVALID, "model", "unknown"), STATUS_INVALID);
	CHECK(!e.retryable && strcmp(e.field, "model") == 0 && strcmp(e.msg, "unknown") == 0);
	CHECK_STATUS(err_retry(&e, STATUS_TIMEOUT, "late"), STATUS_TIMEOUT);
	CHECK(e.status == STATUS_TIMEOUT && e.retryable && !e.field[0] && strcmp(e.msg, "late") == 0);
}

TEST(an_error_can_be_wrapped_in_place)
{
	struct err e;
	err_field(&e, STATUS_INVALID, "context", "too deep");
	err_field(&e, e.status, e.field, "%s: %s", e.field, e.msg);
	CHECK(strcmp(e.field, "context") == 0 && strcmp(e.msg, "context: too deep") == 0);
}

TEST(long_texts_are_cut_between_characters)
{
	char text[1000];
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 4 < sizeof text; i += 4)
			memcpy(text + i, "🌍", 5);
		struct err e;
		err_field(&e, STATUS_INVALID, text, "%s", text);
		CHECK(utf8_valid(span_from(e.msg)) && strlen(e.msg) > sizeof e.msg - 5);
		CHECK(utf8_valid(span_from(e.field)) && strlen(e.field) > sizeof e.field - 5);
	}
}
