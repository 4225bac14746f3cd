/* Applies the rules to the facts: how bad each thing is, and what the score comes to. */
#ifndef GANNET_REASONING_JUDGE_H
#define GANNET_REASONING_JUDGE_H

#include "reasoning/rule.h"

#define HEALTH_MARGIN 3.0 /* points by which the score must leave a health's range before the health changes */

struct verdict {
	bool applies;
	double severity; /* 0..1 */
	double points;   /* 0 or below */
	bool active;
};
struct judgement {
	struct rule_ref rules[RULES_MAX];
	struct verdict of[RULES_MAX];
	size_t n;
	size_t worst[RULES_MAX]; /* places of all rules, those that take most first; equal ones in the table's order */
	double score;            /* 0..100 */
	double confidence;       /* 0..1 */
	unsigned health;
};

/* Pure and deterministic. Completes the facts by the share that is not known. */
void judge(struct facts *f, const struct memory *m, const struct tuning *t, struct judgement *ret);
/* excellent from 90 on, good from 70, warning from 50; `before` holds until its range is left by HEALTH_MARGIN. */
unsigned health_of(double score, bool known_before, unsigned before);

/*
 * What the snapshot means, as 16 hex digits: figures in coarse steps, which rules are active, what is not known.
 * Snapshots that differ in little have the same one.
 */
#define FINGERPRINT_BYTES 17
void fingerprint_of(const struct facts *f, const struct judgement *j, char out[FINGERPRINT_BYTES]);

#endif
