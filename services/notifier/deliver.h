/* One thread for each target, which brings what it was told in line with what is open. */
#ifndef GANNET_NOTIFIER_DELIVER_H
#define GANNET_NOTIFIER_DELIVER_H

#include "entry.h"
#include "core/clock.h"

#define DELIVER_BACKOFF_MIN_MS 1000
#define DELIVER_BACKOFF_MAX_MS (5ll * 60 * 1000)
#define DELIVER_REFUSED_MS (10ll * 60 * 1000) /* a target that refuses is asked again after so long */

/*
 * Whatever happens to a process, a target hears of an entry once: a replica claims the entry's record (a compare and
 * set in the bucket) before it calls, and writes what came of it afterwards. A claim that was left behind is taken over
 * after pace.claim_ms, and an entry that nobody has a record of is first looked for at the target, by its mark.
 */
struct deliveries;

struct deliveries_options {
	struct bus *bus;
	const struct clock *clock;
	struct board *board;
	struct pace pace;
	const struct routing *routing; /* kept until deliveries_stop() */
};
enum status deliveries_start(const struct deliveries_options *o, struct deliveries **ret, struct err *err) must_check;
/* Something changed; any thread. */
void deliveries_wake(struct deliveries *d);
/* Waits for calls in hand. NULL is fine. */
void deliveries_stop(struct deliveries *d);

#endif
