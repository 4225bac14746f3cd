/* Texts of the configuration that name variables of the environment, so that secrets need not stand in it. */
#include <stdio.h>

#include "core/env.h"
#include "services/collector/source.h"

static bool is_name(struct span s)
{
	bool fine = s.n >= 1 && s.n <= 64 && !(s.p[0] >= '0' && s.p[0] <= '9');
	for (size_t i = 0; fine && i < s.n; i++)
		fine = (s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_';
	return fine;
}

static enum status add_variable(const char *member, struct span name, struct arena *a, struct buf *out,
                                struct err *err)
{
	const char *value = NULL;
	if (!is_name(name))
		return err_field(err, STATUS_INVALID, member, "%s: \"${%.*s}\" names no variable (A-Z 0-9 _)", member,
		                 (int)(name.n < 40 ? name.n : 40), name.p);
	const struct env_option o = {arena_cstr(a, name), ENV_TEXT, 0, NULL, .secret = true};
	struct err inner = {0};
	if (env_load(&o, 1, &value, &inner) != STATUS_OK)
		return err_field(err, STATUS_INVALID, member, "%s: %.200s", member, inner.msg);
	if (!value)
		return err_field(err, STATUS_INVALID, member, "%s: %s is neither set nor in a file", member, o.name);
	buf_adds(out, value);
	return STATUS_OK;
}

enum status source_expand(const char *member, struct span text, struct arena *a, const char **ret, struct err *err)
{
	scoped_buf out = {0};
	if (memchr(text.p, 0, text.n))
		return err_field(err, STATUS_INVALID, member, "%s: holds a NUL byte", member);
	while (text.n) {
		const char *dollar = memmem(text.p, text.n, "${", 2);
		size_t plain = dollar ? (size_t)(dollar - text.p) : text.n;
		buf_add(&out, text.p, plain);
		if (!dollar)
			break;
		const char *end = memchr(dollar, '}', text.n - plain);
		if (!end)
			return err_field(err, STATUS_INVALID, member, "%s: \"${\" without \"}\"", member);
		if (add_variable(member, span_of(dollar + 2, (size_t)(end - dollar) - 2), a, &out, err) != STATUS_OK)
			return err->status;
		text = span_of(end + 1, text.n - plain - (size_t)(end + 1 - dollar));
	}
	*ret = arena_cstr(a, buf_span(&out));
	return STATUS_OK;
}
