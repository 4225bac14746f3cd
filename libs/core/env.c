/* Reads variables and secret files, turns them into values, and says precisely what is wrong with one. */
#include "core/env.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static enum status refuse(const struct env_option *o, const char *value, const char *allowed, struct err *err)
{
	if (o->secret)
		return err_field(err, STATUS_INVALID, o->name, "%s: the value is not %s", o->name, allowed);
	return err_field(err, STATUS_INVALID, o->name, "%s: \"%.80s\" is not %s", o->name, value, allowed);
}

/* Contents of secret files: kept for ever, in a list so that they count as owned. */
static struct kept {
	struct kept *next;
	char text[];
} * kept_files;

static enum status read_file(const char *name, const char *path, const char **ret, struct err *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return err_field(err, STATUS_INVALID, name, "%s: cannot open %s: %s", name, path, strerror(errno));
	struct kept *k = calloc(1, sizeof *k + ENV_FILE_MAX + 2);
	size_t n = k ? fread(k->text, 1, ENV_FILE_MAX + 1, f) : 0;
	bool failed = !k || ferror(f);
	fclose(f);
	if (failed || n > ENV_FILE_MAX || memchr(k->text, 0, n)) {
		free(k);
		return err_field(err, STATUS_INVALID, name, "%s: %s is not a readable text file of up to %d bytes", name, path,
		                 ENV_FILE_MAX);
	}
	if (n && k->text[n - 1] == '\n')
		k->text[n - 1] = 0;
	k->next = kept_files;
	kept_files = k;
	*ret = k->text;
	return STATUS_OK;
}

bool env_secret_path(const char *name, char ret[ENV_PATH_MAX])
{
	char file_name[128];
	snprintf(file_name, sizeof file_name, "%s_FILE", name);
	const char *path = getenv(file_name), *folder = getenv("GANNET_SECRETS");
	if (path && *path)
		return snprintf(ret, ENV_PATH_MAX, "%s", path) < ENV_PATH_MAX;
	if (!folder || !*folder || !*name || name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")])
		return false;
	return snprintf(ret, ENV_PATH_MAX, "%s/%s", folder, name) < ENV_PATH_MAX && access(ret, F_OK) == 0;
}

/* The option's text from NAME, else from a file, else its default; NULL when there is none. */
static enum status find_text(const struct env_option *o, const char **ret, struct err *err)
{
	char file_name[128], path[ENV_PATH_MAX];
	snprintf(file_name, sizeof file_name, "%s_FILE", o->name);
	const char *value = getenv(o->name), *file = getenv(file_name);
	if (value && *value) {
		*ret = value;
		return STATUS_OK;
	}
	*ret = "";
	bool named = file && *file;
	if ((named || o->secret) && env_secret_path(o->name, path) && read_file(named ? file_name : o->name, path, ret, err) != STATUS_OK)
		return err->status;
	if (!**ret)
		*ret = o->fallback; /* an empty file is as good as none, as an empty variable is */
	return STATUS_OK;
}

static bool parse_bool(const char *text, bool *ret)
{
	static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "off", "on"};
	for (size_t i = 0; i < countof(words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*ret = i & 1;
			return true;
		}
	}
	return false;
}

static bool parse_ms(struct span s, int64_t bare_unit, int64_t *ret)
{
	static const struct {
		const char *suffix;
		int64_t unit_ms;
	} rows[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	size_t digits = 0;
	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	struct span suffix = span_of(s.p + digits, s.n - digits);
	int64_t number, unit = suffix.n ? 0 : bare_unit;
	for (size_t i = 0; i < countof(rows); i++)
		if (span_is(suffix, rows[i].suffix))
			unit = rows[i].unit_ms;
	return unit && span_i64(span_of(s.p, digits), &number) && !__builtin_mul_overflow(number, unit, ret);
}

static bool in_range(const struct env_option *o, int64_t v)
{
	bool any = o->min == 0 && o->max == 0;
	return any || (v >= o->min && v <= o->max);
}

/* What a number may be, as in an error and in --help. */
static const char *describe(const struct env_option *o, char *out, size_t out_bytes)
{
	const char *what = o->kind == ENV_MS ? "a time such as 250ms, 5s, 2m or 1h" : "a whole number";
	const char *unit = o->kind == ENV_MS ? "ms" : "";
	int n = snprintf(out, out_bytes, "%s", what);
	if (o->min != 0 || o->max != 0)
		snprintf(out + n, out_bytes - (size_t)n, " in [%" PRId64 "%s, %" PRId64 "%s]", o->min, unit, o->max, unit);
	return out;
}

static enum status load_one(const struct env_option *o, char *config, struct err *err)
{
	const char *text = NULL;
	char allowed[128];
	void *member = config + o->offset;
	int64_t number;
	enum status s = find_text(o, &text, err);
	if (s != STATUS_OK || !text)
		return s;
	switch (o->kind) {
	case ENV_TEXT:
		*(const char **)member = text;
		return STATUS_OK;
	case ENV_BOOL:
		return parse_bool(text, member) ? STATUS_OK : refuse(o, text, "true or false", err);
	case ENV_INT:
		if (!span_i64(span_from(text), &number) || !in_range(o, number))
			return refuse(o, text, describe(o, allowed, sizeof allowed), err);
		break;
	case ENV_MS:
		if (!parse_ms(span_from(text), o->unit ? o->unit : 1, &number) || !in_range(o, number))
			return refuse(o, text, describe(o, allowed, sizeof allowed), err);
		break;
	}
	*(int64_t *)member = number;
	return STATUS_OK;
}

enum status env_load(const struct env_option *options, size_t n, void *config, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		enum status s = load_one(&options[i], config, err);
		if (s != STATUS_OK)
			return s;
	}
	return STATUS_OK;
}

void env_help(const struct env_option *options, size_t n, struct buf *out)
{
	int width = 0;
	for (size_t i = 0; i < n; i++)
		if ((int)strlen(options[i].name) > width)
			width = (int)strlen(options[i].name);
	for (size_t i = 0; i < n; i++) {
		const struct env_option *o = &options[i];
		char allowed[128];
		buf_printf(out, "  %-*s  %s", width, o->name, o->help);
		if (o->kind == ENV_INT || o->kind == ENV_MS)
			buf_printf(out, "; %s", describe(o, allowed, sizeof allowed));
		if (o->fallback && !o->secret)
			buf_printf(out, " (default %s)", o->fallback);
		buf_addc(out, '\n');
	}
}
