/* Windows of maintenance that were asked for, besides those of the file. */
#ifndef GANNET_NOTIFIER_WINDOW_H
#define GANNET_NOTIFIER_WINDOW_H

#include "contract/notifier.h"
#include "core/map.h"

/* Whether one of an array of globs matches; all do when it is empty or absent. */
bool globs_match(struct json globs, struct span text);
/* A silence that is a window. */
bool silence_is_window(const struct silence *s);
/* Whether one of the bucket's windows holds the finding back now. The map is the locked board's. */
bool window_holds_back(const struct map *silences, struct span tenant, const struct finding *f, int64_t now_ms);

#endif
