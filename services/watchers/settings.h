/* The configuration in force: read again when its file changes, and kept when the new one is bad. */
#ifndef GANNET_WATCHERS_SETTINGS_H
#define GANNET_WATCHERS_SETTINGS_H

#include "contract/watchers.h"

struct watchers;
struct settings;

/* One configuration, as long as somebody holds it. */
struct held_config {
	struct watchers_config config;
	const struct zone *zones[SCHEDULES_MAX]; /* of its schedules; live as long as the settings */
	struct arena arena;
	int holders;
};

/* Reads the file; a bad one is an error that names the member. Without a file nothing is watched. */
enum status settings_new(struct watchers *w, struct settings **ret, struct err *err) must_check;
/* Once book and timetable are there: puts the schedules into it, and begins to look after the file. */
enum status settings_begin(struct settings *s, struct err *err) must_check;
void settings_end(struct settings *s); /* looks after it no more; NULL is fine */
void settings_free(struct settings *s);

struct held_config *settings_hold(struct settings *s);
void settings_release(struct settings *s, struct held_config *c);
/* What there is to say: no file, or why the last one was refused; absent when all is well. In the arena. */
struct span settings_message(struct settings *s, struct arena *a);
bool settings_configured(struct settings *s);

/* Whether a watch runs by itself, and by which schedule (SIZE_MAX: none). */
bool settings_is_on(const struct watchers_config *c, const struct watchers_watch *w);
size_t settings_schedule(const struct watchers_config *c, const struct watchers_watch *w);

#endif
