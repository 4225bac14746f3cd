/* The script: a JSON file of rules that say how requests are answered. */
#ifndef GANNET_FAKE_SCRIPT_H
#define GANNET_FAKE_SCRIPT_H

#include "behaviour.h"

#define SCRIPT_MAX_BYTES ((size_t)4 << 20)
#define SCRIPT_RULES_MAX 10000

/*
 * {"rules": [{"face": "openai", "model": "gpt-*", "prompt": "*refund*", "key": "a*", "answers": [{options}, …]}, …]}
 * All but "answers" may be left out; patterns know '*'. The first rule that matches counts. The n-th request of a key
 * takes the n-th answer, and the last one from then on.
 */
struct script;

struct script_rule {
	struct span face, model, prompt, key; /* absent: any */
	struct behaviour *answers;
	size_t answers_n; /* at least 1 */
};

/* A NULL path is a script without rules. `seed` is for answers without one. Errors name the rule's number. */
enum status script_load(const char *path, int64_t seed, struct script **ret, struct err *err) must_check;
void script_free(struct script *s);
/* NULL: none matches. Valid as long as the script. */
const struct script_rule *script_find(const struct script *s, struct span face, struct span model, struct span prompt,
                                      struct span key);
size_t script_rules(const struct script *s);

#endif
