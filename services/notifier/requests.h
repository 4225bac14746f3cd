/* gannet.<tenant>.findings.<verb>: what is open, and silences. */
#ifndef GANNET_NOTIFIER_REQUESTS_H
#define GANNET_NOTIFIER_REQUESTS_H

#include "board.h"
#include "bus/micro.h"
#include "core/clock.h"

struct requests {
	struct bus *bus;
	struct board *board;
	const struct clock *clock;
	struct micro *micro;
};
enum status requests_start(struct requests *r, struct err *err) must_check;
void requests_stop(struct requests *r);

#endif
