/* Prints events as lines. */
#include "services/cli/event.h"

#include "services/cli/ending.h"
#include "services/cli/field.h"
#include "services/cli/show.h"
#include "services/cli/text.h"

#define STATE_COLUMNS 10
#define QUEUED_TOKEN 4 /* gannet . tenant . jobs . event . queued */

static struct span token(struct span subject, size_t index)
{
	struct span t = {0};
	for (size_t i = 0; i <= index; i++)
		t = subject.p ? span_cut(&subject, '.') : (struct span){0};
	return t;
}

bool event_is_queued(struct span subject)
{
	return span_is(token(subject, QUEUED_TOKEN), "queued");
}

bool event_decode(const struct note *n, struct arena *a, struct job_event *ret)
{
	struct json v;
	struct err err;
	return json_parse(n->data, &v, &err) == STATUS_OK &&
	       json_decode(&job_event_table, v, JSON_LENIENT, a, ret, &err) == STATUS_OK;
}

static void begin_line(struct buf *out, int64_t at_ms, struct span job_id, size_t id_columns, struct span state,
                       bool colour)
{
	style_begin(out, STYLE_DIM, colour);
	show_clock(out, at_ms);
	style_end(out, STYLE_DIM, colour);
	buf_adds(out, "  ");
	if (id_columns) {
		text_fit(out, job_id, id_columns, ALIGN_LEFT);
		buf_adds(out, "  ");
	}
	style_begin(out, style_of_status(state), colour);
	text_fit(out, state, STATE_COLUMNS, ALIGN_LEFT);
	style_end(out, style_of_status(state), colour);
	buf_adds(out, "  ");
}

static void word(struct buf *out, const char *before, struct span text)
{
	if (!text.n)
		return;
	buf_adds(out, before);
	text_line(out, text);
	buf_adds(out, "  ");
}

static void completed_details(const struct ending *e, struct buf *out)
{
	if (e->processing_ms >= 0) {
		show_duration(out, e->processing_ms);
		buf_adds(out, "  ");
	}
	if (e->total_tokens >= 0) {
		show_count(out, e->total_tokens);
		buf_adds(out, " tokens  ");
	}
	if (e->cost_nanousd >= 0) {
		show_cost(out, e->cost_nanousd);
		buf_adds(out, "  ");
	}
	ending_model(e, out);
}

static void retrying_details(const struct job_event *ev, const struct ending *e, struct buf *out)
{
	if (ev->delay_ms.set) {
		buf_adds(out, "in ");
		show_duration(out, ev->delay_ms.v);
		buf_adds(out, "  ");
	}
	ending_error(e, out);
}

static void details(const struct job_event *ev, struct arena *a, struct buf *out)
{
	struct ending e;
	ending_from_event(ev, a, &e);
	switch (ev->state) {
	case JOB_EVENT_STARTED:
		word(out, "", ev->model);
		if (ev->attempt > 1)
			buf_printf(out, "attempt %lld  ", (long long)ev->attempt);
		word(out, "on ", ev->worker_id);
		break;
	case JOB_EVENT_PROGRESSED:
		if (ev->progress.set)
			buf_printf(out, "%d %%", (int)(ev->progress.v * 100 + 0.5));
		break;
	case JOB_EVENT_RETRYING:
		retrying_details(ev, &e, out);
		break;
	case JOB_EVENT_COMPLETED:
		completed_details(&e, out);
		break;
	default:
		if (ev->error)
			ending_error(&e, out);
		break;
	}
}

static void end_line(struct buf *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->len--;
	buf_addc(out, '\n');
}

void event_line(const struct job_event *ev, size_t id_columns, struct arena *a, struct buf *out, bool colour)
{
	begin_line(out, ev->timestamp.ms, ev->job_id, id_columns, span_from(job_state_names[ev->state]), colour);
	details(ev, a, out);
	end_line(out);
}

/* A submission without an id gets it from its place in the stream, as the workers do it. */
static struct span queued_id(const struct note *n, struct json body, int64_t jobs_created_ms, struct arena *a)
{
	char id[JOB_ID_BYTES];
	int64_t sequence;
	struct span given = field_text(body, "job_id", a);
	if (given.n)
		return given;
	if (n->job_id.n)
		return n->job_id;
	if (!jobs_created_ms || !span_i64(n->sequence, &sequence))
		return SPAN("?");
	job_id_from_sequence(jobs_created_ms, (uint64_t)sequence, id);
	return arena_dup(a, span_from(id));
}

void queued_line(const struct note *n, int64_t jobs_created_ms, int64_t now_ms, size_t id_columns, struct arena *a,
                 struct buf *out, bool colour)
{
	struct json body = {0};
	struct err err;
	bool sound = json_parse(n->data, &body, &err) == STATUS_OK;
	begin_line(out, now_ms, queued_id(n, body, jobs_created_ms, a), id_columns, SPAN("queued"), colour);
	word(out, "", token(n->subject, QUEUED_TOKEN + 1));
	word(out, "", token(n->subject, QUEUED_TOKEN + 2));
	word(out, "", field_text(body, "model", a));
	word(out, "for ", field_text(body, "user_id", a));
	if (!sound)
		buf_adds(out, "(not a JSON object)");
	end_line(out);
}

void queued_json(const struct note *n, int64_t jobs_created_ms, struct arena *a, struct buf *out)
{
	struct json_writer w = {.out = out};
	struct json body = {0};
	struct err err;
	if (json_parse(n->data, &body, &err) != STATUS_OK)
		body = (struct json){0};
	scoped_buf compact = {0};
	if (body.type != JSON_ABSENT)
		json_compact(body, &compact);
	json_begin_object(&w);
	json_kv_text(&w, "job_id", queued_id(n, body, jobs_created_ms, a));
	json_kv_cstr(&w, "state", "queued");
	json_kv_text(&w, "kind", token(n->subject, QUEUED_TOKEN + 1));
	json_kv_text(&w, "priority", token(n->subject, QUEUED_TOKEN + 2));
	json_kv(&w, "submission", (struct json){buf_span(&compact), body.type});
	json_end_object(&w);
}
