/* The event loop: wake-ups from other threads, one-shot timers, descriptors. */
#include "loop/loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/test.h"

static struct loop *new_loop(void)
{
	struct loop *l;
	struct err err;
	CHECK_OK(loop_new(&l, &err), err);
	return l;
}

static void stop(void *loop)
{
	loop_stop(loop);
}

#define WAKERS 4
#define WAKES_EACH 5000

struct wakes {
	struct loop *loop;
	pthread_mutex_t lock;
	int queued, seen; /* queued: under the lock */
};

static void *wake_often(void *arg)
{
	struct wakes *w = arg;
	for (int i = 0; i < WAKES_EACH; i++) {
		pthread_mutex_lock(&w->lock);
		w->queued++;
		pthread_mutex_unlock(&w->lock);
		loop_wake(w->loop);
	}
	return NULL;
}

static void take_all(void *arg)
{
	struct wakes *w = arg;
	pthread_mutex_lock(&w->lock);
	w->seen += w->queued;
	w->queued = 0;
	pthread_mutex_unlock(&w->lock);
	if (w->seen == WAKERS * WAKES_EACH)
		loop_stop(w->loop);
}

TEST(what_was_queued_before_a_wake_up_is_seen_however_many_threads_wake)
{
	struct wakes w = {.loop = new_loop(), .lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t threads[WAKERS];
	loop_on_wake(w.loop, take_all, &w);
	for (int i = 0; i < WAKERS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, wake_often, &w), 0);
	loop_run(w.loop);
	for (int i = 0; i < WAKERS; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(w.seen, WAKERS * WAKES_EACH);
	loop_free(w.loop);
}

TEST(a_stop_before_run_ends_that_run_and_not_the_next)
{
	struct loop *l = new_loop();
	struct loop_timer t = {0};
	loop_stop(l);
	loop_run(l);
	loop_timer_start(l, &t, 1, stop, l);
	loop_run(l);
	loop_timer_free(&t);
	loop_free(l);
}

static void *stop_from_thread(void *loop)
{
	loop_stop(loop);
	return NULL;
}

TEST(another_thread_can_stop_a_sleeping_loop)
{
	struct loop *l = new_loop();
	pthread_t thread;
	CHECK_INT(pthread_create(&thread, NULL, stop_from_thread, l), 0);
	loop_run(l);
	pthread_join(thread, NULL);
	loop_free(l);
}

struct order {
	struct loop *loop;
	char text[8];
	struct loop_timer a, b, c;
	int64_t started_ms;
};

static void fire_a(void *arg)
{
	struct order *o = arg;
	strcat(o->text, "a");
}

static void fire_b_again(void *arg)
{
	struct order *o = arg;
	strcat(o->text, "b");
	loop_timer_stop(&o->c);
	loop_timer_free(&o->b);
	loop_timer_start(o->loop, &o->a, 10, stop, o->loop);
}

static void fire_c(void *arg)
{
	struct order *o = arg;
	strcat(o->text, "c");
}

TEST(timers_fire_once_in_order_of_their_delays_and_not_when_stopped)
{
	struct order o = {.loop = new_loop()};
	loop_timer_start(o.loop, &o.c, 60, fire_c, &o);
	loop_timer_start(o.loop, &o.b, 20, fire_b_again, &o);
	loop_timer_start(o.loop, &o.a, 0, fire_a, &o);
	o.started_ms = loop_now_ms(o.loop);
	loop_run(o.loop);
	CHECK_SPAN(span_from(o.text), "ab");
	CHECK(loop_now_ms(o.loop) - o.started_ms >= 30);
	loop_timer_free(&o.a);
	loop_timer_free(&o.c);
	loop_free(o.loop);
}

TEST(a_timer_started_again_forgets_its_first_delay)
{
	struct order o = {.loop = new_loop()};
	loop_timer_start(o.loop, &o.a, 5, fire_a, &o);
	loop_timer_start(o.loop, &o.a, 40, stop, o.loop);
	o.started_ms = loop_now_ms(o.loop);
	loop_run(o.loop);
	CHECK_SPAN(span_from(o.text), "");
	CHECK(loop_now_ms(o.loop) - o.started_ms >= 40);
	loop_timer_free(&o.a);
	loop_free(o.loop);
}

struct pipe_end {
	struct loop *loop;
	struct loop_fd *watch;
	int peer, events, times;
};

static void on_ready(void *arg, int fd, int events)
{
	struct pipe_end *p = arg;
	char byte;
	p->events |= events;
	p->times++;
	if (events & LOOP_WRITE) {
		loop_fd_change(p->watch, LOOP_READ);
		CHECK_INT(write(p->peer, "x", 1), 1);
	} else if (read(fd, &byte, 1) == 1) {
		close(p->peer);
	} else {
		loop_fd_unwatch(p->watch);
		close(fd);
		loop_stop(p->loop);
	}
}

TEST(a_descriptor_tells_writable_then_readable_then_closed)
{
	struct pipe_end p = {.loop = new_loop()};
	int fds[2];
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p.peer = fds[1];
	p.watch = loop_fd_watch(p.loop, fds[0], LOOP_WRITE, on_ready, &p);
	CHECK(p.watch);
	loop_run(p.loop);
	CHECK_INT(p.times, 3);
	CHECK_INT(p.events, LOOP_READ | LOOP_WRITE);
	loop_free(p.loop);
}

TEST(a_watch_for_no_events_stays_silent_until_changed)
{
	struct pipe_end p = {.loop = new_loop()};
	struct loop_timer t = {0};
	int fds[2];
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_INT(write(fds[1], "x", 1), 1);
	p.peer = fds[1];
	p.watch = loop_fd_watch(p.loop, fds[0], 0, on_ready, &p);
	loop_timer_start(p.loop, &t, 20, stop, p.loop);
	loop_run(p.loop);
	CHECK_INT(p.times, 0);
	loop_fd_change(p.watch, LOOP_READ);
	loop_run(p.loop);
	CHECK_INT(p.times, 2);
	loop_timer_free(&t);
	loop_free(p.loop);
}

TEST(what_cannot_be_watched_is_refused)
{
	struct loop *l = new_loop();
	char path[512];
	snprintf(path, sizeof path, "%s/file", test_dir());
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	CHECK(!loop_fd_watch(l, fd, LOOP_READ, on_ready, NULL));
	close(fd);
	CHECK(!loop_fd_watch(l, fd, LOOP_READ, on_ready, NULL));
	loop_free(l);
}

TEST(freeing_a_loop_closes_what_is_still_watched_and_timed)
{
	struct pipe_end p = {.loop = new_loop()};
	struct loop_timer t = {0};
	int fds[2];
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p.watch = loop_fd_watch(p.loop, fds[0], LOOP_READ, on_ready, &p);
	loop_timer_start(p.loop, &t, 3600000, stop, p.loop);
	loop_free(p.loop);
	close(fds[0]);
	close(fds[1]);
	CHECK_INT(p.times, 0);
}

struct idling {
	struct loop *loop;
	int woken, idle, idle_when_woken;
};

static void note_wake(void *arg)
{
	struct idling *x = arg;
	x->idle_when_woken = x->idle;
	if (++x->woken == 3)
		loop_stop(x->loop);
	else
		loop_wake(x->loop);
}

static void note_idle(void *arg)
{
	struct idling *x = arg;
	x->idle++;
}

TEST(before_it_waits_a_loop_says_so_in_every_turn)
{
	struct idling x = {.loop = new_loop()};
	loop_on_wake(x.loop, note_wake, &x);
	loop_on_idle(x.loop, note_idle, &x);
	loop_wake(x.loop);
	loop_run(x.loop);
	CHECK_INT(x.woken, 3);
	CHECK(x.idle_when_woken >= 3);
	loop_on_idle(x.loop, NULL, NULL);
	loop_free(x.loop);
}
