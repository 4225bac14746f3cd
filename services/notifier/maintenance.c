/* Answers about maintenance: which windows there are, and one more. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "requests.h"
#include "window.h"

enum status requests_maintain(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct requests *q = arg;
	struct findings_request request;
	char id[ID_BYTES], name[REQUESTS_NAME_BYTES];
	scoped_buf value = {0};
	int64_t now_ms = clock_wall_ms(q->clock);
	if (micro_decode(r, &findings_maintain_request_table, &request, err) != STATUS_OK)
		return err->status;
	if (!request.from.ms)
		request.from.ms = now_ms;
	if (requests_check_until(&request, now_ms, err) != STATUS_OK)
		return err->status;
	if (request.until.ms <= request.from.ms)
		return err_field(err, STATUS_INVALID, "until", "until: is not after from");
	id_random(id);
	const struct silence window = {.fingerprint = span_from(id),
	                               .from = request.from,
	                               .until = request.until,
	                               .at = {now_ms},
	                               .sources = request.sources,
	                               .reason = request.reason,
	                               .by = request.by};
	json_encode(&silence_table, &window, &(struct json_writer){.out = &value});
	requests_name(r, window.fingerprint, name);
	if (bus_kv_put(q->bus, BUCKET_SILENCES, name, buf_span(&value), NULL, err) != STATUS_OK)
		return err->status;
	const struct findings_reply answer = {.fingerprint = window.fingerprint, .from = window.from, .until = window.until};
	json_encode(&findings_maintain_reply_table, &answer, &(struct json_writer){.out = reply});
	return STATUS_OK;
}

/* ---- listing */

struct listing {
	struct silence all[NOTIFIER_WINDOWS_MAX * 2];
	size_t n;
};

static void add(struct listing *l, const struct silence *s, int64_t now_ms)
{
	if (s->until.ms > now_ms && l->n < countof(l->all))
		l->all[l->n++] = *s;
}

static int next_end_first(const void *x, const void *y)
{
	const struct silence *a = x, *b = y;
	return (a->until.ms > b->until.ms) - (a->until.ms < b->until.ms);
}

static void put_window(struct json_writer *w, const struct silence *s)
{
	json_begin_object(w);
	if (s->fingerprint.n)
		json_kv_text(w, "fingerprint", s->fingerprint);
	json_kv_time(w, "from", s->from.ms);
	json_kv_time(w, "until", s->until.ms);
	if (json_count(s->sources))
		json_kv(w, "sources", s->sources);
	if (s->reason.n)
		json_kv_text(w, "reason", s->reason);
	if (s->by.n)
		json_kv_text(w, "by", s->by);
	json_end_object(w);
}

static void add_of_file(struct listing *l, const struct routing *c, struct span tenant, int64_t now_ms)
{
	for (size_t i = 0; c && i < c->windows_n; i++) {
		const struct notifier_window *w = &c->windows[i];
		const struct silence s = {.from = w->from, .until = w->until, .sources = w->sources, .reason = w->reason};
		if (!w->tenant.p || span_glob(tenant, w->tenant))
			add(l, &s, now_ms);
	}
}

static void add_by_hand(struct listing *l, const struct map *silences, struct span tenant, int64_t now_ms)
{
	for (struct map_slot *s = map_next(silences, NULL); s; s = map_next(silences, s)) {
		const struct kept *k = s->value;
		if (silence_is_window(&k->silence) && span_eq(k->tenant, tenant))
			add(l, &k->silence, now_ms);
	}
}

enum status requests_maintenance(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct requests *q = arg;
	struct findings_request request;
	struct listing l = {0};
	struct json_writer w = {.out = reply};
	int64_t now_ms = clock_wall_ms(q->clock);
	if (micro_decode(r, &findings_maintenance_request_table, &request, err) != STATUS_OK)
		return err->status;
	const struct map *maps = requests_lock(q);
	add_of_file(&l, q->routing, r->tenant, now_ms);
	add_by_hand(&l, &maps[BOARD_SILENCES], r->tenant, now_ms);
	qsort(l.all, l.n, sizeof *l.all, next_end_first);
	json_begin_object(&w);
	json_key(&w, SPAN("windows"));
	json_begin_array(&w);
	for (size_t i = 0; i < l.n; i++)
		put_window(&w, &l.all[i]);
	json_end_array(&w);
	json_end_object(&w);
	requests_unlock(q);
	return STATUS_OK;
}
