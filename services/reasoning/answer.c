/* Reads, keeps and finds answers of models. */
#include "answer.h"

#include <stdio.h>

#include "bus/kv.h"
#include "contract/job.h"
#include "reasoning/clean.h"

#define KEY_BYTES (TENANT_ID_MAX + 24)

static void key_of(struct span tenant, char out[KEY_BYTES])
{
	snprintf(out, KEY_BYTES, "%.*s.reasoning_answer", SPAN_ARG(tenant));
}

static void explain(const struct job_event *e, struct arena *a, char reason[320])
{
	struct span code = e->error && e->error->code.n ? e->error->code : span_from(job_state_names[e->state]);
	struct span text = e->error ? clean_line(e->error->message, 240, a) : SPAN("");
	snprintf(reason, 320, "the model did not answer: %.*s%s%.*s", (int)(code.n < 40 ? code.n : 40), code.p,
	         text.n ? ": " : "", SPAN_ARG(text));
}

bool answer_read(struct span event, struct arena *a, struct span *ret_job_id, struct model_answer *ret, char reason[320])
{
	struct json v;
	struct job_event *e = arena_new(a, struct job_event);
	struct err err;
	*ret = (struct model_answer){0};
	reason[0] = 0;
	if (json_parse(event, &v, &err) != STATUS_OK ||
	    json_decode(&job_event_table, v, JSON_LENIENT, a, e, &err) != STATUS_OK || !job_state_is_final(e->state))
		return false;
	*ret_job_id = e->job_id;
	ret->job_id = e->job_id;
	if (e->state != JOB_EVENT_COMPLETED || !e->result) {
		explain(e, a, reason);
		return true;
	}
	ret->model = e->result->model.n ? e->result->model : e->model;
	ret->usage = e->result->usage;
	ret->cost_nanousd = e->result->cost_nanousd;
	ret->answer = e->result->parsed_output;
	if (ret->answer.type == JSON_ABSENT)
		ret->answer = (struct json){SPAN("null"), JSON_NULL};
	if (ret->answer.text.n > ANSWER_MAX)
		snprintf(reason, 320, "the model's answer of %zu bytes is longer than %d", ret->answer.text.n, ANSWER_MAX);
	return true;
}

bool answer_find(struct reasoner *r, struct span tenant, const char *job_id, struct arena *a, struct model_answer *ret,
                 char reason[320])
{
	static const enum job_state states[] = {JOB_EVENT_COMPLETED, JOB_EVENT_FAILED, JOB_EVENT_REJECTED, JOB_EVENT_CANCELLED};
	for (size_t i = 0; i < countof(states); i++) {
		char subject[TENANT_ID_MAX + JOB_ID_MAX + 48];
		struct bus_stored_message m;
		struct err ignored;
		struct span id;
		snprintf(subject, sizeof subject, "gannet.%.*s.jobs.event.%s.%s", SPAN_ARG(tenant), job_state_names[states[i]], job_id);
		if (bus_get_last(r->bus, STREAM_EVENTS, subject, &m, &ignored) != STATUS_OK)
			continue;
		bool read = answer_read(arena_dup(a, m.data), a, &id, ret, reason);
		bus_stored_message_free(&m);
		if (read)
			return true;
	}
	return false;
}

enum status answer_keep(struct reasoner *r, struct span tenant, const char *fingerprint, const struct model_answer *answer,
                        struct err *err)
{
	char key[KEY_BYTES];
	scoped_buf value = {0};
	struct json_writer w = {.out = &value};
	key_of(tenant, key);
	json_begin_object(&w);
	json_kv_cstr(&w, "fingerprint", fingerprint);
	json_kv_text(&w, "model", answer->model);
	json_kv_text(&w, "job_id", answer->job_id);
	json_kv(&w, "answer", answer->answer);
	json_end_object(&w);
	return bus_kv_put(r->bus, BUCKET_LATEST, key, buf_span(&value), NULL, err);
}

bool answer_kept(struct reasoner *r, struct span tenant, const char *fingerprint, struct buf *kept, struct arena *a,
                 struct model_answer *ret)
{
	char key[KEY_BYTES];
	struct json v, of, model, job_id;
	struct err ignored;
	key_of(tenant, key);
	*ret = (struct model_answer){.cached = true};
	if (bus_kv_get(r->bus, BUCKET_LATEST, key, kept, NULL, &ignored) != STATUS_OK ||
	    json_parse(buf_span(kept), &v, &ignored) != STATUS_OK)
		return false;
	json_member(v, SPAN("fingerprint"), &of);
	json_member(v, SPAN("model"), &model);
	json_member(v, SPAN("job_id"), &job_id);
	json_member(v, SPAN("answer"), &ret->answer);
	ret->model = json_text(model, a);
	ret->job_id = json_text(job_id, a);
	return json_text_is(of, span_from(fingerprint)) && ret->answer.type != JSON_ABSENT;
}
