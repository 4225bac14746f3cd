/* Places that a self-diagnosis asks for facts. */
#ifndef GANNET_WATCHERS_SOURCE_H
#define GANNET_WATCHERS_SOURCE_H

#include "diagnose/diagnose.h"
#include "services/watchers/watcher.h"

#define SOURCE_TIMEOUT_MS 15000 /* of one question */
#define SOURCES_MAX 16

/* A source is one file in sources/ that defines `const struct signal_source signal_source_<file>`. */
struct signal_source {
	enum source_type type;
	const char *name;
	/* MUST: whether the row makes sense; errors name the member. */
	enum status (*check)(const struct diagnosis_source *o, struct err *err);
	/* MUST: adds what happened since `since_ms`. An error leaves the others' facts as they are. */
	enum status (*pull)(struct watch_run *r, const struct diagnosis_source *o, int64_t since_ms, struct diagnosis *d,
	                    struct err *err);
};
extern const struct signal_source *const signal_sources[];
extern const size_t signal_sources_n;

/* One GET with a bearer token if there is one; the parsed answer in the run's arena. */
enum status source_get(struct watch_run *r, const char *url, struct span token_env, struct json *ret,
                       struct err *err) must_check;
void source_url_encode(struct buf *out, struct span text);

/* signals.c: what applications published since then. *ret_bad: messages that were none. */
enum status signals_read(struct watch_run *r, int64_t since_ms, struct diagnosis *d, int64_t *ret_bad,
                         struct err *err) must_check;

#endif
