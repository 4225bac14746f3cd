/* The list of all rules, and the figures of them that an operator changed. */
#include <math.h>
#include <stdlib.h>

#include "reasoning/rule.h"

size_t rules_all(struct rule_ref out[RULES_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < rule_groups_n; i++)
		for (size_t j = 0; j < rule_groups[i]->n && n < RULES_MAX; j++)
			out[n++] = (struct rule_ref){&rule_groups[i]->rules[j], rule_groups[i]->category};
	return n;
}

int rule_find(struct span name)
{
	struct rule_ref all[RULES_MAX];
	size_t n = rules_all(all);
	for (size_t i = 0; i < n; i++)
		if (span_is(name, all[i].rule->name))
			return (int)i;
	return -1;
}

static bool parse_number(struct span text, double *ret)
{
	char digits[40], *end;
	text = span_trim(text);
	if (!text.n || !span_copy(text, digits, sizeof digits))
		return false;
	*ret = strtod(digits, &end);
	return !*end && isfinite(*ret);
}

static bool parse_values(struct span text, struct tuned *ret)
{
	*ret = (struct tuned){.set = true};
	if (span_is(text, "off"))
		return true;
	struct span rest = text, weight = span_cut(&rest, '/'), good = rest.p ? span_cut(&rest, '/') : (struct span){0};
	return rest.p && parse_number(weight, &ret->weight) && parse_number(good, &ret->good) &&
	       parse_number(rest, &ret->bad) && ret->weight >= 0 && ret->weight <= 100 && ret->good != ret->bad;
}

enum status tuning_parse(const char *text, struct tuning *ret, struct err *err)
{
	struct span rest = span_from(text);
	*ret = (struct tuning){0};
	while (rest.p) {
		struct span value = span_trim(span_cut(&rest, ','));
		if (!value.n)
			continue;
		struct span whole = value, name = span_trim(span_cut(&value, '='));
		int at = rule_find(name);
		if (at < 0)
			return err_field(err, STATUS_INVALID, "GANNET_REASONING_RULES", "there is no rule \"%.*s\"; docs/reasoning.md lists them",
			                 (int)(name.n < 40 ? name.n : 40), name.p);
		if (!value.p || !parse_values(span_trim(value), &ret->of[at]))
			return err_field(err, STATUS_INVALID, "GANNET_REASONING_RULES",
			                 "\"%.*s\" is not <rule>=<weight 0 to 100>/<good>/<bad> or <rule>=off",
			                 (int)(whole.n < 80 ? whole.n : 80), whole.p);
	}
	return STATUS_OK;
}
