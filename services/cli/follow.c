/* Waits for a job's end and prints what there is to see on the way. */
#include "services/cli/follow.h"

#include <stdio.h>
#include <stdlib.h>

#include "services/cli/connect.h"
#include "services/cli/event.h"
#include "services/cli/field.h"
#include "services/cli/show.h"
#include "services/cli/text.h"

#define ASK_EVERY_MS 5000 /* without events, how long until the record is asked for */
#define STATUS_LINE_EVERY_MS 200
#define STREAM_KEPT_MAX ((size_t)16 << 20)

enum status follow_open(struct follow *f, struct err *err)
{
	char subject[160];
	f->started_mono_ms = clock_mono_ms(&clock_system);
	f->next_ask_mono_ms = f->started_mono_ms + ASK_EVERY_MS;
	f->streamed.max_bytes = STREAM_KEPT_MAX;
	snprintf(f->state, sizeof f->state, "queued");
	if (cli_connect(f->c, err) != STATUS_OK || inbox_open(&f->inbox, err) != STATUS_OK)
		return err->status;
	snprintf(subject, sizeof subject, "gannet.%s.jobs.event.*.%.*s", f->c->global.tenant, SPAN_ARG(f->job_id));
	enum status s = inbox_subscribe(&f->inbox, f->c->bus, subject, err);
	if (s != STATUS_OK || !f->stream)
		return s;
	snprintf(subject, sizeof subject, "gannet.%s.jobs.stream.%.*s", f->c->global.tenant, SPAN_ARG(f->job_id));
	return inbox_subscribe(&f->inbox, f->c->bus, subject, err);
}

void follow_close(struct follow *f)
{
	inbox_close(&f->inbox);
	buf_free(&f->streamed);
}

static bool shows_status_line(const struct follow *f)
{
	return term_has_colour(2) && !f->c->global.quiet && !f->c->global.json && !f->lines && !f->streamed.len;
}

static void clear_status_line(struct follow *f)
{
	if (f->status_line)
		fputs("\r\x1b[K", stderr);
	f->status_line = false;
}

