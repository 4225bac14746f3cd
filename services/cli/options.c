/* Reads command lines by option tables. */
#include "services/cli/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/id.h"

enum status option_flag(const struct option *o, const char *text, void *ret, struct err *err)
{
	(void)o, (void)text, (void)err;
	*(bool *)ret = true;
	return STATUS_OK;
}

enum status option_text(const struct option *o, const char *text, void *ret, struct err *err)
{
	(void)o, (void)err;
	*(const char **)ret = text;
	return STATUS_OK;
}

enum status option_texts(const struct option *o, const char *text, void *ret, struct err *err)
{
	(void)o;
	struct texts *t = ret;
	if (t->n == OPTION_REPEAT_MAX)
		return err_set(err, STATUS_INVALID, "given more than %d times", OPTION_REPEAT_MAX);
	t->items[t->n++] = text;
	return STATUS_OK;
}

enum status option_choice(const struct option *o, const char *text, void *ret, struct err *err)
{
	char list[160];
	size_t n = 0;
	for (const char *const *name = o->names; *name; name++) {
		if (strcmp(*name, text) == 0) {
			*(const char **)ret = *name;
			return STATUS_OK;
		}
		if (n < sizeof list)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", *name);
	}
	return err_set(err, STATUS_INVALID, "'%.60s' is not one of %s", text, list);
}

enum status option_i64(const struct option *o, const char *text, void *ret, struct err *err)
{
	int64_t v;
	if (!span_i64(span_from(text), &v))
		return err_set(err, STATUS_INVALID, "'%.60s' is not a whole number", text);
	if (v < o->min || v > o->max)
		return err_set(err, STATUS_INVALID, "%lld is not in %lld to %lld", (long long)v, (long long)o->min,
		               (long long)o->max);
	*(struct opt_i64 *)ret = (struct opt_i64){true, v};
	return STATUS_OK;
}

enum status option_f64(const struct option *o, const char *text, void *ret, struct err *err)
{
	char *end;
	double v = strtod(text, &end), min = (double)o->min / 1000, max = (double)o->max / 1000;
	if (end == text || *end || !isfinite(v))
		return err_set(err, STATUS_INVALID, "'%.60s' is not a number", text);
	if (v < min || v > max)
		return err_set(err, STATUS_INVALID, "%g is not in %g to %g", v, min, max);
	*(struct opt_f64 *)ret = (struct opt_f64){true, v};
	return STATUS_OK;
}

static bool parse_duration_ms(const char *text, int64_t *ret)
{
	static const struct {
		const char *suffix;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"", 1000}};
	size_t digits = strspn(text, "0123456789");
	int64_t v;
	if (!span_i64(span_of(text, digits), &v))
		return false;
	for (size_t i = 0; i < countof(units); i++)
		if (strcmp(text + digits, units[i].suffix) == 0)
			return !__builtin_mul_overflow(v, units[i].ms, ret);
	return false;
}

enum status option_ms(const struct option *o, const char *text, void *ret, struct err *err)
{
	int64_t ms;
	if (!parse_duration_ms(text, &ms))
		return err_set(err, STATUS_INVALID, "'%.60s' is not a duration such as 500ms, 30s, 5m or 2h", text);
	if (ms < o->min || ms > o->max)
		return err_set(err, STATUS_INVALID, "'%.60s' is not in %llds to %llds", text, (long long)(o->min + 999) / 1000,
		               (long long)o->max / 1000);
	*(struct opt_i64 *)ret = (struct opt_i64){true, ms};
	return STATUS_OK;
}

enum status option_future(const struct option *o, const char *text, void *ret, struct err *err)
{
	(void)o;
	struct json_time *t = ret;
	int64_t ms;
	if (text[0] == '+' && parse_duration_ms(text + 1, &ms) &&
	    !__builtin_add_overflow(clock_wall_ms(&clock_system), ms, &t->ms))
		return STATUS_OK;
	if (rfc3339_parse(span_from(text), &t->ms))
		return STATUS_OK;
	return err_set(err, STATUS_INVALID,
	               "'%.60s' is neither a time such as 2026-01-31T08:00:00Z nor a delay such as +10m", text);
}

enum status option_past(const struct option *o, const char *text, void *ret, struct err *err)
{
	(void)o;
	struct json_time *t = ret;
	int64_t ms;
	if (parse_duration_ms(text, &ms)) {
		int64_t now_ms = clock_wall_ms(&clock_system);
		t->ms = ms < now_ms ? now_ms - ms : 1;
		return STATUS_OK;
	}
	if (rfc3339_parse(span_from(text), &t->ms))
		return STATUS_OK;
	return err_set(err, STATUS_INVALID, "'%.60s' is neither a time such as 2026-01-31T08:00:00Z nor an age such as 1h",
	               text);
}

