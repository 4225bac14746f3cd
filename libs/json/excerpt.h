/* What a value is called in an error; for the files of this library only. */
#ifndef GANNET_JSON_EXCERPT_H
#define GANNET_JSON_EXCERPT_H

#include "json/json.h"

#define EXCERPT_BYTES 48

/* Short values as they are, long ones by their beginning, objects and arrays by their type. */
struct excerpt {
	char text[EXCERPT_BYTES + 8];
};
struct excerpt excerpt(struct json v);

#endif
