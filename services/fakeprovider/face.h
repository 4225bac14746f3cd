/* A face is one provider's wire format: how a request is read, how answers, streams and errors are written. */
#ifndef GANNET_FAKE_FACE_H
#define GANNET_FAKE_FACE_H

#include "behaviour.h"

/* A request, provider-neutral. Spans live in the request's document or arena. */
struct request {
	const struct face *face;
	struct span name;    /* the model as asked for, with its suffix */
	struct span model;   /* without */
	struct span prompt;  /* the last message of the user; for embeddings all inputs joined */
	size_t prompt_bytes; /* of all messages */
	struct json inputs;  /* embeddings: a string or an array of strings */
	int64_t dimensions;  /* embeddings: 0 when not asked for */
	bool base64;         /* embeddings */
	bool stream, include_usage, wants_json;
	struct json schema; /* absent: any */
	int64_t max_tokens; /* -1: not given */
};

/* A healthy answer. Token counts are disjoint. */
struct answer {
	uint64_t id;
	int64_t at_wall_ms;
	struct span text; /* absent for a refusal */
	struct span refusal;
	enum finish finish;
	int64_t input, cached, cache_write, output, reasoning; /* reasoning is part of output */
	bool no_usage;
	int64_t piece_tokens;
};

/* Bytes and where their pieces end. The pieces in [text_from, text_to) carry the text, those from `mark` on are the end
 * mark. */
struct pieces {
	struct buf bytes;
	struct buf ends; /* of size_t */
	size_t text_from, text_to, mark;
};
size_t pieces_count(const struct pieces *p);
size_t pieces_end(const struct pieces *p, size_t i); /* offset behind piece i */
void pieces_close(struct pieces *p);                 /* what was added to `bytes` since the last one becomes a piece */
void pieces_reset(struct pieces *p);

struct face {
	const char *name;
	const char *stream_type; /* Content-Type */
	/* All of these MUST be given. `read` finds what it needs or says INVALID as the provider would. */
	enum status (*read)(struct json body, struct request *r, struct arena *a, struct err *err);
	void (*write)(const struct request *r, const struct answer *a, struct buf *out);
	void (*stream)(const struct request *r, const struct answer *a, struct pieces *out);
	void (*stream_error)(const struct behaviour *b, struct pieces *out); /* an error inside a stream, as one piece */
	void (*stream_garbage)(struct pieces *out);                          /* an event that is no JSON, as one piece */
	/* Empty spans stand for what the provider would say with this HTTP status. */
	void (*error)(int status, const struct behaviour *b, struct buf *out);
};

extern const struct face face_openai, face_anthropic, face_ollama;
/* The embeddings of OpenAI and of Ollama: `read` and `write` alone. */
extern const struct face face_openai_embeddings, face_ollama_embeddings;

/* ---- shared by the faces */
/* The request's member has a wrong type or value: INVALID. */
enum status face_bad(struct err *err, const char *field, const char *must_be);
enum status face_read_model(struct json body, struct request *r, struct arena *a, struct err *err) must_check;
/* `messages` ({role, content: string or [{type: "text", text}, …]}): the last of the user, and the bytes of all. */
enum status face_read_messages(struct json body, struct request *r, struct arena *a, struct err *err) must_check;
/* The bytes of a text, or of the text parts of an array. */
size_t face_text_bytes(struct json content, struct arena *a, struct span *ret_joined);
/* `input` of embeddings. */
enum status face_read_inputs(struct json body, struct request *r, struct arena *a, struct err *err) must_check;
bool face_flag(struct json body, const char *pointer);
int64_t face_count(struct json body, const char *pointer); /* -1: not there */
/* Cuts the next piece off; false when nothing is left. */
bool face_next_piece(const struct answer *a, struct span *rest, struct span *ret);
/* The vector of one input as a JSON array, or as base64 of little-endian floats. */
void face_put_vector(struct json_writer *w, struct span text, size_t dimensions, bool base64);
/* Runs over the inputs of an embeddings request, which are one text or an array of them. */
struct face_inputs {
	struct json_iter it;
	struct json single;
};
struct face_inputs face_inputs(const struct request *r);
bool face_next_input(struct face_inputs *in, struct json *ret);

#endif
