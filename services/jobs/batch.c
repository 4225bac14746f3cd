/* Events in, records out. */
#include "batch.h"

#include "core/log.h"
#include "core/metrics.h"
#include "events.h"
#include "service/trace.h"
#include "write.h"

static const double batch_bounds[] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
static struct metric events_total = {"gannet_projection_events_total", "Events by what became of them.", METRIC_COUNTER,
                                     "outcome"};
static struct metric batch_seconds = {.name = "gannet_projection_batch_seconds",
                                      .help = "Time to write and commit a batch.",
                                      .kind = METRIC_HISTOGRAM,
                                      .bounds = batch_bounds,
                                      .bounds_n = countof(batch_bounds),
                                      .scale = 1e-6};
static struct metric pending_gauge = {"gannet_projection_pending", "Events in the broker that are not recorded yet.",
                                      METRIC_GAUGE};
static struct {
	struct metric_series *recorded, *ignored, *poison, *seconds, *pending;
} metrics;

void batch_register_metrics(void)
{
	metric_register(&events_total);
	metric_register(&batch_seconds);
	metric_register(&pending_gauge);
	metrics.recorded = metric_series(&events_total, "recorded", NULL);
	metrics.ignored = metric_series(&events_total, "ignored", NULL);
	metrics.poison = metric_series(&events_total, "poison", NULL);
	metrics.seconds = metric_series(&batch_seconds, NULL, NULL);
	metrics.pending = metric_series(&pending_gauge, NULL, NULL);
}

void batch_room(const struct batch *b, size_t *ret_events, size_t *ret_bytes)
{
	*ret_events = BATCH_EVENTS - b->n;
	*ret_bytes = b->bytes < BATCH_BYTES ? BATCH_BYTES - b->bytes : 0;
}

void batch_add(struct batch *b, const struct bus_delivery *d)
{
	b->held[b->n++] = (struct held){.delivery = *d};
	b->bytes += d->in.data.n;
	b->last_sequence = d->stream_sequence;
}

/* Said of a field rather than with its value: an event may hold what must not be logged. */
static void refuse(const struct held *h, const struct err *why)
{
	metric_add(metrics.poison, 1);
	log_fields(LOG_ERROR, "event cannot be recorded", LOG_S("subject", h->delivery.in.subject),
	           LOG_I("sequence", (int64_t)h->delivery.stream_sequence), LOG_I("bytes", (int64_t)h->delivery.in.data.n),
	           LOG_C("error", why->field[0] ? why->field : why->msg));
}

static bool take_in(struct batch *b, struct held *h)
{
	struct event_facts facts;
	struct err err = {0};
	struct record *r = fold_next(&b->fold);
	if (event_decode(&h->delivery, b->jobs_created_ms, &b->arena, r, &facts, &err) != STATUS_OK) {
		refuse(h, &err);
		return false;
	}
	if (facts.is_final)
		estimate_note(b->estimate, r, &facts);
	h->is_job = true;
	h->is_final = facts.is_final;
	h->record = (uint32_t)fold_add(&b->fold);
	return true;
}

void batch_fold(struct batch *b)
{
	size_t kept = 0;
	for (size_t i = 0; i < b->n; i++) {
		struct held *h = &b->held[i];
		if (event_is_job(h->delivery.in.subject) && !take_in(b, h))
			bus_delivery_free(&h->delivery);
		else
			b->held[kept++] = *h;
	}
	b->n = kept;
}

static bool data_is_at_fault(const struct err *e)
{
	return e->status == STATUS_INVALID || e->status == STATUS_CONFLICT || e->status == STATUS_TOO_LARGE;
}

/* Records by halves, each in a transaction of its own. */
static enum status write_some(struct batch *b, struct store *s, struct record **records, size_t n, struct err *err)
{
	enum status status = write_records(s, records, n, &b->rows, NULL, 0, err);
	if (status == STATUS_OK || !data_is_at_fault(err))
		return status;
	if (n == 1) {
		log_fields(LOG_ERROR, "record cannot be stored", LOG_S("tenant", records[0]->key.tenant),
		           LOG_S("job_id", records[0]->key.job_id), LOG_C("error", err->msg));
		b->refused[records[0] - b->fold.records] = true;
		return STATUS_OK;
	}
	status = write_some(b, s, records, n / 2, err);
	return status == STATUS_OK ? write_some(b, s, records + n / 2, n - n / 2, err) : status;
}

/* Records that are written twice, because the position did not come to be moved, are merged without effect. */
static enum status write_all(struct batch *b, struct store *s, const struct store_position *position, struct err *err)
{
	struct record *records[BATCH_EVENTS];
	memset(b->refused, 0, b->fold.count * sizeof b->refused[0]);
	for (size_t i = 0; i < b->fold.count; i++)
		records[i] = &b->fold.records[i];
	enum status status = write_records(s, records, b->fold.count, &b->rows, position, b->last_sequence, err);
	if (status == STATUS_OK || !data_is_at_fault(err))
		return status;
	status = write_some(b, s, records, b->fold.count, err);
	return status == STATUS_OK ? write_records(s, records, 0, &b->rows, position, b->last_sequence, err) : status;
}

enum status batch_write(struct batch *b, struct store *s, struct store_position *position, struct err *err)
{
	int64_t began_ns = clock_mono_ns(b->clock);
	enum status status = write_all(b, s, position, err);
	if (status != STATUS_OK)
		return status;
	position->sequence = b->last_sequence;
	metric_observe(metrics.seconds, (clock_mono_ns(b->clock) - began_ns) / 1000);
	return STATUS_OK;
}

/* The last span of a job's trace: from its final event to its record. */
static void trace(const struct batch *b, const struct held *h)
{
	const struct record *r = &b->fold.records[h->record];
	struct trace_context parent;
	struct span text = bus_in_header(&h->delivery.in, HEADER_TRACEPARENT);
	if (!text.p || !trace_parse(text, &parent))
		parent = trace_of_job(r->key.tenant, r->key.job_id);
	struct trace_context self = trace_child(&parent);
	int64_t stored_ms = h->delivery.stored_ms, took_ms = clock_wall_ms(b->clock) - stored_ms;
	const struct trace_attribute attributes[] = {{"gannet.job_id", r->key.job_id, 0},
	                                             {"gannet.tenant", r->key.tenant, 0}};
	trace_record(&self, parent.span, "record job", TRACE_CONSUMER, stored_ms,
	             took_ms > 0 ? took_ms * 1000 : 0, NULL, attributes, countof(attributes)); /* two machines' clocks */
}

void batch_recorded(struct batch *b)
{
	struct err err = {0};
	int64_t recorded = 0, ignored = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct held *h = &b->held[i];
		if (h->is_job && b->refused[h->record]) {
			err_set(&err, STATUS_INVALID, "PostgreSQL does not take the record");
			refuse(h, &err);
			continue;
		}
		*(h->is_job ? &recorded : &ignored) += 1;
		if (h->is_final && trace_enabled())
			trace(b, h);
	}
	metric_add(metrics.recorded, recorded);
	metric_add(metrics.ignored, ignored);
	if (b->n)
		metric_set(metrics.pending, (int64_t)b->held[b->n - 1].delivery.pending);
}

void batch_reset(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		bus_delivery_free(&b->held[i].delivery);
	b->n = b->bytes = 0;
	fold_reset(&b->fold);
	arena_reset(&b->arena);
}

void batch_free(struct batch *b)
{
	batch_reset(b);
	fold_free(&b->fold);
	arena_free(&b->arena);
	buf_free(&b->rows);
}
