/* The test's own connection to its broker, with everything on it observed. */
#include "tests/lib/servers.h"

struct bus *test_bus(void)
{
	static struct bus *bus;
	struct err err;
	struct bus_options options = {.url = test_nats_url(), .name = "test", .clock = &clock_system};
	if (bus)
		return bus;
	test_observe();
	CHECK_OK(bus_open(&options, &bus, &err), err);
	return bus;
}
