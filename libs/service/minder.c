/* The thread that takes signals, and ends a process whose main loop stands still or whose drain does not end. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service/internal.h"

#define TICK_MS 1000
#define DRAIN_GRACE_MS 10000 /* what follows the drain itself: flushing traces and the broker's connection */

static sigset_t quit_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return set;
}

void minder_block_signals(void)
{
	sigset_t set = quit_signals();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int64_t tick_ms(const struct service *s)
{
	int64_t quarter = s->settings.shared.watchdog_ms / 4;
	return quarter > 0 && quarter < TICK_MS ? quarter : TICK_MS;
}

/*
 * Standing still is counted in this thread's own ticks: a process that was stopped as a whole (SIGSTOP, a suspended
 * machine) finds one tick gone when it goes on, not the hours in between.
 */
static void watch_progress(struct minder *m, uint64_t *seen, int64_t *looked_ms)
{
	struct service *s = m->service;
	int64_t now = clock_mono_ms(s->clock), passed = now - *looked_ms, most = 2 * tick_ms(s);
	uint64_t progress = atomic_load(&m->progress);
	*looked_ms = now;
	if (progress != *seen || progress == 0) {
		*seen = progress;
		atomic_store(&m->stale_ms, 0);
		return;
	}
	int64_t stale = atomic_fetch_add(&m->stale_ms, passed < most ? passed : most) + passed;
	if (s->settings.shared.watchdog_ms == 0 || stale < s->settings.shared.watchdog_ms)
		return;
	log_fields(LOG_ERROR, "main loop stands still, ending", LOG_I("stale_ms", stale));
	_exit(SERVICE_EXIT_STUCK);
}

static void watch_drain(struct minder *m)
{
	int64_t until = atomic_load(&m->drain_until_mono_ms);
	if (until == 0 || clock_mono_ms(m->service->clock) < until + DRAIN_GRACE_MS)
		return;
	log_fields(LOG_ERROR, "drain did not end in time, ending", LOG_I("drain_ms", m->service->settings.shared.drain_ms));
	_exit(SERVICE_EXIT_STUCK);
}

static void *mind(void *arg)
{
	struct minder *m = arg;
	sigset_t set = quit_signals();
	int64_t tick = tick_ms(m->service), looked_ms = clock_mono_ms(m->service->clock);
	uint64_t seen = 0;
	bool asked = false;
	const struct timespec wait = {tick / 1000, tick % 1000 * 1000000};
	while (true) {
		int signal = sigtimedwait(&set, NULL, &wait);
		if (atomic_load(&m->ended))
			return NULL;
		if (signal > 0 && asked)
			_exit(SERVICE_EXIT_SECOND_SIGNAL);
		if (signal > 0) {
			asked = true;
			log_fields(LOG_INFO, "asked to end", LOG_C("signal", sigabbrev_np(signal)));
			service_quit(m->service, NULL);
		}
		if (atomic_load(&m->drain_until_mono_ms))
			watch_drain(m);
		else
			watch_progress(m, &seen, &looked_ms);
	}
}

void minder_start(struct minder *m, struct service *s)
{
	m->service = s;
	if (pthread_create(&m->thread, NULL, mind, m) != 0)
		abort();
}

void minder_stop(struct minder *m)
{
	atomic_store(&m->ended, true);
	pthread_kill(m->thread, SIGTERM);
	pthread_join(m->thread, NULL);
}