enum status option_tenant(const struct option *o, const char *text, void *ret, struct err *err)
{
	if (!id_is_tenant(span_from(text)))
		return err_set(err, STATUS_INVALID, "'%.60s' is not 1 to %d of a-z 0-9 _ -", text, TENANT_ID_MAX);
	return option_text(o, text, ret, err);
}

static void *target(const struct option_set *set, const struct option *o)
{
	return (char *)set->config + o->offset;
}

enum status options_init(const struct option_set *set, struct err *err)
{
	for (const struct option *o = set->options; o < set->options + set->n; o++) {
		const char *text = o->env ? getenv(o->env) : NULL;
		bool from_env = text && text[0];
		if (!from_env)
			text = o->fallback;
		if (text && o->parse(o, text, target(set, o), err) != STATUS_OK) {
			snprintf(err->field, sizeof err->field, "%s", from_env ? o->env : o->name);
			return err->status;
		}
	}
	return STATUS_OK;
}

/* Whether `given` ("--model", "--model=x" or "-m") means the option. */
static bool is_option(const struct option *o, const char *given)
{
	if (given[1] != '-')
		return o->letter && strcmp(given + 1, o->letter) == 0;
	size_t n = strcspn(given + 2, "=");
	return strlen(o->name) == n && memcmp(given + 2, o->name, n) == 0;
}

static const struct option *find_option(const struct option_set *sets, size_t sets_n, const char *given,
                                        size_t *ret_set)
{
	for (size_t i = 0; i < sets_n; i++)
		for (size_t j = 0; j < sets[i].n; j++)
			if (is_option(&sets[i].options[j], given)) {
				*ret_set = i;
				return &sets[i].options[j];
			}
	return NULL;
}

static enum status unknown_option(const struct option_set *sets, size_t sets_n, const char *given, struct err *err)
{
	char word[64];
	bool is_long = given[1] == '-';
	snprintf(word, sizeof word, "%.*s", is_long ? (int)strcspn(given + 2, "=") : 0, given + 1 + is_long);
	struct nearest best = {.word = word};
	for (size_t i = 0; i < sets_n; i++)
		for (size_t j = 0; is_long && j < sets[i].n; j++)
			nearest_try(&best, sets[i].options[j].name);
	if (best.name)
		return err_set(err, STATUS_INVALID, "unknown option '%.60s'; did you mean --%s?", given, best.name);
	return err_set(err, STATUS_INVALID, "unknown option '%.60s'", given);
}

static enum status read_option(const struct option_set *sets, size_t sets_n, char **argv, int argc, int *at,
                               struct err *err)
{
	const char *given = argv[*at];
	size_t set;
	const struct option *o = find_option(sets, sets_n, given, &set);
	if (!o)
		return unknown_option(sets, sets_n, given, err);
	char name[64];
	snprintf(name, sizeof name, "--%s", o->name);
	const char *text = given[1] == '-' ? strchr(given, '=') : NULL;
	if (text && !o->value)
		return err_field(err, STATUS_INVALID, name, "takes no value");
	if (text)
		text++;
	else if (o->value && ++*at < argc)
		text = argv[*at];
	else if (o->value)
		return err_field(err, STATUS_INVALID, name, "needs a value: %s %s", name, o->value);
	if (o->parse(o, text, target(&sets[set], o), err) == STATUS_OK)
		return STATUS_OK;
	memcpy(err->field, name, sizeof name);
	return err->status;
}

enum status options_read(const struct option_set *sets, size_t sets_n, char **argv, int argc, int *at,
                         bool stop_at_argument, size_t *ret_arguments, struct err *err)
{
	size_t arguments = 0;
	bool only_arguments = false;
	for (; *at < argc; ++*at) {
		char *word = argv[*at];
		if (only_arguments || word[0] != '-' || !word[1]) {
			if (stop_at_argument)
				break;
			argv[arguments++] = word;
		} else if (strcmp(word, "--") == 0) {
			only_arguments = true;
		} else if (read_option(sets, sets_n, argv, argc, at, err) != STATUS_OK) {
			return err->status;
		}
	}
	*ret_arguments = arguments;
	return STATUS_OK;
}

/* Edits that lead from one word to the other, a swap of neighbours counting as one (optimal string alignment). */
static size_t edit_distance(const char *a, const char *b)
{
	enum { MAX = 31 };
	size_t d[MAX + 1][MAX + 1], an = strnlen(a, MAX), bn = strnlen(b, MAX);
	for (size_t i = 0; i <= an; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= bn; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= an; i++)
		for (size_t j = 1; j <= bn; j++) {
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[an][bn];
}

void nearest_try(struct nearest *best, const char *candidate)
{
	size_t n = strlen(best->word), near = n < 3 ? n / 2 : n < 8 ? 2 : 3;
	size_t distance = edit_distance(best->word, candidate);
	/* "templ" is near to "template", however much is missing. */
	if (n >= 3 && strncmp(best->word, candidate, n) == 0)
		distance = 1;
	if (distance <= near && (!best->name || distance < best->distance)) {
		best->name = candidate;
		best->distance = distance;
	}
}
