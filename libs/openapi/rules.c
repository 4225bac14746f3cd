/* The table of all rules. */
#include "openapi/rules.h"

const char *const api_level_names[] = {"info", "warning", "breaking", NULL};

#define ROW(prefix, id, level, text) {prefix id, API_##level, text},
static const struct api_rule rules[] = {
#define X(name, id, sent, received, text) ROW("parameter-", id, sent, text)
    SCHEMA_RULES(X)
#undef X
#define X(name, id, sent, received, text) ROW("request-", id, sent, text)
        SCHEMA_RULES(X)
#undef X
#define X(name, id, sent, received, text) ROW("response-", id, received, text)
            SCHEMA_RULES(X)
#undef X
#define X(name, id, sent, received, text) ROW("response-header-", id, received, text)
                SCHEMA_RULES(X)
#undef X
#define X(name, id, level, text) ROW("", id, level, text)
                    OTHER_RULES(X)
#undef X
};
const struct api_rule *const api_rules = rules;
const size_t api_rules_n = countof(rules);

const struct api_rule *rule_of_schema(enum schema_side side, enum schema_rule_name name)
{
	return &rules[(size_t)side * SCHEMA_RULE_COUNT + name];
}

const struct api_rule *rule_of_other(enum other_rule_name name)
{
	return &rules[(size_t)SIDE_COUNT * SCHEMA_RULE_COUNT + name];
}

const struct api_rule *api_rule_find(struct span id)
{
	for (size_t i = 0; i < api_rules_n; i++)
		if (span_is(id, rules[i].id))
			return &rules[i];
	return NULL;
}
