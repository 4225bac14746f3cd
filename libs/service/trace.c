/* W3C trace context: reading, writing and deriving it. */
#include "service/trace.h"

#include <stdio.h>
#include <sys/random.h>

#include "core/hash.h"

#define TRACEPARENT_CHARS (TRACEPARENT_BYTES - 1) /* 00-<32 hex>-<16 hex>-<2 hex> */

/* Lower case only, as the standard demands; false for anything else. */
static bool read_hex(const char *p, size_t digits, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < digits; i++) {
		bool digit = p[i] >= '0' && p[i] <= '9';
		if (!digit && (p[i] < 'a' || p[i] > 'f'))
			return false;
		v = v << 4 | (uint64_t)(digit ? p[i] - '0' : p[i] - 'a' + 10);
	}
	*ret = v;
	return true;
}

bool trace_parse(struct span text, struct trace_context *ret)
{
	struct trace_context c;
	uint64_t version, flags;
	if (text.n < TRACEPARENT_CHARS || text.p[2] != '-' || text.p[35] != '-' || text.p[52] != '-')
		return false;
	if (!read_hex(text.p, 2, &version) || !read_hex(text.p + 3, 16, &c.trace[0]) ||
	    !read_hex(text.p + 19, 16, &c.trace[1]) || !read_hex(text.p + 36, 16, &c.span) ||
	    !read_hex(text.p + 53, 2, &flags))
		return false;
	bool longer = text.n > TRACEPARENT_CHARS;
	if (version == 0xff || (version == 0 && longer) || (longer && text.p[TRACEPARENT_CHARS] != '-'))
		return false;
	if ((c.trace[0] | c.trace[1]) == 0 || c.span == 0)
		return false;
	c.sampled = flags & 1;
	*ret = c;
	return true;
}

static char *write_hex(char *p, uint64_t v)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[v >> shift & 15];
	return p;
}

char *trace_format(const struct trace_context *c, char out[TRACEPARENT_BYTES])
{
	char *p = out;
	memcpy(p, "00-", 3);
	p = write_hex(write_hex(p + 3, c->trace[0]), c->trace[1]);
	*p++ = '-';
	p = write_hex(p, c->span);
	memcpy(p, c->sampled ? "-01" : "-00", 4);
	return out;
}

struct trace_context trace_of_job(struct span tenant, struct span job_id)
{
	char text[256];
	uint64_t span[2];
	struct trace_context c = {.sampled = true};
	int n = snprintf(text, sizeof text, "%.*s.%.*s", SPAN_ARG(tenant), SPAN_ARG(job_id));
	struct span identity = span_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
	hash128(identity, c.trace);
	/* Not a part of the trace id, so that nobody mistakes one for the other; odd, so that it is never the invalid zero.
	 */
	hash128(span_of(c.trace, sizeof c.trace), span);
	c.trace[1] |= 1;
	c.span = span[0] | 1;
	return c;
}

/* splitmix64 (https://prng.di.unimi.it/splitmix64.c): unique enough for span ids, and no system call per span. */
static uint64_t random_id(void)
{
	static _Thread_local uint64_t state;
	while (state == 0)
		if (getrandom(&state, sizeof state, 0) != sizeof state)
			state = 0;
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) | 1;
}

struct trace_context trace_child(const struct trace_context *parent)
{
	struct trace_context c = *parent;
	c.span = random_id();
	return c;
}
