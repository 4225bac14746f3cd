/* A byte buffer that grows up to a named ceiling. */
#ifndef GANNET_CORE_BUF_H
#define GANNET_CORE_BUF_H

#include "core/span.h"
#include "core/status.h"

/*
 * Invariant: `data[0..len)` is what was written; always followed by a NUL when data is not NULL.
 * Once an append would pass `max_bytes` nothing more is written and `overflow` stays set: check it once, at the end.
 * A zeroed buf is valid with the ceiling BUF_DEFAULT_MAX. Ends the process when memory is out. Not thread-safe.
 */
struct buf {
	char *data;
	size_t len, cap;
	size_t max_bytes; /* 0 means BUF_DEFAULT_MAX */
	bool overflow;
};

#define BUF_DEFAULT_MAX ((size_t)64 << 20)

void buf_free(struct buf *b);
/* Empties, keeps the memory, clears `overflow`. */
void buf_reset(struct buf *b);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *cstr);
void buf_addspan(struct buf *b, struct span s);
void buf_addc(struct buf *b, char c);
void buf_addi64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
/* Room for `n` more bytes at the returned place, NULL on overflow; follow with buf_commit(). */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
static inline struct span buf_span(const struct buf *b)
{
	return span_of(b->data ? b->data : "", b->len);
}

#define scoped_buf __attribute__((cleanup(buf_free))) struct buf

#endif
