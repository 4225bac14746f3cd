/* Answers what people ask about findings, from the board. */
#include "requests.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "window.h"

struct span requests_name(const struct micro_request *r, struct span fingerprint, char out[REQUESTS_NAME_BYTES])
{
	int n = snprintf(out, REQUESTS_NAME_BYTES, "%.*s.%.*s", SPAN_ARG(r->tenant), SPAN_ARG(fingerprint));
	return span_of(out, (size_t)n);
}

enum status requests_check_until(const struct findings_request *request, int64_t now_ms, struct err *err)
{
	if (request->until.ms <= now_ms || request->until.ms > now_ms + SILENCE_MAX_MS)
		return err_field(err, STATUS_INVALID, "until", "until: has to lie ahead, by a year at most");
	return STATUS_OK;
}

const struct map *requests_lock(struct requests *r)
{
	pthread_mutex_lock(&r->lock);
	return board_lock(r->board);
}

void requests_unlock(struct requests *r)
{
	board_unlock(r->board);
	pthread_mutex_unlock(&r->lock);
}

void requests_use(struct requests *r, const struct routing *c)
{
	pthread_mutex_lock(&r->lock);
	r->routing = c;
	pthread_mutex_unlock(&r->lock);
}

/* What was told of a finding under its own fingerprint, and of groups only their entries. */
static void put_notified(struct json_writer *w, const struct map *notified, const struct kept *f)
{
	json_key(w, SPAN("notified"));
	json_begin_array(w);
	for (struct map_slot *s = map_next(notified, NULL); s; s = map_next(notified, s)) {
		const struct kept *k = s->value;
		if (span_eq(k->tenant, f->tenant) && span_eq(k->notified.entry, f->finding.fingerprint))
			json_put(w, k->value);
	}
	json_end_array(w);
}

static void put_silence(struct json_writer *w, const struct map *silences, struct span name, int64_t now_ms)
{
	const struct kept *k = map_get(silences, name);
	if (k && k->silence.until.ms > now_ms)
		json_kv_time(w, "silenced_until", k->silence.until.ms);
}

/* The members of a finding's answer. */
static void put_one(struct requests *q, struct json_writer *w, const struct map *maps, struct span name,
                    const struct kept *k)
{
	int64_t now_ms = clock_wall_ms(q->clock);
	json_begin_object(w);
	json_kv(w, "finding", k->value);
	put_silence(w, &maps[BOARD_SILENCES], name, now_ms);
	if ((q->routing && routing_holds_back(q->routing, k->tenant, &k->finding, now_ms)) ||
	    window_holds_back(&maps[BOARD_SILENCES], k->tenant, &k->finding, now_ms))
		json_kv_bool(w, "held_back", true);
	put_notified(w, &maps[BOARD_NOTIFIED], k);
	json_end_object(w);
}

static int worst_first(const void *x, const void *y)
{
	const struct finding *a = &((const struct kept *)(*(struct map_slot *const *)x)->value)->finding,
	                     *b = &((const struct kept *)(*(struct map_slot *const *)y)->value)->finding;
	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	return (a->timestamp.ms < b->timestamp.ms) - (a->timestamp.ms > b->timestamp.ms);
}

static bool is_wanted(const struct kept *k, const struct micro_request *r, const struct findings_request *q)
{
	return span_eq(k->tenant, r->tenant) && k->finding.status == FINDING_OPEN && k->finding.severity >= q->min_severity &&
	       (!q->source.p || span_eq(q->source, k->finding.source)) && (!q->type.p || span_eq(q->type, k->finding.type));
}

static enum status handle_list(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct requests *q = arg;
	struct findings_request request;
	if (micro_decode(r, &findings_list_request_table, &request, err) != STATUS_OK)
		return err->status;
	size_t limit = (size_t)(request.limit.set ? request.limit.v : FINDINGS_LIMIT_DEFAULT), n = 0;
	const struct map *maps = requests_lock(q), *findings = &maps[BOARD_FINDINGS];
	struct map_slot **found = arena_alloc(r->arena, (findings->count + 1) * sizeof(void *));
	for (struct map_slot *s = map_next(findings, NULL); s; s = map_next(findings, s))
		if (is_wanted(s->value, r, &request))
			found[n++] = s;
	qsort(found, n, sizeof *found, worst_first);
	struct json_writer w = {.out = reply};
	json_begin_object(&w);
	json_key(&w, SPAN("findings"));
	json_begin_array(&w);
	for (size_t i = 0; i < n && i < limit; i++)
		put_one(q, &w, maps, span_of(found[i]->key, found[i]->key_n), found[i]->value);
	json_end_array(&w);
	json_kv_i64(&w, "total", (int64_t)n);
	json_end_object(&w);
	requests_unlock(q);
	return STATUS_OK;
}

