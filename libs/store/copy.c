/* Rows in COPY's binary format (PostgreSQL manual, COPY, "Binary Format"), and sending them. */
#include <endian.h>

#include "store/internal.h"

#define SIGNATURE "PGCOPY\n\377\r\n\0"
#define EPOCH_2000_MS 946684800000ll /* timestamptz counts microseconds from here */

void store_copy_begin(struct buf *out)
{
	static const char header[19] = SIGNATURE; /* then 32 bits of flags and of extension length, both 0 */
	buf_add(out, header, sizeof header);
}

void store_copy_end(struct buf *out)
{
	buf_add(out, "\377\377", 2);
}

static char *put16(char *at, int64_t v)
{
	uint16_t b = htobe16((uint16_t)v);
	memcpy(at, &b, 2);
	return at + 2;
}

static char *put32(char *at, int64_t v)
{
	uint32_t b = htobe32((uint32_t)v);
	memcpy(at, &b, 4);
	return at + 4;
}

static char *put64(char *at, int64_t v)
{
	uint64_t b = htobe64((uint64_t)v);
	memcpy(at, &b, 8);
	return at + 8;
}

static char *put_text(char *at, const struct span *s)
{
	if (!s->p)
		return put32(at, -1);
	at = put32(at, (int64_t)s->n);
	memcpy(at, s->p, s->n);
	return at + s->n;
}

static char *put_number(char *at, enum store_kind kind, const void *member)
{
	int64_t v;
	memcpy(&v, member, sizeof v);
	if (v == STORE_NULL || (kind == STORE_TIME && v == 0))
		return put32(at, -1);
	switch (kind) {
	case STORE_I16:
		return put16(put32(at, 2), v);
	case STORE_I32:
		return put32(put32(at, 4), v);
	case STORE_TIME:
		return put64(put32(at, 8), (v - EPOCH_2000_MS) * 1000);
	default:
		return put64(put32(at, 8), v);
	}
}

void store_copy_row(struct buf *out, const struct store_column *columns, size_t n, const void *row)
{
	const char *base = row;
	size_t bytes = 2 + n * 12;
	for (size_t i = 0; i < n; i++)
		if (columns[i].kind == STORE_TEXT)
			bytes += ((const struct span *)(base + columns[i].offset))->n;
	char *begin = buf_reserve(out, bytes);
	if (!begin)
		return;
	char *at = put16(begin, (int64_t)n);
	for (size_t i = 0; i < n; i++) {
		const void *member = base + columns[i].offset;
		if (columns[i].kind == STORE_TEXT) {
			at = put_text(at, member);
		} else if (columns[i].kind == STORE_BOOL) {
			at = put32(at, 1);
			*at++ = *(const bool *)member;
		} else {
			at = put_number(at, columns[i].kind, member);
		}
	}
	buf_commit(out, (size_t)(at - begin));
}

#define PIECE ((size_t)256 << 10)

static bool send_pieces(struct store *s, struct span document)
{
	for (size_t at = 0; at < document.n; at += PIECE) {
		size_t n = document.n - at < PIECE ? document.n - at : PIECE;
		if (PQputCopyData(s->conn, document.p + at, (int)n) != 1 || !store_flush(s))
			return false;
	}
	return true;
}

enum status store_copy(struct store *s, const char *copy_sql, struct span document, struct err *err)
{
	enum status status = store_ready(s, err);
	if (status != STATUS_OK)
		return status;
	PGresult *r;
	status = store_take(s, store_collect(s, PQsendQuery(s->conn, copy_sql)), &r, err);
	if (status != STATUS_OK)
		return status;
	PQclear(r);
	bool sent = send_pieces(s, document);
	if (!s->answered) /* ends the connection */
		return store_take(s, NULL, &r, err);
	/* Whatever else failed shows in the result. */
	status = store_take(s, store_collect(s, PQputCopyEnd(s->conn, sent ? NULL : "the client stopped")), &r, err);
	if (status == STATUS_OK)
		PQclear(r);
	return status;
}
