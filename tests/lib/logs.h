/* Generated log lines of known templates, for tests and benches of log clustering. */
#ifndef GANNET_TESTS_LOGS_H
#define GANNET_TESTS_LOGS_H

#include <stdint.h>
#include <stdio.h>

/* %N number, %H hex id, %U UUID, %I address, %P path, %W one of a few words, %E e-mail, %T moment, %Q quoted text. */
static const char *const log_templates[] = {
    "%T INFO  [http-%N] request %U completed in %N ms",
    "%T INFO  [http-%N] request %U failed with status %N",
    "%T ERROR connection to %I:%N refused",
    "%T ERROR connection to %I:%N timed out after %N ms",
    "%T WARN  pool %W has %N of %N connections in use",
    "%T WARN  slow query (%N ms): SELECT from %W",
    "%T ERROR cannot open %P: No such file or directory",
    "%T ERROR cannot open %P: Permission denied",
    "%T INFO  user %E logged in from %I",
    "%T INFO  user %E logged out",
    "%T ERROR payment %H declined by gateway %W code=%N",
    "%T INFO  payment %H accepted by gateway %W amount=%N",
    "%T INFO  cache hit for key %H",
    "%T INFO  cache miss for key %H",
    "%T ERROR out of memory: killed process %N (%W)",
    "%T INFO  block blk_%N replicated to %I",
    "%T INFO  deleting block blk_%N file %P",
    "%T WARN  retrying job %U attempt %N of %N",
    "%T ERROR job %U gave up after %N attempts: %Q",
    "%T INFO  started worker %N",
    "%T INFO  stopped worker %N",
    "%T ERROR null pointer in module %W at %H",
    "%T INFO  GET %P HTTP/1.1 %N %N",
    "%T INFO  POST %P HTTP/1.1 %N %N",
    "%T ERROR certificate for %W expires in %N days",
    "%T INFO  checkpoint complete: wrote %N buffers (%N.%N%%)",
    "%T ERROR deadlock detected between %N and %N",
    "%T ERROR disk %P is %N%% full",
    "%T INFO  configuration reloaded",
    "%T ERROR configuration is invalid: unknown key %Q",
};
#define LOG_TEMPLATES (sizeof log_templates / sizeof log_templates[0])

static inline uint32_t log_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

static inline int log_value(char kind, uint64_t *s, char *out, size_t bytes)
{
	static const char *const words[] = {"orders", "billing", "users", "search", "reports", "mail"};
	uint32_t a = log_random(s), b = log_random(s), c = log_random(s);
	switch (kind) {
	case 'N':
		return snprintf(out, bytes, "%u", a % (b % 3 ? 100 : 100000));
	case 'H':
		return snprintf(out, bytes, "%08x%08x", a, b);
	case 'U':
		return snprintf(out, bytes, "%08x-%04x-4%03x-a%03x-%08x%04x", a, b & 0xffff, c & 0xfff, a & 0xfff, b,
		                c & 0xffff);
	case 'I':
		return snprintf(out, bytes, "10.%u.%u.%u", a & 255, b & 255, c & 255);
	case 'P':
		return snprintf(out, bytes, "/var/lib/%s/%u.dat", words[a % 6], b % 1000);
	case 'W':
		return snprintf(out, bytes, "%s", words[a % 6]);
	case 'E':
		return snprintf(out, bytes, "user%u@%s.example.com", a % 5000, words[b % 6]);
	case 'Q':
		return snprintf(out, bytes, "\"%s is %s %u\"", words[a % 6], words[b % 6], c % 100);
	case 'T':
		return snprintf(out, bytes, "2026-01-%02uT%02u:%02u:%02u.%03uZ", a % 28 + 1, b % 24, c % 60, a % 60, b % 1000);
	default:
		return snprintf(out, bytes, "%c", kind);
	}
}

/* One line of a template; returns its length. */
static inline size_t log_line_of(size_t template, uint64_t *state, char *out, size_t bytes)
{
	size_t n = 0;
	for (const char *t = log_templates[template]; *t && n + 64 < bytes; t++) {
		if (*t == '%')
			n += (size_t)log_value(*++t, state, out + n, bytes - n);
		else
			out[n++] = *t;
	}
	out[n] = 0;
	return n;
}

#endif
