/* Text of others, made fit to be read by people and models. */
#ifndef GANNET_REASONING_CLEAN_H
#define GANNET_REASONING_CLEAN_H

#include "core/arena.h"

/*
 * One line of at most `max_bytes`: control characters, line breaks and what cannot be seen (zero-width and
 * direction-changing characters, tags, soft hyphens, private use) are left out or become a space; bad UTF-8 is left out.
 */
struct span clean_line(struct span s, size_t max_bytes, struct arena *a);

#endif