static void draw_status_line(struct follow *f, int64_t now_ms)
{
	static const char *const frames[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
	if (!shows_status_line(f))
		return;
	scoped_buf text = {0}, line = {0};
	int64_t waited_ms = now_ms - f->started_mono_ms;
	buf_printf(&text, "%s %s  ", frames[waited_ms / STATUS_LINE_EVERY_MS % (int64_t)countof(frames)], f->state);
	show_duration(&text, waited_ms / 100 * 100);
	size_t width = text_width(buf_span(&text)), room = term_columns() - 1;
	text_fit(&line, buf_span(&text), width < room ? width : room, ALIGN_LEFT);
	fprintf(stderr, "\r\x1b[K\x1b[2m%s\x1b[0m", line.data);
	f->status_line = true;
}

static void print_line(struct buf *line)
{
	buf_addc(line, '\n');
	cli_print(buf_span(line));
}

/* Text for people is cleaned on a terminal only: a file or pipe gets the very bytes. */
static void print_text(struct span text)
{
	scoped_buf clean = {0};
	if (term_is_tty(1)) {
		text_clean(&clean, text);
		text = buf_span(&clean);
	}
	cli_print(text);
}

static void on_stream(struct follow *f, const struct note *n, struct arena *a)
{
	struct json v;
	struct job_stream piece;
	struct err err;
	if (json_parse(n->data, &v, &err) != STATUS_OK ||
	    json_decode(&job_stream_table, v, JSON_LENIENT, a, &piece, &err) != STATUS_OK)
		return;
	if (f->c->global.json) {
		scoped_buf line = {0};
		json_compact(v, &line);
		print_line(&line);
		return;
	}
	clear_status_line(f);
	if (piece.restart.v && f->streamed.len) {
		cli_print(SPAN("\n"));
		cli_say(f->c, "(the answer begins again)");
		buf_reset(&f->streamed);
	}
	buf_addspan(&f->streamed, piece.delta);
	print_text(piece.delta);
}

/* The answer, or what of it the stream has not shown yet. */
static void print_answer(struct follow *f, const struct ending *e)
{
	struct span streamed = buf_span(&f->streamed), answer = e->answer;
	if (streamed.n && !f->streamed.overflow && span_starts(e->raw_response, streamed))
		answer = span_of(e->raw_response.p + streamed.n, e->raw_response.n - streamed.n);
	else if (streamed.n && e->raw_response.p)
		cli_print(SPAN("\n\n"));
	print_text(answer);
	struct span end = answer.n ? answer : streamed;
	if (!end.n || end.p[end.n - 1] != '\n')
		cli_print(SPAN("\n"));
}

static enum outcome print_ending(struct follow *f, const struct ending *e, struct json whole)
{
	enum outcome outcome = ending_outcome(e);
	scoped_buf out = {0};
	clear_status_line(f);
	if (f->c->global.json) {
		json_compact(whole, &out);
		print_line(&out);
		return outcome;
	}
	if (f->lines)
		return outcome;
	if (outcome == OUTCOME_OK) {
		print_answer(f, e);
		if (f->c->global.quiet)
			return outcome;
		buf_adds(&out, term_is_tty(1) ? "\n" : "");
		ending_summary(e, &out, term_has_colour(2));
		fputs(out.data, stderr);
		return outcome;
	}
	if (f->streamed.len)
		cli_print(SPAN("\n"));
	buf_printf(&out, "job %.*s ", SPAN_ARG(f->job_id));
	if (outcome == OUTCOME_JOB_CANCELLED && !e->error_message.n) {
		buf_adds(&out, "was cancelled");
	} else {
		text_line(&out, e->status);
		buf_adds(&out, ": ");
		ending_error(e, &out);
	}
	fputs("gannet: ", stderr);
	fprintf(stderr, "%s\n", out.data);
	return outcome;
}

static void note_state(struct follow *f, const struct job_event *ev)
{
	scoped_buf delay = {0};
	if (ev->state == JOB_EVENT_STARTED) {
		snprintf(f->state, sizeof f->state, "processing");
	} else if (ev->state == JOB_EVENT_PROGRESSED && ev->progress.set) {
		snprintf(f->state, sizeof f->state, "processing %d %%", (int)(ev->progress.v * 100 + 0.5));
	} else if (ev->state == JOB_EVENT_RETRYING) {
		show_duration(&delay, ev->delay_ms.v);
		snprintf(f->state, sizeof f->state, "trying again %s after: %.*s", delay.data,
		         ev->error ? (int)ev->error->code.n : 0, ev->error ? ev->error->code.p : "");
	}
}

/* Returns true when the job has ended, with the exit code in *ret. */
static bool on_event(struct follow *f, const struct note *n, struct arena *a, enum outcome *ret)
{
	struct job_event ev;
	if (!event_decode(n, a, &ev) || ev.run < f->run)
		return false;
	struct json whole = {n->data, JSON_OBJECT};
	bool final = job_state_is_final((enum job_state)ev.state);
	note_state(f, &ev);
	scoped_buf line = {0};
	if (f->lines && !f->c->global.json) {
		event_line(&ev, 0, a, &line, term_has_colour(1));
		cli_print(buf_span(&line));
	} else if (f->lines && !final) {
		json_compact(whole, &line);
		print_line(&line);
	}
	if (!final)
		return false;
	struct ending e;
	ending_from_event(&ev, a, &e);
	*ret = print_ending(f, &e, whole);
	return true;
}

static bool record_is_final(const struct ending *e)
{
	return span_is(e->status, "completed") || span_is(e->status, "failed") || span_is(e->status, "cancelled");
}

/* What the record says; a service that does not answer is no reason to stop waiting, a job that is not known may yet be
 * recorded. */
static bool ask_record(struct follow *f, struct arena *a, bool first, enum outcome *ret)
{
	scoped_buf reply = {0};
	struct err err;
	struct json record;
	struct ending e;
	bool tell = first && f->lines && !f->c->global.json;
	f->next_ask_mono_ms = clock_mono_ms(&clock_system) + ASK_EVERY_MS;
	if (cli_request_job(f->c, "get", f->job_id, &reply, &err) != STATUS_OK ||
	    json_parse(buf_span(&reply), &record, &err) != STATUS_OK) {
		if (tell)
			cli_say(f->c, "gannet: %s; waiting for events", err.msg);
		return false;
	}
	if (field_i64_or(record, "run", 1) < f->run)
		return false;
	ending_from_record(record, a, &e);
	bool final = record_is_final(&e);
	if (tell || (final && f->lines && !f->c->global.json))
		cli_say(f->c, "job %.*s is %.*s", SPAN_ARG(f->job_id), SPAN_ARG(e.status));
	if (final) {
		*ret = print_ending(f, &e, record);
		return true;
	}
	snprintf(f->state, sizeof f->state, "%.*s", (int)(e.status.n < 40 ? e.status.n : 40), e.status.p ? e.status.p : "");
	return false;
}

static enum outcome gave_up(struct follow *f, enum outcome outcome)
{
	clear_status_line(f);
	cli_say(f->c, "gannet: job %.*s goes on; `gannet watch %.*s` follows it, `gannet cancel %.*s` stops it",
	        SPAN_ARG(f->job_id), SPAN_ARG(f->job_id), SPAN_ARG(f->job_id));
	return outcome;
}

static bool take_all(struct follow *f, enum outcome *ret)
{
	bool ended = false;
	for (struct note *n; !ended && (n = inbox_take(&f->inbox)); free(n)) {
		scoped_arena a = {0};
		f->next_ask_mono_ms = clock_mono_ms(&clock_system) + ASK_EVERY_MS;
		/* gannet.<tenant>.jobs.stream.<id> or gannet.<tenant>.jobs.event.<state>.<id> */
		bool partial = memmem(n->subject.p, n->subject.n, ".jobs.stream.", 13) != NULL;
		if (partial)
			on_stream(f, n, &a);
		else
			ended = on_event(f, n, &a, ret);
	}
	return ended;
}

enum outcome follow_to_end(struct follow *f, bool late)
{
	enum outcome outcome = OUTCOME_OK;
	struct opt_i64 timeout = f->c->global.timeout_ms;
	term_catch_signals();
	if (late)
		f->next_ask_mono_ms = f->started_mono_ms;
	for (bool first = late;;) {
		if (take_all(f, &outcome))
			return outcome;
		int64_t now_ms = clock_mono_ms(&clock_system), wake_ms = f->next_ask_mono_ms;
		if (term_interrupted())
			return gave_up(f, OUTCOME_INTERRUPTED);
		if (timeout.set && now_ms - f->started_mono_ms >= timeout.v)
			return gave_up(f, OUTCOME_TIMED_OUT);
		if (now_ms >= f->next_ask_mono_ms) {
			scoped_arena a = {0};
			if (ask_record(f, &a, first, &outcome))
				return outcome;
			first = false;
			continue;
		}
		draw_status_line(f, now_ms);
		if (timeout.set && f->started_mono_ms + timeout.v < wake_ms)
			wake_ms = f->started_mono_ms + timeout.v;
		if (f->status_line && now_ms + STATUS_LINE_EVERY_MS < wake_ms)
			wake_ms = now_ms + STATUS_LINE_EVERY_MS;
		(void)term_wait(f->inbox.fd, false, wake_ms - now_ms);
	}
}

enum outcome follow_existing(struct cli *c, struct span job_id, int64_t run, bool lines)
{
	struct follow f = {.c = c, .job_id = job_id, .run = run, .lines = lines};
	struct err err;
	enum outcome outcome = follow_open(&f, &err) == STATUS_OK ? follow_to_end(&f, true) : cli_fail(c, &err);
	follow_close(&f);
	return outcome;
}
