/* What a service needs at the broker, one subject a line, derived from its descriptor. */
#include <stdarg.h>
#include <stdio.h>

#include "contract/job.h"
#include "service/internal.h"

/*
 * Lines are "publish SUBJECT", "subscribe SUBJECT", "respond" (may answer requests it received), "kind NAME" and "tenant
 * SUBJECT": a tenant's own clients may publish there, with their name in place of the second token's star.
 */
static void line(struct buf *out, const char *what, const char *subject)
{
	buf_printf(out, "%s %s\n", what, subject);
}

#define PUBLISH(out, ...) write_subject(out, "publish", __VA_ARGS__)
static void printf_like(3, 4) write_subject(struct buf *out, const char *what, const char *fmt, ...)
{
	char subject[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(subject, sizeof subject, fmt, ap);
	va_end(ap);
	line(out, what, subject);
}

static const char *stream_prefix(const char *name)
{
	return bus_topology_is_bucket(name) ? "KV_" : "";
}

static void may_look_at(struct buf *out, const char *name)
{
	const char *prefix = stream_prefix(name);
	PUBLISH(out, "$JS.API.STREAM.INFO.%s%s", prefix, name);
	if (*prefix)
		return;
	PUBLISH(out, "$JS.API.CONSUMER.INFO.%s.*", name);
	PUBLISH(out, "$JS.API.CONSUMER.LIST.%s", name);
}

static void may_consume(struct buf *out, const char *stream, const char *consumer)
{
	PUBLISH(out, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, consumer);
	PUBLISH(out, "$JS.ACK.%s.%s.>", stream, consumer);
}

static void may_get(struct buf *out, const char *name)
{
	PUBLISH(out, "$JS.API.DIRECT.GET.%s%s", stream_prefix(name), name);
	PUBLISH(out, "$JS.API.DIRECT.GET.%s%s.>", stream_prefix(name), name);
}

static void may_follow(struct buf *out, const char *name)
{
	PUBLISH(out, "$JS.API.CONSUMER.CREATE.%s%s", stream_prefix(name), name);
	PUBLISH(out, "$JS.API.CONSUMER.DELETE.%s%s.*", stream_prefix(name), name);
	PUBLISH(out, "$JS.FC.%s%s.>", stream_prefix(name), name);
}

static void may_use_queue(struct buf *out, const char *consumer)
{
	PUBLISH(out, "$JS.API.CONSUMER.DURABLE.CREATE." STREAM_JOBS ".%s", consumer);
	may_consume(out, STREAM_JOBS, consumer);
}

/* All that libs/worker does for a kind. */
static void may_execute(struct buf *out, const char *kind)
{
	char consumer[72];
	line(out, "kind", kind);
	for (const char *const *p = priority_names; *p; p++) {
		bus_kind_consumer(kind, *p, consumer);
		may_use_queue(out, consumer);
	}
	for (unsigned lane = 0; lane < BUS_OVERFLOW_LANES; lane++) {
		bus_overflow_consumer(kind, lane, consumer);
		may_use_queue(out, consumer);
	}
	for (int state = 0; state < JOB_STATE_COUNT; state++)
		PUBLISH(out, "gannet.*.jobs.event.%s.*", job_state_names[state]);
	PUBLISH(out, "gannet.*.jobs.delayed.%s.*.*.*", kind);
	PUBLISH(out, "gannet.*.jobs.overflow.%s.*.*", kind);
	line(out, "publish", "gannet.*.jobs.stream.*");
	line(out, "publish", "gannet.*.reply.>");
	line(out, "publish", "_INBOX.>"); /* a job's reply_to; services have inboxes of their own */
	line(out, "publish", "gannet.workers.registered");
	line(out, "publish", "gannet.workers.unregistered");
	line(out, "publish", "$KV." BUCKET_WORKERS ".*");
	may_get(out, STREAM_EVENTS);
	may_get(out, BUCKET_KEYS);
	line(out, "publish", "$KV." BUCKET_KEYS ".*");
	may_follow(out, BUCKET_CANCELLED);
	may_look_at(out, BUCKET_PAUSED);
	may_follow(out, BUCKET_PAUSED);
}

static void write_use(struct buf *out, const struct service_use *u)
{
	switch (u->kind) {
	case USE_PUBLISH:
		line(out, "publish", u->name);
		return;
	case USE_SUBSCRIBE:
		line(out, "subscribe", u->name);
		return;
	case USE_EXECUTE:
		may_execute(out, u->name);
		return;
	case USE_CONSUME:
		may_consume(out, u->name, u->consumer);
		return;
	case USE_SCHEDULE:
		PUBLISH(out, "gannet.tick.%s", u->name);
		may_consume(out, STREAM_TICKS, u->consumer);
		return;
	case USE_GET:
		may_get(out, u->name);
		return;
	case USE_FOLLOW:
		may_follow(out, u->name);
		return;
	case USE_PUT:
		PUBLISH(out, "$KV.%s.>", u->name);
		return;
	case USE_REMOVE:
		PUBLISH(out, "$JS.API.STREAM.MSG.DELETE.%s", u->name);
		return;
	}
}

void permissions_write(const struct service_descriptor *d, struct buf *out)
{
	write_subject(out, "subscribe", "_INBOX_%s.>", d->name);
	for (const char *const *name = d->topology; name && *name; name++)
		may_look_at(out, *name);
	for (size_t i = 0; i < d->uses_n; i++)
		write_use(out, &d->uses[i]);
	if (!d->endpoints_n)
		return;
	buf_adds(out, "respond\n");
	line(out, "subscribe", "$SRV.*");
	const char *name = d->micro_name ? d->micro_name : d->name;
	write_subject(out, "subscribe", "$SRV.*.%s", name);
	write_subject(out, "subscribe", "$SRV.*.%s.*", name);
	for (size_t i = 0; i < d->endpoints_n; i++) {
		line(out, "subscribe", d->endpoints[i].subject);
		if (span_starts(span_from(d->endpoints[i].subject), SPAN("gannet.*.")))
			line(out, "tenant", d->endpoints[i].subject);
	}
}
