/* Time, always handed in: services take the system clock, tests their own. */
#ifndef GANNET_CORE_CLOCK_H
#define GANNET_CORE_CLOCK_H

#include "core/span.h"
#include "core/status.h"

/* `wall_ms`: UTC milliseconds since 1970, may jump. `mono_ns`: never goes back, only differences have a meaning. */
struct clock {
	int64_t (*wall_ms)(const struct clock *c);
	int64_t (*mono_ns)(const struct clock *c);
};

extern const struct clock clock_system;

/*
 * The system's clock, its wall time moved by as many ms as stand in the first eight bytes of the file (an int64_t of this machine),
 * which may be written to at any time: for tests of jumping clocks. One for a process; the file stays mapped until its end.
 */
enum status clock_open_moved(const char *path, const struct clock **ret, struct err *err) must_check;

static inline int64_t clock_wall_ms(const struct clock *c)
{
	return c->wall_ms(c);
}
static inline int64_t clock_mono_ns(const struct clock *c)
{
	return c->mono_ns(c);
}
static inline int64_t clock_mono_ms(const struct clock *c)
{
	return c->mono_ns(c) / 1000000;
}

#define RFC3339_BYTES 32
/* "2026-01-02T03:04:05.678Z", NUL-terminated; always 24 characters for years 0000–9999. Returns `out`. */
char *rfc3339_format(int64_t wall_ms, char out[RFC3339_BYTES]);
/* Accepts any RFC 3339 offset and fraction (cut to ms); false for anything else, leap second 60 included as 59.999. */
bool rfc3339_parse(struct span text, int64_t *ret_wall_ms);

#endif
