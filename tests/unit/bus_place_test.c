/* What an acknowledgement's subject tells, in both of its forms, and what is none. */
#include "bus/internal.h"
#include "tests/lib/test.h"

TEST(the_first_form_is_understood)
{
	struct bus_place p;
	CHECK(bus_place_parse(SPAN("$JS.ACK.JOBS.llm_high.2.1284411.77.1767225845123456789.9"), &p));
	CHECK_SPAN(p.stream, "JOBS");
	CHECK_SPAN(p.consumer, "llm_high");
	CHECK_INT(p.delivered, 2);
	CHECK_INT(p.stream_sequence, 1284411);
	CHECK_INT(p.consumer_sequence, 77);
	CHECK_INT(p.stored_ns, 1767225845123456789);
	CHECK_INT(p.pending, 9);
}

TEST(the_second_form_is_understood_with_and_without_its_random_end)
{
	struct bus_place p;
	CHECK(bus_place_parse(SPAN("$JS.ACK._.GV7hT.JOBS.llm_high.1.5.6.7.8"), &p));
	CHECK_SPAN(p.stream, "JOBS");
	CHECK_INT(p.pending, 8);
	CHECK(bus_place_parse(SPAN("$JS.ACK.hub.GV7hT.JOBS.llm_high.1.5.6.7.8.x9y"), &p));
	CHECK_SPAN(p.consumer, "llm_high");
	CHECK_INT(p.stored_ns, 7);
}

TEST(anything_else_is_no_place)
{
	static const char *const none[] = {"",
	                                   "$JS.ACK.",
	                                   "_INBOX.x",
	                                   "$JS.ACK.JOBS.c.1.2.3.4",
	                                   "$JS.ACK.a.JOBS.c.1.2.3.4.5",
	                                   "$JS.ACK.JOBS.c.1.2.x.4.5",
	                                   "$JS.ACK.JOBS.c.1..3.4.5",
	                                   "$JS.ACK.JOBS.c.-1.2.3.4.5",
	                                   "$JS.ACK.JOBS.c.99999999999999999999.2.3.4.5",
	                                   "$JS.ACK.........",
	                                   "$JS.ACK.JOBS.c.1.2.3.4."};
	for (size_t i = 0; i < countof(none); i++) {
		struct bus_place p = {.delivered = 42};
		CHECK_MSG(!bus_place_parse(span_from(none[i]), &p), "%s", none[i]);
		CHECK_INT(p.delivered, 42);
	}
}
