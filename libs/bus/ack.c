/* Acknowledgements: one small publication each; and the place in the stream that an acknowledgement's subject tells. */
#include <stdio.h>

#include "bus/internal.h"
#include "bus/pull.h"

static enum status reply_with(struct bus *b, struct span ack, struct span word, struct err *err)
{
	char subject[512];
	if (!ack.n || !span_copy(ack, subject, sizeof subject))
		return err_set(err, STATUS_INVALID, "an acknowledgement's subject of %zu bytes", ack.n);
	natsStatus s = natsConnection_Publish(b->nc, subject, word.p, (int)word.n);
	bus_sent(b);
	return s == NATS_OK ? STATUS_OK : bus_client_err(err, s, "acknowledgement");
}

enum status bus_ack(struct bus *b, struct span ack, struct err *err)
{
	return reply_with(b, ack, SPAN("+ACK"), err);
}

enum status bus_nak(struct bus *b, struct span ack, int64_t delay_ms, struct err *err)
{
	char word[64];
	int n = delay_ms > 0 ? snprintf(word, sizeof word, "-NAK {\"delay\":%lld}", (long long)delay_ms * 1000000)
	                     : snprintf(word, sizeof word, "-NAK");
	return reply_with(b, ack, span_of(word, (size_t)n), err);
}

enum status bus_in_progress(struct bus *b, struct span ack, struct err *err)
{
	return reply_with(b, ack, SPAN("+WPI"), err);
}

/* Without a reason: 2.9 does not know "+TERM <reason>". */
enum status bus_term(struct bus *b, struct span ack, struct err *err)
{
	return reply_with(b, ack, SPAN("+TERM"), err);
}

static bool next_u64(struct span *rest, uint64_t *ret)
{
	struct span token = span_cut(rest, '.');
	uint64_t v = 0;
	if (!token.n || token.n > 20)
		return false;
	for (size_t i = 0; i < token.n; i++) {
		unsigned digit = (unsigned)(token.p[i] - '0');
		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
}

/*
 * $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, or from ADR-15's second form on
 * $JS.ACK.<domain>.<account>.<stream>.….<pending>[.<random>].
 */
bool bus_place_parse(struct span ack, struct bus_place *ret)
{
	if (!span_starts(ack, SPAN("$JS.ACK.")))
		return false;
	struct span rest = span_of(ack.p + 8, ack.n - 8);
	size_t dots = 0;
	for (size_t i = 0; i < ack.n; i++)
		dots += ack.p[i] == '.';
	if (dots != 8 && dots < 10)
		return false;
	if (dots != 8) {
		span_cut(&rest, '.');
		span_cut(&rest, '.');
	}
	struct bus_place p = {.stream = span_cut(&rest, '.'), .consumer = span_cut(&rest, '.')};
	uint64_t stored_ns;
	if (!next_u64(&rest, &p.delivered) || !next_u64(&rest, &p.stream_sequence) ||
	    !next_u64(&rest, &p.consumer_sequence) || !next_u64(&rest, &stored_ns) || !next_u64(&rest, &p.pending))
		return false;
	p.stored_ns = (int64_t)stored_ns;
	*ret = p;
	return true;
}
