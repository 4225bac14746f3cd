/* What a request is to be answered with: the options behind a model's name, or of a rule in the script. */
#ifndef GANNET_FAKE_BEHAVIOUR_H
#define GANNET_FAKE_BEHAVIOUR_H

#include "json/json.h"
#include "random.h"

#define LATENCY_MAX_MS 3600000

/* Milliseconds. */
struct latency {
	enum { LATENCY_FIXED, LATENCY_UNIFORM, LATENCY_NORMAL, LATENCY_LOGNORMAL } kind;
	double a,
	    b; /* fixed: a; uniform: from a to b; normal: mean, deviation; lognormal: median, sigma of the logarithm */
};
/* In [0, LATENCY_MAX_MS]. */
int64_t latency_draw(const struct latency *l, struct randomness *r);

/* name in scripts, what the client sees */
#define FAULT_LIST(X)                                                                                                  \
	X(NONE, "none", "no fault")                                                                                        \
	X(MALFORMED, "malformed", "an answer that is no JSON; in a stream, one such event after `at` pieces")              \
	X(TRUNCATED, "truncated", "half the body, a Content-Length for all of it, then the connection closes")             \
	X(CUT, "cut", "the connection closes after `at` pieces of a stream; as truncated without a stream")                \
	X(CLOSE, "close", "the connection closes without an answer")                                                       \
	X(HANG, "hang", "no answer, ever")                                                                                 \
	X(STALL, "stall", "nothing more after `at` pieces of a stream, or half a body; the connection stays open")         \
	X(STREAM_ERROR, "stream-error", "an error inside the stream after `at` pieces, under status 200")                  \
	X(NO_END, "no-end", "the stream ends without its end mark")                                                        \
	X(NO_USAGE, "no-usage", "no token counts")                                                                         \
	X(EMPTY, "empty", "a body of no bytes")                                                                            \
	X(WRONG_TYPE, "wrong-type", "an HTML page")                                                                        \
	X(BAD_UTF8, "bad-utf8", "a text with bytes that are not UTF-8")                                                    \
	X(FLOOD, "flood", "an answer of `bytes` bytes, or without an end")                                                 \
	X(DRIP, "drip", "the body byte by byte, one each `gap` (10 ms unless given)")

enum fault {
#define X(name, word, help) FAULT_##name,
	FAULT_LIST(X)
#undef X
};
extern const char *const fault_names[]; /* NULL-terminated */
extern const char *const fault_helps[];

enum finish { FINISH_STOP, FINISH_LENGTH, FINISH_CONTENT_FILTER, FINISH_REFUSAL };
extern const char *const finish_names[];

/* Spans are the maker's. -1: not given. */
struct behaviour {
	struct latency latency, gap;
	bool gap_given;
	int64_t status; /* HTTP; 200 is none but a fault's */
	struct span code, type, message;
	int64_t retry_after_s, retry_after_ms, retry_after_date_s;
	unsigned fault;  /* enum fault */
	unsigned finish; /* enum finish */
	int64_t at, bytes;
	struct span text; /* absent: made up */
	struct span json; /* a JSON value to answer with; absent: none */
	bool echo;
	int64_t tokens, in, out, cached, cache_write, reasoning, piece;
	int64_t first, after, seed;
	double chance;
	struct span id;
};

struct behaviour behaviour_default(int64_t seed);
/*
 * Splits "gpt-x:latency=1s,echo" into the model and its suffix (absent without one). A colon belongs to the model
 * unless the name of an option follows. INVALID when the part after the last colon holds a '=' but no option.
 */
enum status behaviour_split(struct span name, struct span *ret_model, struct span *ret_suffix,
                            struct err *err) must_check;
/* "latency=1s,echo,text=a%2C%20b" over what `b` says already; values are percent-decoded into `a`. */
enum status behaviour_parse_suffix(struct behaviour *b, struct span suffix, struct arena *a,
                                   struct err *err) must_check;
/* {"latency": "1s", "echo": true, "json": {…}} */
enum status behaviour_parse_object(struct behaviour *b, struct json object, struct arena *a,
                                   struct err *err) must_check;
/* Whether what it does depends on how many requests came before. */
bool behaviour_counts(const struct behaviour *b);
/* Leaves only what a healthy answer needs unless the n-th request (from 0) is one that is to fail. */
void behaviour_settle(struct behaviour *b, int64_t n, struct randomness *r);
/* A table of options and faults for --help. */
void behaviour_help(struct buf *out);

#endif
