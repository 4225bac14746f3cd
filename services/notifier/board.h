/* The picture of what is open, what was told and what is silenced: three buckets, live in memory. */
#ifndef GANNET_NOTIFIER_BOARD_H
#define GANNET_NOTIFIER_BOARD_H

#include "bus/bus.h"
#include "contract/notifier.h"
#include "core/arena.h"
#include "core/map.h"

/* One value of a bucket. */
struct kept {
	struct arena arena;
	struct span tenant, key; /* key: behind the tenant */
	uint64_t revision;
	struct json value;
	union {
		struct finding finding;
		struct notified notified;
		struct silence silence;
	};
};

enum board_bucket { BOARD_FINDINGS, BOARD_NOTIFIED, BOARD_SILENCES, BOARD_BUCKETS };

/* Thread-safe. */
struct board;

/* Follows the buckets; `changed` is called on client threads, also when all is there at first. */
enum status board_open(struct bus *b, void (*changed)(void *arg), void *arg, struct board **ret, struct err *err) must_check;
void board_close(struct board *b); /* NULL is fine */
/* Whether all three were read up to where they stood at the start. */
bool board_ready(struct board *b);

/* Between these two the maps stay as they are: "<tenant>.<key>" → struct kept *. */
const struct map *board_lock(struct board *b); /* BOARD_BUCKETS of them */
void board_unlock(struct board *b);

#endif
