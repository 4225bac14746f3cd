/* What is filed as one: a finding, or several that a target groups; and the summary of a week. */
#ifndef GANNET_NOTIFIER_ENTRY_H
#define GANNET_NOTIFIER_ENTRY_H

#include "board.h"
#include "routing.h"

#define ENTRY_MEMBERS_SHOWN 50
#define ENTRY_EVIDENCE_SHOWN 8192 /* bytes of a finding's evidence in a text */

struct entry {
	struct span tenant, key;
	const struct finding **members; /* open ones first */
	size_t members_n, open_n;
	unsigned severity;      /* the highest of the open ones, of all when none is open */
	bool unwatched;         /* none is open, and not because it was mended: nobody looks any more */
	bool muted;             /* every open one is silenced or held back */
	int64_t newest_ms;      /* the members' latest timestamp */
	char revision[FINDING_FINGERPRINT_BYTES];
	struct span title, body; /* body: Markdown, without the mark */
	const struct notified *told; /* NULL: nothing yet */
	uint64_t told_revision;      /* of its record in the bucket */
};

/*
 * All entries of a target as the board has them now, in `a`. Copies: valid without the board's lock. `f` of several
 * findings grouped by the target's group_by; a label that a finding lacks counts as "".
 */
size_t entries_of(struct board *b, const struct routing *c, const struct target *t, int64_t now_ms, struct arena *a,
                  struct entry **ret);

/* Whether a resolved finding need not be kept any longer: no target waits to be told. The maps are the locked board's. */
bool entry_is_over(const struct map *maps, const struct routing *c, const struct kept *resolved);

struct pace {
	int64_t claim_ms;        /* a claim older than that was left behind by a replica that died */
	int64_t update_every_ms; /* an entry is not written again sooner, unless it got worse */
};

enum step { STEP_NONE, STEP_OPEN, STEP_UPDATE, STEP_CLOSE, STEP_REOPEN, STEP_TAKE_OVER };
/*
 * What is to be done about an entry. Pure. TAKE_OVER: a claim was left behind and nobody knows what came of it.
 * *ret_due_ms is lowered to when it would be worth looking again.
 */
enum step entry_step(const struct entry *e, const struct pace *pace, int64_t now_ms, int64_t *ret_due_ms);

/* Title and body of an entry from its members. Text of findings is data: it cannot mention people or fake a mark. */
void entry_write(struct entry *e, struct arena *a);
/* What is said where none is open any more. */
struct span entry_farewell(const struct entry *e);
/* Text of others, made harmless for Markdown: no HTML comments, no mentions. */
void entry_text(struct buf *out, struct span text, size_t max);

#endif
