/* A snapshot is stored in the stream under an identity of its own, and then becomes the last one if it is the newest. */
#include "services/collector/publish.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/store.h"
#include "contract/job.h"
#include "core/log.h"

#define STORE_MS 10000
#define KEEP_TRIES 5 /* against other replicas that keep theirs at the same time */

static struct metric snapshots = {
    .name = "gannet_collector_snapshots_total",
    .help = "Snapshots published",
    .kind = METRIC_COUNTER,
    .label1 = "tenant",
};
static const double seconds_bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
static struct metric snapshot_seconds = {
    .name = "gannet_collector_snapshot_seconds",
    .help = "How long the gathering of a snapshot took",
    .kind = METRIC_HISTOGRAM,
    .label1 = "tenant",
    .bounds = seconds_bounds,
    .bounds_n = countof(seconds_bounds),
    .scale = 1e-3,
};
__attribute__((constructor)) static void register_metrics(void)
{
	metric_register(&snapshots);
	metric_register(&snapshot_seconds);
}

/* ---- the last one */

static int64_t time_of(struct span snapshot)
{
	scoped_arena a = {0};
	struct json v, time;
	struct err ignored;
	int64_t ms;
	if (json_parse(snapshot, &v, &ignored) != STATUS_OK || !json_member(v, SPAN("timestamp"), &time) ||
	    !rfc3339_parse(json_text(time, &a), &ms))
		return 0;
	return ms;
}

/* Two replicas may have one each at the same time, by a turn and by request: the newer one stays. */
static enum status keep_if_newer(struct collector *c, const char *tenant, struct span snapshot, struct err *err)
{
	char key[SNAPSHOT_KEY_BYTES];
	snapshot_key(span_from(tenant), key);
	for (int tries = 1;; tries++) {
		scoped_buf kept = {0};
		uint64_t revision = 0;
		enum status status = bus_kv_get(c->bus, BUCKET_LATEST, key, &kept, &revision, err);
		if (status == STATUS_OK && time_of(buf_span(&kept)) > time_of(snapshot))
			return STATUS_OK;
		if (status != STATUS_OK && status != STATUS_NOT_FOUND)
			return status;
		/* Written or deleted since it was asked for: looked at again. */
		status = bus_kv_update(c->bus, BUCKET_LATEST, key, snapshot, status == STATUS_OK ? revision : 0, NULL, err);
		if (status != STATUS_CONFLICT || tries == KEEP_TRIES)
			return status;
	}
}

/* ---- publishing */

/* What the broker has already under this identity is the snapshot: a turn that was begun before had stored it. */
static enum status keep_stored(struct collector *c, const char *tenant, const char *subject, struct err *err)
{
	struct bus_stored_message m;
	enum status status = bus_get_last(c->bus, STREAM_STATE, subject, &m, err);
	if (status != STATUS_OK)
		return status;
	status = keep_if_newer(c, tenant, m.data, err);
	bus_stored_message_free(&m);
	return status;
}

static enum status publish(struct collector *c, const char *tenant, const char *msg_id, struct span snapshot,
                           struct err *err)
{
	char subject[SNAPSHOT_SUBJECT_BYTES];
	struct bus_stored stored;
	snapshot_subject(span_from(tenant), subject);
	const struct bus_header header = {HEADER_MSG_ID, span_from(msg_id)};
	const struct bus_out m = {subject, NULL, snapshot, &header, 1};
	if (bus_store_wait(c->bus, &m, STORE_MS, &stored, err) != STATUS_OK)
		return err->status;
	if (stored.duplicate)
		return keep_stored(c, tenant, subject, err);
	metric_add(metric_series(&snapshots, tenant, NULL), 1);
	return keep_if_newer(c, tenant, snapshot, err);
}

/* Composes, publishes and tells of it; `msg_id` NULL: the snapshot's own id. */
static enum status finish(struct collector *c, const struct gathering *g, const char *tenant, const char *msg_id,
                          struct buf *out, struct err *err)
{
	char id[ID_BYTES];
	struct gathered_counts counts;
	id_random(id);
	if (readers_compose(c->readers, g, tenant, id, out, &counts, err) != STATUS_OK)
		return err->status;
	int64_t took_ms = clock_mono_ms(c->clock) - g->began_mono_ms;
	metric_observe(metric_series(&snapshot_seconds, tenant, NULL), took_ms);
	enum status status = publish(c, tenant, msg_id ? msg_id : id, buf_span(out), err);
	if (status == STATUS_OK)
		log_fields(LOG_INFO, "snapshot taken", LOG_C("tenant", tenant), LOG_C("snapshot_id", id),
		           LOG_I("took_ms", took_ms), LOG_I("metrics", (int64_t)counts.ok),
		           LOG_I("stale", (int64_t)counts.stale), LOG_I("errors", (int64_t)counts.errors),
		           LOG_I("bytes", (int64_t)out->len));
	return status;
}

/* ---- by turn and by request */

enum status snapshot_turn(struct collector *c, const struct schedule_turn *t, struct err *err)
{
	struct gathering g;
	/* Turns that had to wait for a long one: the present one says more. */
	if (clock_wall_ms(c->clock) - t->at_ms >= c->options->interval_ms)
		return STATUS_OK;
	readers_gather(c->readers, NULL, &g);
	for (size_t i = 0; i < c->config.tenants_n; i++) {
		scoped_buf snapshot = {0};
		char msg_id[TENANT_ID_MAX + 40];
		if (schedule_pause(t))
			return err_set(err, STATUS_CANCELLED, "told to end");
		snprintf(msg_id, sizeof msg_id, "snapshot-%s-%" PRId64, c->config.tenants[i], t->at_ms);
		if (finish(c, &g, c->config.tenants[i], msg_id, &snapshot, err) != STATUS_OK)
			return err->status;
	}
	return STATUS_OK;
}

static const char *tenant_named(const struct collector *c, struct span name)
{
	for (size_t i = 0; i < c->config.tenants_n; i++)
		if (span_is(name, c->config.tenants[i]))
			return c->config.tenants[i];
	return NULL;
}

static enum status no_sources(struct span tenant, struct err *err)
{
	return err_set(err, STATUS_NOT_FOUND, "no source of tenant %.*s is configured; GANNET_SOURCES names the sources",
	               SPAN_ARG(tenant));
}

enum status snapshot_take(struct collector *c, struct span tenant, struct buf *out, struct err *err)
{
	struct gathering g;
	const char *name = tenant_named(c, tenant);
	if (!name)
		return no_sources(tenant, err);
	readers_gather(c->readers, name, &g);
	return finish(c, &g, name, NULL, out, err);
}

enum status snapshot_last(struct collector *c, struct span tenant, struct buf *out, struct err *err)
{
	char key[SNAPSHOT_KEY_BYTES];
	snapshot_key(tenant, key);
	enum status status = bus_kv_get(c->bus, BUCKET_LATEST, key, out, NULL, err);
	if (status != STATUS_NOT_FOUND)
		return status;
	if (!tenant_named(c, tenant))
		return no_sources(tenant, err);
	return err_set(err, STATUS_NOT_FOUND,
	               "there is no snapshot of tenant %.*s yet; snapshot.take takes one now, turns come every %" PRId64
	               " s",
	               SPAN_ARG(tenant), c->options->interval_ms / 1000);
}
