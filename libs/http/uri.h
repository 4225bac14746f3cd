/* Request targets: the path cut into decoded segments, the query into decoded pairs, anything doubtful refused. */
#ifndef GANNET_HTTP_URI_H
#define GANNET_HTTP_URI_H

#include "core/arena.h"

#define HTTP_SEGMENTS_MAX 16
#define HTTP_PAIRS_MAX 32

struct http_target {
	struct span segments[HTTP_SEGMENTS_MAX]; /* decoded, none empty, none "." or ".." */
	size_t segments_n;
	struct http_pair {
		struct span name, value;
	} pairs[HTTP_PAIRS_MAX]; /* in order, decoded; names may repeat */
	size_t pairs_n;
};

/*
 * Reads "/path?query" (or "http://host/path?query", of which the host is passed over). INVALID for what clients and
 * proxies may read differently: empty and dot segments, an encoded '/' or NUL, broken percent-encoding, bytes that are
 * not UTF-8, controls. One slash at the end is passed over. In the query '+' is a space.
 */
enum status http_target_parse(struct span target, struct arena *a, struct http_target *ret, struct err *err) must_check;

#endif
