/* HTTP for the kinds that ask by it: the members of their rows, and one request. */
#ifndef GANNET_COLLECTOR_FETCH_H
#define GANNET_COLLECTOR_FETCH_H

#include "services/collector/source.h"

#define FETCH_HEADERS_MAX 8

/* What such a row has beside the common members. */
struct fetch_row {
	struct source_row common;
	struct span url;
	struct json headers; /* object of strings; ${NAME} is replaced */
};
const char *fetch_check_headers(struct json v);
#define FETCH_ROW                                                                                                      \
	SOURCE_ROW(struct fetch_row), JSON_FIELD(struct fetch_row, url, .min = 1, .max = SOURCE_URL_MAX, .required = true), \
	    JSON_FIELD(struct fetch_row, headers, .raw_types = JSON_ALLOW(JSON_OBJECT), .check_raw = fetch_check_headers)

struct fetch; /* lives in the arena */
enum status fetch_new(const struct fetch_row *row, const char *accept, struct arena *a, struct fetch **ret,
                      struct err *err) must_check;
/* The body of a 200, within the source's deadline; anything else is an error that is noted. */
enum status fetch_get(const struct fetch *f, struct reading *r, struct buf *body, struct err *err) must_check;

#endif
