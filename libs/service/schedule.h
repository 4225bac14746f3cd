/* Work that comes round: each turn of a schedule is done once, by any one of a service's replicas. */
#ifndef GANNET_SERVICE_SCHEDULE_H
#define GANNET_SERVICE_SCHEDULE_H

#include "service/service.h"

/*
 * Every replica publishes a tick for every turn, under the same message id, so that the broker keeps one of them
 * (within BUS_DUPLICATE_WINDOW_S), and again until the broker has it; whoever is handed that one does the work and acknowledges it afterwards. A replica
 * that dies meanwhile loses its lease and another begins the turn anew, so the work has to bear repetition. The turn
 * that a process begins in is left to the replicas that were there.
 *
 * All callbacks run on one thread of the module's own, one at a time.
 */
struct schedules;

struct schedule_turn {
	struct schedules *schedules;
	const struct schedule *schedule; /* NULL in schedules_options.other */
	struct span name;                /* the schedule's, as the tick has it; valid in the call */
	int64_t at_ms;                   /* when the turn began, UTC */
	uint64_t delivery;               /* 1, or more when it was begun before */
};

struct schedule {
	const char *name;    /* MUST: 1 to 40 of a-z 0-9 _ -, unique in the service */
	int64_t interval_ms; /* turns begin at the multiples of it since 1970; 0: never, or as `turns` says */
	/* MAY: the last turn at or before `now_ms`, and the next one after it; INT64_MAX for none. */
	void (*turns)(void *arg, const struct schedule *s, int64_t now_ms, int64_t *ret_last_ms, int64_t *ret_next_ms);
	/* MUST. An error is logged and the turn comes again after `again_ms`. */
	enum status (*run)(void *arg, const struct schedule_turn *t, struct err *err);
};

struct schedules_options {
	struct bus *bus;
	const struct clock *clock;
	const char *service;        /* ticks are published on gannet.tick.<service> */
	const char *consumer;       /* of STREAM_TICKS, with that filter; see topology.h */
	int64_t lease_ms;           /* of the consumer */
	int64_t again_ms;           /* 0: SCHEDULE_AGAIN_MS */
	const struct schedule *all; /* kept */
	size_t n;
	/* MAY: turns of schedules that are none of `all`; without it they are acknowledged and nothing is done. */
	enum status (*other)(void *arg, const struct schedule_turn *t, struct err *err);
	void (*idle)(void *arg, struct schedules *s); /* MAY: called about once a second between turns */
	void *arg;
};
#define SCHEDULE_AGAIN_MS 30000

enum status schedules_start(const struct schedules_options *o, struct schedules **ret, struct err *err) must_check;
/* Waits for the turn in hand, which sees it by schedule_pause(). NULL is fine. */
void schedules_stop(struct schedules *s);
/* To be called between pieces of long work: keeps the lease; true when the work is to end now, with an error. */
bool schedule_pause(const struct schedule_turn *t);
/* Whether schedules_stop() was called; any thread. */
bool schedules_stopping(struct schedules *s);

#endif
