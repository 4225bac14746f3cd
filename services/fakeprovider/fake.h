/* The parts of the fake provider and what they are set up with. */
#ifndef GANNET_FAKE_FAKE_H
#define GANNET_FAKE_FAKE_H

#include "delivery.h"
#include "script.h"

struct fake_config {
	int64_t port;
	const char *bind, *script, *api_key, *log_level;
	int64_t seed, log_entries, log_bodies, max_connections, max_body_bytes;
};

struct fake {
	struct fake_config config;
	struct ledger *ledger;
	struct schedule *schedule;
	pthread_mutex_t script_lock;
	struct script *script; /* under script_lock: replaced on SIGHUP */
	uint64_t answers;      /* on the server's thread */
};

/* One request, on the server's thread; `arg` is the struct fake. */
void fake_handle(void *arg, struct http_exchange *x);
/* A request for a provider's face. `operation` is a static text for the log. */
void fake_answer(struct fake *f, struct http_exchange *x, const struct face *face, const char *operation);

/* What is not a provider's: health, models, and the log. */
void control_health(struct fake *f, struct http_exchange *x);
void control_log(struct fake *f, struct http_exchange *x);
void control_stats(struct fake *f, struct http_exchange *x);
void control_reset(struct fake *f, struct http_exchange *x);
void control_models(struct fake *f, struct http_exchange *x);
void control_tags(struct fake *f, struct http_exchange *x);

#endif
