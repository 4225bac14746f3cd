/* What a kind of target can do; one file each in targets/. */
#ifndef GANNET_NOTIFIER_TARGET_H
#define GANNET_NOTIFIER_TARGET_H

#include "routing.h"
#include "core/clock.h"
#include "core/map.h"
#include "entry.h"

#define TARGET_CALL_TIMEOUT_MS 20000
#define TARGET_BLIND_MS (24ll * 3600 * 1000)
#define TARGET_MARK "<!-- gannet "
#define REFERENCE_BYTES (JOB_ID_MAX * 2)

/* What the target answered about an entry. */
struct reference {
	char id[REFERENCE_BYTES]; /* number or id; "" for targets that have none */
	char url[512];
	bool closed;
};

/* One thread's dealings with one target. */
struct dealing {
	const struct target *target;
	const struct clock *clock;
	int64_t wait_ms; /* set by a call: not before so long (rate limits); 0: as the caller likes */
	struct map seen; /* entry's key → struct reference *, what find_all() saw */
};

/*
 * A registry row: `const struct target_kind target_kind_<file>`. Calls block for at most TARGET_CALL_TIMEOUT_MS each.
 * Errors that are retryable mean that nobody knows whether it was done, or that it was not; others that it will not be.
 */
struct target_kind {
	const char *kind;     /* MUST: the file's name */
	const char *group_by; /* MAY: JSON array, unless the configuration says another */
	/*
	 * Nothing of what it was told can be looked up. What it is not known to have been told is then told only while it is
	 * younger than TARGET_BLIND_MS, so that a lost record does not tell everything again.
	 */
	bool blind;
	bool summaries; /* it can hold what belongs to no finding */
	/* MUST: whether the configuration suffices. */
	enum status (*check)(const struct target *t, struct err *err);
	/* MAY: adds to d->seen all entries that are there already. Without it, what was told cannot be looked up. */
	enum status (*find_all)(struct dealing *d, struct err *err);
	/* MUST */
	enum status (*open)(struct dealing *d, const struct entry *e, struct reference *ret, struct err *err);
	/* MUST. Text or severity changed; `worse`: it was less severe before. NOT_FOUND: it is gone, open it anew. */
	enum status (*update)(struct dealing *d, const struct entry *e, bool worse, const struct reference *at, struct err *err);
	/* MUST: recovered, or back again (`closed` false). */
	enum status (*close)(struct dealing *d, const struct entry *e, bool closed, const struct reference *at, struct err *err);
};
extern const struct target_kind *const target_kinds[];
extern const size_t target_kinds_n;
const struct target_kind *target_kind_named(struct span name); /* NULL when there is none */

/* The line that tells an entry's text from others', hidden in Markdown. */
void target_mark(const struct entry *e, struct buf *out);
/* The key out of a text's last such line; absent when there is none. */
struct span target_marked(struct span text);
/* Remembers what was found. */
void dealing_saw(struct dealing *d, struct span key, const struct reference *r);
void dealing_forget(struct dealing *d);

#endif
