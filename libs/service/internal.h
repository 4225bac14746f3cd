/* What the files of this library share; not for others. */
#ifndef GANNET_SERVICE_INTERNAL_H
#define GANNET_SERVICE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/server.h"
#include "service/service.h"

/* ---- config.c */
struct service_settings {
	struct service_config shared;
	const char *broker_url; /* BROKER_URL, the older name of NATS_URL */
	const char *secrets; /* env.c reads it */
	int64_t start_wait_ms;
	const char *test_clock;
};
/* Reads the service's own options and the shared ones; `settings` and d->config are filled. */
enum status config_load(const struct service_descriptor *d, struct service_settings *settings,
                        struct err *err) must_check;
/* The shared ones alone, for questions to another process with the same environment. */
enum status config_load_shared(struct service_settings *settings, struct err *err) must_check;
void config_help(const struct service_descriptor *d, struct buf *out);
/* The servers of a URL list without user names, passwords and tokens: "nats://a:4222,b:4222". */
void config_redact_url(const char *url, char *out, size_t out_bytes);

/* ---- health.c */
#define HEALTH_CHECKS_MAX 16
#define HEALTH_CHECK_EVERY_MS 1000

enum health_phase { HEALTH_STARTING, HEALTH_READY, HEALTH_DRAINING };

struct health {
	struct service *service;
	struct http_server *server;
	pthread_mutex_t lock; /* guards all below; held while checks run, so that none runs once draining has begun */
	enum health_phase phase;
	struct health_check {
		const char *name;
		bool required;
		enum status (*check)(void *arg, struct err *err);
		void *arg;
		int64_t every_ms;        /* looked at again after so long at the earliest */
		int64_t checked_mono_ms; /* 0: not yet */
		bool failed;
		struct err err;
	} checks[HEALTH_CHECKS_MAX];
	size_t checks_n;
};
enum status health_start(struct health *h, struct service *s, struct err *err) must_check;
void health_stop(struct health *h);
void health_set_phase(struct health *h, enum health_phase phase);
void health_add_check(struct health *h, const struct health_check *c);

/* ---- permissions.c */
void permissions_write(const struct service_descriptor *d, struct buf *out);

/* ---- process.c: what every process tells about itself in /metrics */
void process_metrics_register(const struct clock *clock);
void process_metrics_update(void);

/* ---- minder.c: the thread that takes signals and watches progress */
struct minder {
	struct service *service;
	pthread_t thread;
	atomic_bool ended;
	atomic_uint_fast64_t progress; /* grows by each service_progress(); 0: nobody uses the watchdog */
	atomic_int_fast64_t stale_ms;  /* how long it has not grown, in time that this thread itself was running */
	atomic_int_fast64_t drain_until_mono_ms; /* 0: not draining */
};
/* Blocks SIGTERM and SIGINT in the calling thread and all it starts later; ignores SIGPIPE. */
void minder_block_signals(void);
void minder_start(struct minder *m, struct service *s);
void minder_stop(struct minder *m);

/* ---- trace_otlp.c */
/* One allocation: the struct, then the bytes its spans point to. */
struct finished_span {
	struct finished_span *next;
	struct trace_context self;
	uint64_t parent_span;
	const char *name;
	enum trace_kind kind;
	int64_t start_wall_ms, duration_us;
	const char *error;
	size_t attributes_n;
	struct trace_attribute attributes[];
};
/* An ExportTraceServiceRequest with the first spans of the list, at most `max`; returns how many. */
size_t otlp_write(const struct finished_span *first, size_t max, const char *service, const char *instance,
                  struct buf *out);

/* ---- service.c */
struct service {
	const struct service_descriptor *descriptor;
	struct service_settings settings;
	const struct clock *clock;
	char instance[96];
	int64_t started_mono_ms;
	_Atomic(struct bus *) bus; /* NULL until connected */
	void *state;
	struct health health;
	struct minder minder;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t quit_changed;
	bool quit, failed;
};

#endif
