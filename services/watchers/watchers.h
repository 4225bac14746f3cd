/* What the parts of this service share. */
#ifndef GANNET_WATCHERS_WATCHERS_H
#define GANNET_WATCHERS_WATCHERS_H

#include "bus/micro.h"
#include "contract/watchers.h"
#include "services/watchers/book.h"
#include "services/watchers/settings.h"
#include "service/service.h"
#include "service/timetable.h"

struct watchers_env {
	const char *file;  /* GANNET_WATCHERS */
	int64_t reload_ms; /* GANNET_WATCHERS_RELOAD */
	int64_t history;   /* GANNET_WATCH_HISTORY */
	int64_t unwatched_ms; /* GANNET_WATCH_UNWATCHED; 0: never */
};

struct watchers {
	struct service *service;
	struct bus *bus;
	const struct clock *clock;
	const struct watchers_env *env;
	int64_t lease_ms;
	struct book *book;
	struct settings *settings;
	struct timetable *timetable;
	struct unwatched *unwatched;
	struct micro *micro;
};

/* turn.c: does a turn of a watch, scheduled or asked for by hand. For timetable_options.run. */
enum status turn_run(void *arg, struct span name, const struct schedule_turn *turn, struct err *err);

/*
 * unwatched.c: closes the findings of watches that were not in the configuration for env->unwatched_ms. Looks once in a
 * while, however often it is called; one thread at a time.
 */
struct unwatched *unwatched_new(struct watchers *w);
void unwatched_free(struct unwatched *u); /* NULL is fine */
void unwatched_look(struct unwatched *u);

/* requests.c */
#define WATCH_ENDPOINTS 4
extern const struct micro_endpoint watch_endpoints[WATCH_ENDPOINTS];
enum status requests_start(struct watchers *w, struct err *err) must_check;

/* The value of an environment variable or, without one, of the file that <name>_FILE names; NOT_FOUND, never its value. */
enum status secret_read(const char *name, struct arena *a, struct span *ret, struct err *err) must_check;

#endif
