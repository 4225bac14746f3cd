/* Spoils an answer that is ready: its bytes, its pieces, its length, its end. */
#include "fault.h"

#include "core/utf8.h"

#define FLOOD_FILLER_BYTES 4096
#define DRIP_GAP_MS 10
/* DEL passes through JSON unescaped and is in no text of ours: it marks a place in the bytes to be replaced. */
#define MARK '\x7f'

struct span fault_mark(struct span text, struct arena *a)
{
	size_t half = utf8_cut(text, text.n / 2).n;
	return arena_printf(a, "%.*s%c%.*s", (int)half, text.p, MARK, (int)(text.n - half), text.p + half);
}

/* Moves the last piece to place `to`. */
static void move_last(struct pieces *p, size_t to, struct arena *a)
{
	size_t n = pieces_count(p), *ends = (size_t *)(void *)p->ends.data;
	size_t from = to ? ends[to - 1] : 0, last_from = n > 1 ? ends[n - 2] : 0, bytes = p->bytes.len - last_from;
	char *copy = arena_alloc(a, bytes);
	memcpy(copy, p->bytes.data + last_from, bytes);
	memmove(p->bytes.data + from + bytes, p->bytes.data + from, last_from - from);
	memcpy(p->bytes.data + from, copy, bytes);
	for (size_t i = n - 1; i > to; i--)
		ends[i] = ends[i - 1] + bytes;
	ends[to] = from + bytes;
}

static void replace_mark(struct pieces *p, char with)
{
	for (char *at = p->bytes.data, *end = at + p->bytes.len; at && (at = memchr(at, MARK, (size_t)(end - at)));)
		*at++ = with;
}

/* Head, filler, tail: the filler is what repeats. */
static void make_flood(struct delivery *d)
{
	struct pieces *p = &d->pieces;
	char *mark = memchr(p->bytes.data, MARK, p->bytes.len);
	size_t head = mark ? (size_t)(mark - p->bytes.data) : p->bytes.len;
	struct span tail =
	    arena_dup(&d->memory, span_of(p->bytes.data + head + (mark != NULL), p->bytes.len - head - (mark != NULL)));
	p->bytes.len = head;
	buf_reset(&p->ends);
	pieces_close(p);
	for (int i = 0; i < FLOOD_FILLER_BYTES; i++)
		buf_addc(&p->bytes, 'x');
	pieces_close(p);
	buf_addspan(&p->bytes, tail);
	pieces_close(p);
	d->flood_piece = 1;
}

static void break_off(struct delivery *d, size_t at_piece, enum ending ending)
{
	d->whole = false;
	d->stop = at_piece;
	d->ending = ending;
}

/* A body that is one piece so far: half of it becomes a piece of its own. */
static void halve(struct delivery *d)
{
	size_t half = d->pieces.bytes.len / 2;
	d->length = (int64_t)d->pieces.bytes.len;
	buf_reset(&d->pieces.ends);
	buf_add(&d->pieces.ends, &half, sizeof half);
	pieces_close(&d->pieces);
}

static void drip(struct delivery *d, const struct behaviour *b)
{
	d->step_bytes = 1;
	if (!b->gap_given)
		d->gap = (struct latency){LATENCY_FIXED, DRIP_GAP_MS, 0};
}

static void flood(struct delivery *d, const struct behaviour *b)
{
	d->whole = false;
	d->flood = true;
	d->flood_left = b->bytes >= 0 ? b->bytes : INT64_MAX;
}

/* Faults that are the same with and without a stream; false for the others. */
static bool spoil_any(struct delivery *d, const struct behaviour *b)
{
	switch (b->fault) {
	case FAULT_CLOSE:
	case FAULT_HANG:
		d->silent = true;
		d->ending = b->fault == FAULT_HANG ? END_NEVER : END_CUT;
		d->tokens = (struct tokens){0};
		return true;
	case FAULT_EMPTY:
	case FAULT_WRONG_TYPE:
		pieces_reset(&d->pieces);
		d->whole = true;
		if (b->fault == FAULT_WRONG_TYPE) {
			d->content_type = "text/html; charset=utf-8";
			buf_adds(&d->pieces.bytes,
			         "<!DOCTYPE html><html><head><title>Gateway</title></head><body>Please wait.</body></html>");
		}
		return true;
	case FAULT_BAD_UTF8:
		replace_mark(&d->pieces, '\xff');
		return true;
	default:
		return false;
	}
}

static void spoil_body(struct delivery *d, const struct behaviour *b)
{
	switch (b->fault) {
	case FAULT_MALFORMED:
		d->pieces.bytes.len /= 2;
		break;
	case FAULT_TRUNCATED:
	case FAULT_CUT:
	case FAULT_STALL:
		halve(d);
		break_off(d, 1, b->fault == FAULT_STALL ? END_NEVER : END_CUT);
		break;
	case FAULT_FLOOD:
		make_flood(d);
		flood(d, b);
		break;
	case FAULT_DRIP:
		d->length = (int64_t)d->pieces.bytes.len;
		d->whole = false;
		drip(d, b);
		break;
	default:
		break;
	}
}

static void spoil_stream(struct delivery *d, const struct behaviour *b, const struct face *face)
{
	struct pieces *p = &d->pieces;
	size_t text_pieces = p->text_to - p->text_from;
	size_t at = p->text_from + ((size_t)b->at < text_pieces ? (size_t)b->at : text_pieces);
	switch (b->fault) {
	case FAULT_MALFORMED:
		face->stream_garbage(p);
		move_last(p, at, &d->memory);
		break;
	case FAULT_STREAM_ERROR:
		face->stream_error(b, p);
		move_last(p, at, &d->memory);
		d->stop = at + 1;
		break;
	case FAULT_TRUNCATED:
	case FAULT_CUT:
	case FAULT_STALL:
		break_off(d, at, b->fault == FAULT_STALL ? END_NEVER : END_CUT);
		break;
	case FAULT_NO_END:
		d->stop = p->mark;
		break;
	case FAULT_FLOOD:
		flood(d, b);
		d->flood_piece = p->text_from;
		break;
	case FAULT_DRIP:
		drip(d, b);
		break;
	default:
		break;
	}
}

void fault_strike(struct delivery *d, const struct behaviour *b, const struct face *face, bool stream)
{
	if (spoil_any(d, b))
		return;
	if (stream)
		spoil_stream(d, b, face);
	else
		spoil_body(d, b);
}
