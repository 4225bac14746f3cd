/* Ollama's chat and embeddings. */
#include "core/clock.h"
#include "face.h"

#define DIMENSIONS_DEFAULT 768
#define FAKE_DURATION_NS 1000000

static enum status read_chat(struct json body, struct request *r, struct arena *a, struct err *err)
{
	struct json v;
	enum status s = face_read_model(body, r, a, err);
	if (s == STATUS_OK)
		s = face_read_messages(body, r, a, err);
	if (s != STATUS_OK)
		return s;
	bool stream = true;
	if (json_member(body, SPAN("stream"), &v) && !json_bool(v, &stream))
		return face_bad(err, "stream", "true or false");
	r->stream = stream;
	r->max_tokens = face_count(body, "/options/num_predict");
	if (json_member(body, SPAN("format"), &v)) {
		r->wants_json = v.type == JSON_OBJECT || json_text_is(v, SPAN("json"));
		if (v.type == JSON_OBJECT)
			r->schema = v;
	}
	return STATUS_OK;
}

/* ---- answers */

/* One line; the text is a piece or all of it, and the last line has the counts. */
static void put_line(const struct request *r, const struct answer *a, struct span text, bool done, struct buf *out)
{
	struct json_writer w = {out};
	json_begin_object(&w);
	json_kv_text(&w, "model", r->model);
	json_kv_time(&w, "created_at", a->at_wall_ms);
	json_key(&w, SPAN("message"));
	json_begin_object(&w);
	json_kv_cstr(&w, "role", "assistant");
	json_kv_text(&w, "content", text);
	json_end_object(&w);
	json_kv_bool(&w, "done", done);
	if (done) {
		json_kv_cstr(&w, "done_reason", a->finish == FINISH_LENGTH ? "length" : "stop");
		json_kv_i64(&w, "total_duration", FAKE_DURATION_NS);
		if (!a->no_usage) {
			json_kv_i64(&w, "prompt_eval_count", a->input + a->cached);
			json_kv_i64(&w, "eval_count", a->output);
		}
	}
	json_end_object(&w);
}

static struct span text_of(const struct answer *a)
{
	return a->text.p ? a->text : a->refusal;
}

static void write_chat(const struct request *r, const struct answer *a, struct buf *out)
{
	put_line(r, a, text_of(a), true, out);
}

static void stream_chat(const struct request *r, const struct answer *a, struct pieces *out)
{
	struct span rest = text_of(a), piece;
	while (face_next_piece(a, &rest, &piece)) {
		put_line(r, a, piece, false, &out->bytes);
		buf_addc(&out->bytes, '\n');
		pieces_close(out);
	}
	out->text_to = out->mark = pieces_count(out);
	put_line(r, a, SPAN(""), true, &out->bytes);
	buf_addc(&out->bytes, '\n');
	pieces_close(out);
}

/* ---- errors */

static void write_error(int status, const struct behaviour *b, struct buf *out)
{
	struct json_writer w = {out};
	json_begin_object(&w);
	json_kv_text(&w, "error",
	             b->message.p    ? b->message
	             : status == 404 ? SPAN("model not found, try pulling it first")
	             : status == 503 ? SPAN("server busy, please try again. maximum pending requests exceeded")
	                             : SPAN("an error was encountered while running the model"));
	json_end_object(&w);
}

static void stream_error(const struct behaviour *b, struct pieces *out)
{
	write_error(500, b, &out->bytes);
	buf_addc(&out->bytes, '\n');
	pieces_close(out);
}

static void stream_garbage(struct pieces *out)
{
	buf_adds(&out->bytes, "{\"message\":{\"content\":\n");
	pieces_close(out);
}

const struct face face_ollama = {"ollama",    "application/x-ndjson", read_chat,      write_chat,
                                 stream_chat, stream_error,           stream_garbage, write_error};

/* ---- embeddings */

static enum status read_embeddings(struct json body, struct request *r, struct arena *a, struct err *err)
{
	enum status s = face_read_model(body, r, a, err);
	return s == STATUS_OK ? face_read_inputs(body, r, a, err) : s;
}

static void write_embeddings(const struct request *r, const struct answer *a, struct buf *out)
{
	struct json_writer w = {out};
	struct json input;
	scoped_arena memory = {0};
	json_begin_object(&w);
	json_kv_text(&w, "model", r->model);
	json_key(&w, SPAN("embeddings"));
	json_begin_array(&w);
	for (struct face_inputs in = face_inputs(r); face_next_input(&in, &input);)
		face_put_vector(&w, json_text(input, &memory), r->dimensions > 0 ? (size_t)r->dimensions : DIMENSIONS_DEFAULT,
		                false);
	json_end_array(&w);
	if (!a->no_usage)
		json_kv_i64(&w, "prompt_eval_count", a->input);
	json_end_object(&w);
}

const struct face face_ollama_embeddings = {
    .name = "ollama", .read = read_embeddings, .write = write_embeddings, .error = write_error};
