/* Publishes what a snapshot changed about findings. */
#include "tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/store.h"

#define SOURCE "reasoning"

struct publication {
	struct bus *bus;
	struct span tenant;
	const struct memory *memory;
	const struct reason_output *o;
	int64_t now_ms;
	struct arena *arena;
};

static struct span said(const struct publication *p, const char *text, size_t max_bytes)
{
	scoped_buf out = {0};
	rule_text(text, &p->o->facts, max_bytes, &out);
	return arena_dup(p->arena, buf_span(&out));
}

static struct json evidence_of(const struct publication *p, int at)
{
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	const struct rule *r = p->o->judgement.rules[at].rule;
	json_begin_object(&w);
	json_kv_f64(&w, fact_names[r->fact], p->o->facts.all[r->fact].value);
	json_kv_f64(&w, "points", p->o->judgement.of[at].points);
	json_kv_f64(&w, "health_score", p->o->judgement.score);
	json_kv_cstr(&w, "reasoning_id", p->o->reasoning_id);
	json_end_object(&w);
	return (struct json){arena_dup(p->arena, buf_span(&out)), JSON_OBJECT};
}

static void describe(const struct publication *p, const struct kept_finding *k, struct finding *f)
{
	int at = rule_find(span_from(k->rule));
	f->title = span_from(k->rule);
	if (at < 0)
		return;
	const struct rule *r = p->o->judgement.rules[at].rule;
	f->title = k->status == FINDING_OPEN ? said(p, r->concern, FINDING_TITLE_MAX)
	                                     : arena_printf(p->arena, "Over: %s", r->advice.title ? r->advice.title : r->name);
	if (r->advice.title && k->status == FINDING_OPEN) {
		f->description = said(p, r->advice.description, FINDING_TEXT_MAX);
		f->recommendation = said(p, r->advice.title, FINDING_TEXT_MAX);
	}
	f->evidence = evidence_of(p, at);
	f->labels = (struct json){arena_printf(p->arena, "{\"rule\":\"%s\",\"category\":\"%s\"}", k->rule,
	                                       category_names[p->o->judgement.rules[at].category]),
	                          JSON_OBJECT};
}

static enum status publish(const struct publication *p, const struct kept_finding *k, struct err *err)
{
	char fingerprint[FINDING_FINGERPRINT_BYTES], subject[FINDING_SUBJECT_BYTES], msg_id[160];
	scoped_buf body = {0};
	finding_fingerprint((const struct span[]){SPAN(SOURCE), p->tenant, span_from(k->rule)}, 3, fingerprint);
	struct finding f = {
	    .fingerprint = span_from(fingerprint),
	    .source = SPAN(SOURCE),
	    .type = span_from(k->rule),
	    .severity = k->severity,
	    .status = k->status,
	    .occurrences = k->occurrences > 0 ? k->occurrences : 1,
	    .first_seen = {k->first_ms},
	    .timestamp = {p->now_ms},
	};
	describe(p, k, &f);
	json_encode(&finding_table, &f, &(struct json_writer){.out = &body});
	finding_subject(p->tenant, &f, subject);
	snprintf(msg_id, sizeof msg_id, "%s.%s.%s", fingerprint, p->memory->snapshot_id, finding_status_names[f.status]);
	const struct bus_header header = {HEADER_MSG_ID, span_from(msg_id)};
	return bus_store_wait(p->bus, &(struct bus_out){subject, NULL, buf_span(&body), &header, 1}, REQUEST_MS, NULL, err);
}

static void note_told(struct reasoner *r, struct span tenant, const char *snapshot_id)
{
	char *copy = strdup(snapshot_id);
	if (!copy)
		abort();
	free(map_put(&r->told, tenant, copy));
}

enum status tell_findings(struct reasoner *r, struct span tenant, const struct memory *m, const struct reason_output *o,
                          struct err *err)
{
	scoped_arena a = {0};
	const struct publication p = {r->bus, tenant, m, o, clock_wall_ms(r->clock), &a};
	const char *told = map_get(&r->told, tenant);
	if (!m->news_n || (told && strcmp(told, m->snapshot_id) == 0))
		return STATUS_OK;
	enum status s = STATUS_OK;
	for (size_t i = 0; s == STATUS_OK && i < m->news_n; i++)
		s = publish(&p, &m->news[i], err);
	if (s == STATUS_OK)
		note_told(r, tenant, m->snapshot_id);
	return s;
}

void tell_free(struct reasoner *r)
{
	for (struct map_slot *s = map_next(&r->told, NULL); s; s = map_next(&r->told, s))
		free(s->value);
	map_free(&r->told);
}
