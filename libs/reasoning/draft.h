/* What an engine makes of a question, before it is a message. */
#ifndef GANNET_REASONING_DRAFT_H
#define GANNET_REASONING_DRAFT_H

#include "reasoning/judge.h"

struct draft {
	unsigned health;
	double score, confidence;
	struct span insights[REASONING_INSIGHTS_MAX];
	size_t insights_n;
	struct span concerns[REASONING_LIST_MAX];
	size_t concerns_n;
	struct span positives[REASONING_LIST_MAX];
	size_t positives_n;
	struct recommendation recommendations[REASONING_LIST_MAX];
	size_t recommendations_n;
	struct {
		struct span title, objective, estimated_duration;
		unsigned risk_level;
		struct plan_step steps[REASONING_STEPS_MAX];
		size_t steps_n;
	} plan;
	struct contribution explanation[RULES_MAX + 1];
	size_t explanation_n;
};

/* What is to be reasoned about. */
struct question {
	struct span tenant;
	const struct snapshot *snapshot;
	const struct memory *memory;
	const struct facts *facts;
	const struct judgement *judgement;
	struct json answer; /* engine llm: what the model answered */
};

/*
 * One file in engines/, `const struct engine engine_<file>`. draft() is pure: the rules need nothing but the figures, the
 * model's engine an answer to them, which ask.c gets and which is checked here. Texts live in `a`.
 */
struct engine {
	const char *name; /* MUST: one of engine_names */
	enum status (*draft)(const struct question *q, struct arena *a, struct draft *ret, struct err *err); /* MUST */
};
extern const struct engine engine_rules, engine_llm;
extern const struct engine *const engines[];
extern const size_t engines_n;

/* "45 minutes", "2 hours" */
struct span duration_text(int minutes, struct arena *a);
/* The score's rows: what took something, and for a second one's opinion how it differs. */
void draft_explain(const struct question *q, struct arena *a, struct draft *d);
/* Whether a program runs this action once it is approved: Gannet itself, or by the rules' table the application. */
bool action_is_known(struct span action);
/* A hash of the steps' actions and payloads, 16 hex digits: what makes two plans the same. */
void draft_steps_hash(const struct draft *d, char out[FINGERPRINT_BYTES]);

#endif
