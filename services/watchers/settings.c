/* Reading the configuration, checking every name in it, and reading it again when it changes. */
#include "services/watchers/settings.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/map.h"
#include "core/wait.h"
#include "services/watchers/watcher.h"

/* What tells a changed file from the same one. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t bytes;
	struct timespec modified;
};

struct settings {
	struct watchers *w;
	struct stamp stamp;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	bool stopping;
	struct held_config *now;
	char refused[400];
	struct map zones; /* by name; never given back while the service runs */
};

const struct watcher *watcher_named(struct span name)
{
	for (size_t i = 0; i < watcher_kinds_n; i++)
		if (span_is(name, watcher_kinds[i]->name))
			return watcher_kinds[i];
	return NULL;
}

bool settings_is_on(const struct watchers_config *c, const struct watchers_watch *w)
{
	const struct watcher *kind = watcher_named(w->watcher);
	return (!w->enabled.set || w->enabled.v) && kind && (!kind->feature || watchers_feature_is_on(c, kind->feature));
}

size_t settings_schedule(const struct watchers_config *c, const struct watchers_watch *w)
{
	const struct watcher *kind = watcher_named(w->watcher);
	return watchers_schedule_index(c, w->schedule.p ? w->schedule : span_from(kind ? kind->schedule : NULL));
}

/* ---- reading */

static enum status read_file(const char *path, struct buf *text, struct stamp *ret, struct err *err)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	if (!f)
		return err_field(err, STATUS_NOT_FOUND, "GANNET_WATCHERS", "cannot read %s: %s", path, strerror(errno));
	text->max_bytes = WATCHERS_FILE_MAX + 2;
	char *at = buf_reserve(text, WATCHERS_FILE_MAX + 1);
	if (at)
		buf_commit(text, fread(at, 1, WATCHERS_FILE_MAX + 1, f));
	bool bad = ferror(f) || fstat(fileno(f), &st) != 0;
	fclose(f);
	if (bad)
		return err_field(err, STATUS_UNAVAILABLE, "GANNET_WATCHERS", "cannot read %s", path);
	*ret = (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
	return STATUS_OK;
}

static const struct zone *zone_of(struct settings *s, struct span name, struct err *err)
{
	struct zone *z = map_get(&s->zones, name);
	char text[ZONE_NAME_MAX + 1];
	if (z || !span_copy(name, text, sizeof text))
		return z;
	if (zone_load(text, &z, err) != STATUS_OK)
		return NULL;
	map_put(&s->zones, name, z);
	return z;
}

static enum status in_watch(size_t i, const char *member, struct err *err)
{
	char field[sizeof err->field], msg[sizeof err->msg];
	snprintf(field, sizeof field, "watches[%zu].%s%s%.30s", i, member, err->field[0] ? "." : "", err->field);
	snprintf(msg, sizeof msg, "%.250s", err->msg);
	return err_field(err, err->status, field, "%s: %s", field, msg);
}

static enum status check_watch(const struct watchers_watch *w, size_t i, struct arena *a, struct err *err)
{
	const struct watcher *kind = watcher_named(w->watcher);
	*err = (struct err){0};
	if (!kind) {
		scoped_buf names = {0};
		for (size_t k = 0; k < watcher_kinds_n; k++)
			buf_printf(&names, "%s%s", k ? ", " : "", watcher_kinds[k]->name);
		err_set(err, STATUS_INVALID, "there is no watcher '%.*s'; there are: %.*s", SPAN_ARG(w->watcher),
		        SPAN_ARG(buf_span(&names)));
		return in_watch(i, "watcher", err);
	}
	struct json options = w->options.type == JSON_OBJECT ? w->options : (struct json){SPAN("{}"), JSON_OBJECT};
	return kind->check(options, a, err) == STATUS_OK ? STATUS_OK : in_watch(i, "options", err);
}

static enum status fill(struct settings *s, struct held_config *c, struct span text, struct err *err)
{
	enum status status = watchers_config_read(arena_dup(&c->arena, text), &c->arena, &c->config, err);
	for (size_t i = 0; status == STATUS_OK && i < c->config.schedules_n; i++) {
		c->zones[i] = zone_of(s, c->config.schedules[i].zone, err);
		if (!c->zones[i])
			status =
			    err_field(err, STATUS_INVALID, "schedules.zone", "schedule '%.*s': %.200s",
			              SPAN_ARG(c->config.schedules[i].name), err->msg[0] ? err->msg : "zone: its name is too long");
	}
	for (size_t i = 0; status == STATUS_OK && i < c->config.watches_n; i++)
		status = check_watch(&c->config.watches[i], i, &c->arena, err);
	return status;
}

static void drop(struct held_config *c)
{
	if (--c->holders)
		return;
	arena_free(&c->arena);
	free(c);
}

