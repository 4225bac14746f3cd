/* One event loop per thread: descriptors, timers and wake-ups, over libuv. */
#ifndef GANNET_LOOP_LOOP_H
#define GANNET_LOOP_LOOP_H

#include "core/clock.h"
#include "core/status.h"

struct loop;

/* All calls belong to the thread that runs the loop, except loop_wake() and loop_stop(), which any thread may call. */
enum status loop_new(struct loop **ret, struct err *err) must_check;
/* After loop_run() returned, with no other thread left that could wake it. Closes what is still watched or timed: those
   handles must not be used again, not even to free them. */
void loop_free(struct loop *l);
/* Runs until loop_stop(), or not at all if that was called before. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* For the first time also while another thread runs the loop. `fn` runs on the loop soon after any number of loop_wake() calls, at least once after the last of them. */
void loop_on_wake(struct loop *l, void (*fn)(void *arg), void *arg);
void loop_wake(struct loop *l);

/* `fn` runs once in every turn, when all that was ready is done and before the loop waits; NULL ends it. */
void loop_on_idle(struct loop *l, void (*fn)(void *arg), void *arg);

/* One-shot timers; a fired or stopped timer may be started again. Embedded in the caller's struct, zeroed at first. */
struct loop_timer {
	void *impl; /* allocated by the first start */
};
/* A delay of 0 or less fires on the next turn. */
void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms, void (*fn)(void *arg), void *arg);
void loop_timer_stop(struct loop_timer *t);
/* Gives the timer's memory back; it must not be used again. Safe inside its own callback. */
void loop_timer_free(struct loop_timer *t);

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_fd;
/*
 * Level-triggered: `fn` runs each turn in which the descriptor is ready for one of `events` (0: none for now), or in
 * error. At most one watch with events per descriptor. NULL for what cannot be watched (a regular file, a closed
 * descriptor). Both calls below are safe inside `fn`; unwatch before closing the descriptor.
 */
struct loop_fd *loop_fd_watch(struct loop *l, int fd, int events, void (*fn)(void *arg, int fd, int events), void *arg);
void loop_fd_change(struct loop_fd *w, int events);
void loop_fd_unwatch(struct loop_fd *w); /* the descriptor stays open */

/* The loop's own time, refreshed once per turn. */
int64_t loop_now_ms(struct loop *l);

#endif
