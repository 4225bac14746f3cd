/* What both sanitisers share: which links may stay, and how text is escaped. */
#ifndef GANNET_LLM_SANITIZE_H
#define GANNET_LLM_SANITIZE_H

#include "core/buf.h"

#define SANITIZE_DEPTH_MAX 32 /* nesting that is kept; deeper elements lose their tags, deeper markdown is escaped */

/* Appends the URL, with what could end it percent-encoded, if it is absolute, http, https or mailto, and free of
   control characters; otherwise false, and nothing is appended. */
bool sanitize_url(struct span url, struct buf *out);
/* Appends text so that it is text in an HTML element and in a quoted attribute. */
void sanitize_escape(struct span text, struct buf *out);

#endif