static enum status handle_get(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct requests *q = arg;
	struct findings_request request;
	char name[REQUESTS_NAME_BYTES];
	if (micro_decode(r, &findings_get_request_table, &request, err) != STATUS_OK)
		return err->status;
	struct span key = requests_name(r, request.fingerprint, name);
	const struct map *maps = requests_lock(q);
	const struct kept *k = map_get(&maps[BOARD_FINDINGS], key);
	if (k)
		put_one(q, &(struct json_writer){.out = reply}, maps, key, k);
	requests_unlock(q);
	return k ? STATUS_OK
	         : err_field(err, STATUS_NOT_FOUND, "fingerprint", "there is no finding \"%.*s\"",
	                     SPAN_ARG(request.fingerprint));
}

static enum status handle_silence(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct requests *q = arg;
	struct findings_request request;
	char name[REQUESTS_NAME_BYTES];
	scoped_buf value = {0};
	int64_t now_ms = clock_wall_ms(q->clock);
	if (micro_decode(r, &findings_silence_request_table, &request, err) != STATUS_OK)
		return err->status;
	if (requests_check_until(&request, now_ms, err) != STATUS_OK)
		return err->status;
	const struct silence silence = {.fingerprint = request.fingerprint,
	                                .until = request.until,
	                                .at = {now_ms},
	                                .reason = request.reason,
	                                .by = request.by};
	json_encode(&silence_table, &silence, &(struct json_writer){.out = &value});
	requests_name(r, request.fingerprint, name);
	if (bus_kv_put(q->bus, BUCKET_SILENCES, name, buf_span(&value), NULL, err) != STATUS_OK)
		return err->status;
	const struct findings_reply answer = {.fingerprint = request.fingerprint, .silenced_until = request.until};
	json_encode(&findings_silence_reply_table, &answer, &(struct json_writer){.out = reply});
	return STATUS_OK;
}

static enum status handle_unsilence(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct requests *q = arg;
	struct findings_request request;
	char name[REQUESTS_NAME_BYTES];
	if (micro_decode(r, &findings_unsilence_request_table, &request, err) != STATUS_OK)
		return err->status;
	requests_name(r, request.fingerprint, name);
	if (bus_kv_delete(q->bus, BUCKET_SILENCES, name, err) != STATUS_OK)
		return err->status;
	const struct findings_reply answer = {.fingerprint = request.fingerprint};
	json_encode(&findings_unsilence_reply_table, &answer, &(struct json_writer){.out = reply});
	return STATUS_OK;
}

const struct micro_endpoint notifier_endpoints[NOTIFIER_ENDPOINTS] = {
    {"list", "gannet.*.findings.list", handle_list, "Open findings, worst first, and what was told of them"},
    {"get", "gannet.*.findings.get", handle_get, "One finding"},
    {"silence", "gannet.*.findings.silence", handle_silence, "Keep a finding from being told for a while"},
    {"unsilence", "gannet.*.findings.unsilence", handle_unsilence, "End a silence or a window of maintenance"},
    {"maintain", "gannet.*.findings.maintain", requests_maintain, "Tell nothing new for a while"},
    {"maintenance", "gannet.*.findings.maintenance", requests_maintenance, "Windows of maintenance"},
};

enum status requests_start(struct requests *r, struct err *err)
{
	return micro_start(r->bus, "findings", "What watchers found, and who was told", notifier_endpoints, NOTIFIER_ENDPOINTS, r,
	                   r->clock, &r->micro, err);
}

void requests_stop(struct requests *r)
{
	if (r->micro)
		micro_stop(r->micro);
}
