/* Strict JSON: checking a document once, then walking it in place without copying. */
#ifndef GANNET_JSON_JSON_H
#define GANNET_JSON_JSON_H

#include "core/arena.h"
#include "core/buf.h"

#define JSON_DEPTH_MAX 64                    /* nesting of arrays and objects */
#define JSON_DOCUMENT_MAX ((size_t)16 << 20) /* bytes; callers with less to spare check before */
#define JSON_MEMBERS_MAX 65536               /* members of one object */

enum json_type { JSON_ABSENT, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/*
 * A value inside a checked document: its type and its very bytes (quotes and brackets included, no space around).
 * Valid as long as the document's bytes are. Zeroed means JSON_ABSENT.
 */
struct json {
	struct span text;
	enum json_type type;
};

/*
 * The only way from bytes to a struct json. Refuses what RFC 8259 forbids or leaves open: trailing bytes, duplicate
 * keys (compared after unescaping), \u0000, lone surrogates, invalid UTF-8, nesting past JSON_DEPTH_MAX, a document
 * past JSON_DOCUMENT_MAX. The error names the byte offset. Allocates nothing for objects of up to 32 members.
 */
enum status json_parse(struct span document, struct json *ret, struct err *err) must_check;

/* Looks up a member (exact, case-sensitive); false and an absent *ret when there is none or `v` is no object. */
bool json_member(struct json v, struct span key, struct json *ret);
/* RFC 6901 pointer ("" is the value itself, "/choices/0/message"); false and an absent *ret when it leads nowhere. */
bool json_pointer(struct json v, const char *pointer, struct json *ret);
size_t json_count(struct json v); /* elements or members; 0 for anything else */

/* struct json_iter it = json_iter(v); while (json_next(&it, &key, &value)); key is absent (type JSON_ABSENT) in arrays.
 */
struct json_iter {
	const char *p, *end;
	bool object;
};
struct json_iter json_iter(struct json v);
bool json_next(struct json_iter *it, struct json *ret_key, struct json *ret_value);

/* A string's text: a slice of the document when nothing is escaped, otherwise a copy in `a`. Absent span if not a
 * string. */
struct span json_text(struct json v, struct arena *a);
/* Whether the string's text equals `s`, without a copy. */
bool json_text_is(struct json v, struct span s);
/* Integers are exact: 1.0 and 1e3 count as integers, 1.5 and what does not fit do not. */
bool json_i64(struct json v, int64_t *ret);
bool json_f64(struct json v, double *ret); /* finite only */
bool json_bool(struct json v, bool *ret);
/* The same value on one line with no spaces between tokens. */
void json_compact(struct json v, struct buf *out);

/*
 * Writing. Commas are placed by the writer; nesting is the caller's to close. Text that is not valid UTF-8 is written
 * with U+FFFD in place of each bad byte and of NUL, so that json_parse() takes whatever is written. No allocation but
 * the buf's own.
 */
struct json_writer {
	struct buf *out;
	bool comma;
};

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, struct span key);
void json_put_text(struct json_writer *w, struct span s); /* an absent span is written as null */
void json_put_i64(struct json_writer *w, int64_t v);
void json_put_f64(struct json_writer *w,
                  double v); /* shortest form that reads back the same; NaN and infinities: null */
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
void json_put(struct json_writer *w, struct json v); /* verbatim bytes; absent is written as null */
/* Key and value in one call. */
void json_kv_text(struct json_writer *w, const char *key, struct span s);
void json_kv_cstr(struct json_writer *w, const char *key, const char *s);
void json_kv_i64(struct json_writer *w, const char *key, int64_t v);
void json_kv_time(struct json_writer *w, const char *key, int64_t wall_ms); /* RFC 3339 */
void json_kv_f64(struct json_writer *w, const char *key, double v);
void json_kv_bool(struct json_writer *w, const char *key, bool v);
void json_kv(struct json_writer *w, const char *key, struct json v);

/* Appends `s` as a quoted JSON string. */
void json_quote(struct buf *out, struct span s);

#endif
