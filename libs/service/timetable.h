/* Schedules by cron expression that may change while the service runs: each turn is done once, by any one replica. */
#ifndef GANNET_SERVICE_TIMETABLE_H
#define GANNET_SERVICE_TIMETABLE_H

#include "core/cron.h"
#include "service/schedule.h"

#define TIMETABLE_ENTRIES_MAX 64
#define TIMETABLE_NAME_MAX 40
#define TIMETABLE_LANES_MAX 4

/*
 * Of several turns that were missed (the process was away, the clock jumped ahead) the last one is made up for, once.
 * Turns at or before `from_ms` are none: the last turn that was done, or the moment from which the schedule counts. A
 * clock that is set back by less than a day repeats no turn; by more, its earlier word counts no longer.
 */
struct timetable_entry {
	char name[TIMETABLE_NAME_MAX + 1];
	struct cron cron;
	const struct zone *zone; /* kept until timetable_stop() */
	int64_t from_ms;
};

struct timetable_options {
	struct bus *bus;
	const struct clock *clock;
	const char *service, *consumer; /* see schedules_options */
	int64_t lease_ms;
	unsigned lanes; /* turns done at once by this process, of different schedules or not; 1 to TIMETABLE_LANES_MAX */
	/*
	 * MUST. On a lane's thread; turn->schedule->name says which. Ticks of names that are not in the table come here,
	 * too, if they were published as `timetable_publish()` does.
	 */
	enum status (*run)(void *arg, struct span name, const struct schedule_turn *turn, struct err *err);
	void *arg;
};

struct timetable;
enum status timetable_start(const struct timetable_options *o, struct timetable **ret, struct err *err) must_check;
/* Replaces all entries within about a second; those of the same name go on. Any thread. */
void timetable_set(struct timetable *t, const struct timetable_entry *entries, size_t n);
/* An additional turn of `name`, now; stored when this returns OK. `at_ms` tells it from others of that name. */
enum status timetable_publish(struct timetable *t, const char *name, int64_t at_ms, struct err *err) must_check;
/* Waits for the turns in hand, which see it by schedule_pause(). NULL is fine. */
void timetable_stop(struct timetable *t);

#endif
