/* A rule: what it looks at, how much it takes from the score, and what it says. */
#ifndef GANNET_REASONING_RULE_H
#define GANNET_REASONING_RULE_H

#include "contract/reasoning.h"
#include "reasoning/facts.h"

/*
 * Texts hold figures and names in braces: {clips_ready}, {platform}, and with the word that fits the number
 * {clips_ready|clip is|clips are} ("1 clip is", "8 clips are"). Names are those of FACT_LIST and LABEL_LIST.
 */
struct advice {
	unsigned priority; /* enum urgency, when the rule is at its worst; one less at half of it */
	const char *title, *description, *impact;
	unsigned effort;            /* enum level */
	const char *action;         /* NULL: nothing to run */
	const char *payload;        /* JSON with texts as above; NULL: {} */
	const char *step;           /* what the plan says: NULL for `description` */
	bool automated;             /* a program can do it once it is approved */
	int minutes;                /* about how long it takes */
	unsigned risk;              /* enum level */
};

/*
 * The severity of a rule is 0 while its fact is at `good` or better and 1 at `bad` or worse, in a straight line between:
 * a little noise changes it a little. It takes weight × severity × confidence from the score. A rule is active, which
 * makes its concern and its advice, from a severity of RULE_ON on until it is below RULE_OFF.
 */
struct rule {
	const char *name; /* MUST: unique, of a-z 0-9 _ */
	double weight;    /* MUST: points of 100 that it takes at its worst */
	enum fact_id fact;
	double good, bad; /* bad < good: little of it is bad */
	double least;     /* severity as soon as the fact is worse than `good`; for counts of which one is bad already */
	struct {
		enum fact_id fact;
		double min;
	} when;              /* MAY: applies only while this fact is known and at least `min` (above 0) */
	const char *concern; /* MUST */
	const char *insight; /* MAY: a better sentence for key_insights than the concern */
	const char *positive; /* MAY: said when the severity is 0 */
	struct advice advice; /* MAY: title NULL for none */
};
#define RULE_ON 0.2
#define RULE_OFF 0.1

/* The rows of one file in rules/, `const struct rule_group rule_group_<file>`; make gathers them from the listing. */
struct rule_group {
	unsigned category; /* enum category */
	const struct rule *rules;
	size_t n;
};
extern const struct rule_group *const rule_groups[];
extern const size_t rule_groups_n;

#define RULES_MAX 64 /* of all groups */
struct rule_ref {
	const struct rule *rule;
	unsigned category;
};
/* All rows of all groups, in the groups' order. */
size_t rules_all(struct rule_ref out[RULES_MAX]);
/* The place in that list, -1 when there is no such rule. */
int rule_find(struct span name);

/*
 * GANNET_REASONING_RULES: "clips_low=20/40/10, campaigns_drafts=off": weight, good and bad of rules that shall be
 * others than the table's.
 */
struct tuning {
	struct tuned {
		bool set;
		double weight, good, bad;
	} of[RULES_MAX];
};
enum status tuning_parse(const char *text, struct tuning *ret, struct err *err) must_check;

/* Replaces what is in braces; a name that is not known is left as it is. At most `max_bytes`, cut at a character. */
void rule_text(const char *text, const struct facts *f, size_t max_bytes, struct buf *out);
/* The same inside of JSON: what is put in is quoted as a part of a string. */
void rule_payload(const char *text, const struct facts *f, struct buf *out);

#endif
