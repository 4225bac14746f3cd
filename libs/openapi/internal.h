/* What the parts of this library share. */
#ifndef GANNET_OPENAPI_INTERNAL_H
#define GANNET_OPENAPI_INTERNAL_H

#include "openapi/openapi.h"

struct api {
	struct arena arena;
	struct json root, security; /* security: the document's own, looked for once */
	bool is_31;
	struct map places; /* reference text → struct json * */
	size_t broken;
};

/* What a $ref's text leads to, itself perhaps a $ref; absent when it leads nowhere. */
struct json api_look_up(struct api *a, struct span reference);
/* A member's value, followed if it is a $ref; absent when missing. */
struct json api_member(struct api *a, struct json v, const char *name);
/* A member's text in the document's arena; absent span when it is no string. */
struct span api_text(struct api *a, struct json v, const char *name);
bool api_flag(struct json v, const char *name);

#endif
