/* Turns libuv's loop, timers, polls and async handle into ours; every handle frees itself when libuv has closed it. */
#include "loop/loop.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct loop {
	uv_loop_t uv;
	uv_async_t async;
	uv_prepare_t prepare;
	atomic_bool woken, stopped;
	void (*_Atomic wake)(void *arg); /* set after wake_arg, which is read after it */
	void *wake_arg;
	void (*idle)(void *arg);
	void *idle_arg;
};

struct timer {
	uv_timer_t uv;
	void (*fn)(void *arg);
	void *arg;
};

struct loop_fd {
	uv_poll_t uv;
	int fd, events;
	void (*fn)(void *arg, int fd, int events);
	void *arg;
};

static void *must_alloc(size_t bytes)
{
	void *p = calloc(1, bytes);
	if (!p) {
		fprintf(stderr, "out of memory for %zu bytes\n", bytes);
		abort();
	}
	return p;
}

/* Every handle but the loop's own two is the first member of a block of its own. */
static void free_handle(uv_handle_t *h)
{
	free(h);
}

/*
 * The two flags carry the memory order from the waking thread to the loop, also when several wake-ups are merged into
 * one; they also spare libuv's write(2) for all but the first of them.
 */
static void on_async(uv_async_t *async)
{
	struct loop *l = async->data;
	bool woken = atomic_exchange(&l->woken, false);
	void (*wake)(void *arg) = atomic_load(&l->wake);
	if (woken && wake)
		wake(l->wake_arg);
	if (atomic_load(&l->stopped))
		uv_stop(&l->uv);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct loop *l = prepare->data;
	if (l->idle)
		l->idle(l->idle_arg);
}

enum status loop_new(struct loop **ret, struct err *err)
{
	struct loop *l = must_alloc(sizeof *l);
	int r = uv_loop_init(&l->uv);
	if (r < 0) {
		free(l);
		return err_set(err, STATUS_INTERNAL, "cannot create an event loop: %s", uv_strerror(r));
	}
	r = uv_async_init(&l->uv, &l->async, on_async);
	if (r < 0) {
		uv_loop_close(&l->uv);
		free(l);
		return err_set(err, STATUS_INTERNAL, "cannot create an event loop's wake-up: %s", uv_strerror(r));
	}
	l->async.data = l;
	uv_prepare_init(&l->uv, &l->prepare); /* cannot fail, nor can the start */
	l->prepare.data = l;
	*ret = l;
	return STATUS_OK;
}

static void close_handle(uv_handle_t *h, void *arg)
{
	struct loop *l = arg;
	bool own = h == (uv_handle_t *)&l->async || h == (uv_handle_t *)&l->prepare;
	if (!uv_is_closing(h))
		uv_close(h, own ? NULL : free_handle);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	uv_walk(&l->uv, close_handle, l);
	if (uv_run(&l->uv, UV_RUN_DEFAULT) != 0 || uv_loop_close(&l->uv) != 0)
		abort();
	free(l);
}

void loop_run(struct loop *l)
{
	while (!atomic_load(&l->stopped))
		uv_run(&l->uv, UV_RUN_DEFAULT);
	atomic_store(&l->stopped, false);
}

void loop_stop(struct loop *l)
{
	if (!atomic_exchange(&l->stopped, true))
		uv_async_send(&l->async);
}

void loop_on_idle(struct loop *l, void (*fn)(void *arg), void *arg)
{
	l->idle = fn;
	l->idle_arg = arg;
	if (fn)
		uv_prepare_start(&l->prepare, on_prepare);
	else
		uv_prepare_stop(&l->prepare);
}

void loop_on_wake(struct loop *l, void (*fn)(void *arg), void *arg)
{
	l->wake_arg = arg;
	atomic_store(&l->wake, fn);
}

void loop_wake(struct loop *l)
{
	if (!atomic_exchange(&l->woken, true))
		uv_async_send(&l->async);
}

static void on_timer(uv_timer_t *uv)
{
	struct timer *t = (struct timer *)uv;
	t->fn(t->arg);
}

void loop_timer_start(struct loop *l, struct loop_timer *timer, int64_t delay_ms, void (*fn)(void *arg), void *arg)
{
	struct timer *t = timer->impl;
	if (!t) {
		t = timer->impl = must_alloc(sizeof *t);
		uv_timer_init(&l->uv, &t->uv);
	}
	t->fn = fn;
	t->arg = arg;
	uv_timer_start(&t->uv, on_timer, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
	if (timer->impl)
		uv_timer_stop(timer->impl);
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer->impl)
		uv_close(timer->impl, free_handle);
	timer->impl = NULL;
}

/* A descriptor in error is no longer watched by libuv; its owner is told about all it waited for, and finds the error
 * there. */
static void on_poll(uv_poll_t *uv, int status, int events)
{
	struct loop_fd *w = (struct loop_fd *)uv;
	int ready = (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0);
	if (status < 0) {
		ready = w->events;
		w->events = 0;
	}
	w->fn(w->arg, w->fd, ready);
}

struct loop_fd *loop_fd_watch(struct loop *l, int fd, int events, void (*fn)(void *arg, int fd, int events), void *arg)
{
	struct loop_fd *w = must_alloc(sizeof *w);
	if (uv_poll_init(&l->uv, &w->uv, fd) != 0) {
		free(w);
		return NULL;
	}
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	loop_fd_change(w, events);
	return w;
}

void loop_fd_change(struct loop_fd *w, int events)
{
	if (events == w->events)
		return;
	w->events = events;
	if (events)
		uv_poll_start(&w->uv, (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0),
		              on_poll);
	else
		uv_poll_stop(&w->uv);
}

void loop_fd_unwatch(struct loop_fd *w)
{
	if (!w)
		return;
	uv_close((uv_handle_t *)w, free_handle);
}

int64_t loop_now_ms(struct loop *l)
{
	return (int64_t)uv_now(&l->uv);
}