static enum status load(struct settings *s, struct span text, struct err *err)
{
	struct held_config *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->holders = 1;
	enum status status = fill(s, c, text, err);
	pthread_mutex_lock(&s->lock);
	struct held_config *gone = c;
	if (status == STATUS_OK) {
		gone = s->now;
		s->now = c;
	}
	snprintf(s->refused, sizeof s->refused, "%.300s", status == STATUS_OK ? "" : err->msg);
	if (gone)
		drop(gone);
	pthread_mutex_unlock(&s->lock);
	return status;
}

/* ---- looking after it */

struct held_config *settings_hold(struct settings *s)
{
	pthread_mutex_lock(&s->lock);
	struct held_config *c = s->now;
	c->holders++;
	pthread_mutex_unlock(&s->lock);
	return c;
}

void settings_release(struct settings *s, struct held_config *c)
{
	pthread_mutex_lock(&s->lock);
	drop(c);
	pthread_mutex_unlock(&s->lock);
}

static void apply(struct settings *s)
{
	struct held_config *c = settings_hold(s);
	static const struct timetable_entry none;
	struct timetable_entry *entries = calloc(WATCHES_MAX, sizeof *entries);
	size_t n = 0;
	if (!entries)
		abort();
	for (size_t i = 0; i < c->config.watches_n; i++) {
		const struct watchers_watch *w = &c->config.watches[i];
		size_t at = settings_schedule(&c->config, w);
		if (!settings_is_on(&c->config, w) || at == SIZE_MAX)
			continue;
		int64_t last_ms = book_last_turn(s->w->book, w->tenant, w->name), now_ms = clock_wall_ms(s->w->clock);
		struct timetable_entry *e = &entries[n++];
		*e = none;
		span_copy(w->name, e->name, sizeof e->name);
		e->cron = c->config.crons[at];
		e->zone = c->zones[at];
		e->from_ms = last_ms == INT64_MIN ? now_ms : last_ms;
	}
	timetable_set(s->w->timetable, entries, n);
	free(entries);
	settings_release(s, c);
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
	       a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static void look(struct settings *s)
{
	struct stat st;
	scoped_buf text = {0};
	struct err err = {0};
	if (stat(s->w->env->file, &st) != 0)
		return; /* being replaced, or gone: what is known stays */
	struct stamp found = {st.st_dev, st.st_ino, st.st_size, st.st_mtim};
	if (same_stamp(&found, &s->stamp) || read_file(s->w->env->file, &text, &s->stamp, &err) != STATUS_OK)
		return;
	if (load(s, buf_span(&text), &err) != STATUS_OK) {
		log_error("the changed configuration is refused, the old one stays", &err);
		return;
	}
	log_fields(LOG_INFO, "the configuration was read again", LOG_I("watches", (int64_t)s->now->config.watches_n));
	apply(s);
}

static void *run(void *arg)
{
	struct settings *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		struct timespec until = wait_until(s->w->env->reload_ms);
		while (!s->stopping && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
			continue;
		bool stopping = s->stopping;
		pthread_mutex_unlock(&s->lock);
		if (!stopping) {
			look(s);
			unwatched_look(s->w->unwatched);
		}
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

enum status settings_new(struct watchers *w, struct settings **ret, struct err *err)
{
	struct settings *s = calloc(1, sizeof *s);
	scoped_buf text = {0};
	if (!s)
		abort();
	s->w = w;
	pthread_mutex_init(&s->lock, NULL);
	wait_cond_init(&s->changed);
	enum status status = STATUS_OK;
	if (w->env->file)
		status = read_file(w->env->file, &text, &s->stamp, err);
	if (status == STATUS_OK)
		status = load(s, w->env->file ? buf_span(&text) : SPAN("{}"), err);
	if (status != STATUS_OK) {
		settings_free(s);
		return status;
	}
	*ret = s;
	return STATUS_OK;
}

enum status settings_begin(struct settings *s, struct err *err)
{
	apply(s);
	if (!s->w->env->file)
		return STATUS_OK;
	s->running = pthread_create(&s->thread, NULL, run, s) == 0;
	return s->running ? STATUS_OK : err_retry(err, STATUS_UNAVAILABLE, "no thread for the configuration");
}

void settings_end(struct settings *s)
{
	if (!s || !s->running)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->running = false;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	if (s->now)
		drop(s->now);
	for (struct map_slot *z = map_next(&s->zones, NULL); z; z = map_next(&s->zones, z))
		zone_free(z->value);
	map_free(&s->zones);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- using it */

bool settings_configured(struct settings *s)
{
	return s->w->env->file != NULL;
}

struct span settings_message(struct settings *s, struct arena *a)
{
	struct span text = {0};
	pthread_mutex_lock(&s->lock);
	if (!s->w->env->file)
		text = SPAN("nothing is watched: GANNET_WATCHERS names no file");
	else if (s->refused[0])
		text = arena_printf(a, "the changed file is refused, the old one stays: %s", s->refused);
	else if (!s->now->config.watches_n)
		text = SPAN("nothing is watched: the file has no watches");
	pthread_mutex_unlock(&s->lock);
	return text;
}
