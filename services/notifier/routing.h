/* The notifier's file: where findings are filed, which go where, and when not. */
#ifndef GANNET_NOTIFIER_ROUTING_H
#define GANNET_NOTIFIER_ROUTING_H

#include "contract/notifier.h"
#include "core/arena.h"

#define ROUTING_BYTES_MAX ((size_t)1 << 20)

struct target {
	struct notifier_target is;
	const struct target_kind *kind;
	const char *secret; /* the token or key itself; never logged */
};

/* Immutable once loaded. */
struct routing {
	struct arena arena;
	struct target targets[NOTIFIER_TARGETS_MAX];
	struct notifier_route routes[NOTIFIER_ROUTES_MAX];
	struct notifier_window windows[NOTIFIER_WINDOWS_MAX];
	size_t targets_n, routes_n, windows_n;
};

/*
 * Reads `path` (NULL: no file, so no targets), checks all of it and looks its secrets up in the environment. Without
 * routes, those of A10 are taken: add_default_routes() in config.c. Errors name the list, the place and the member.
 */
enum status routing_load(const char *path, struct routing **ret, struct err *err) must_check;
/* The same from text. */
enum status routing_parse(struct span text, struct routing **ret, struct err *err) must_check;
void routing_free(struct routing *c); /* NULL is fine */

/* Whether a finding of `tenant` goes to the target. */
bool routing_has(const struct routing *c, const struct target *t, struct span tenant, const struct finding *f);
/* Whether a window of maintenance holds findings like this one back now. */
bool routing_holds_back(const struct routing *c, struct span tenant, const struct finding *f, int64_t now_ms);

#endif
