/* Reads files and JSON for options. */
#include "services/cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/utf8.h"

static enum status read_all(int fd, const char *option, const char *path, struct buf *out, struct err *err)
{
	for (;;) {
		char *at = buf_reserve(out, 65536);
		if (!at)
			return err_field(err, STATUS_TOO_LARGE, option, "%.100s is longer than %zu bytes", path,
			                 out->max_bytes - 65536);
		ssize_t n = read(fd, at, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_field(err, STATUS_INVALID, option, "cannot read %.100s: %s", path, strerror(errno));
		if (n == 0)
			return STATUS_OK;
		buf_commit(out, (size_t)n);
	}
}

enum status input_file(struct arena *a, const char *option, const char *path, size_t max_bytes, struct span *ret,
                       struct err *err)
{
	scoped_buf text = {.max_bytes = max_bytes + 65536};
	bool standard_input = strcmp(path, "-") == 0;
	int fd = standard_input ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_field(err, STATUS_INVALID, option, "cannot open %.100s: %s", path, strerror(errno));
	enum status s = read_all(fd, option, path, &text, err);
	if (!standard_input)
		close(fd);
	if (s != STATUS_OK)
		return s;
	if (text.len > max_bytes)
		return err_field(err, STATUS_TOO_LARGE, option, "%.100s is longer than %zu bytes", path, max_bytes);
	if (!utf8_valid(buf_span(&text)))
		return err_field(err, STATUS_INVALID, option, "%.100s is not UTF-8 text", path);
	*ret = arena_dup(a, buf_span(&text));
	return STATUS_OK;
}

enum status input_object(struct arena *a, const char *option, const char *text, size_t max_bytes, struct json *ret,
                         struct err *err)
{
	struct span document = span_from(text);
	struct json v;
	struct err bad;
	if (text[0] == '@' && input_file(a, option, text + 1, max_bytes, &document, err) != STATUS_OK)
		return err->status;
	if (json_parse(document, &v, &bad) != STATUS_OK)
		return err_field(err, STATUS_INVALID, option, "is not JSON: %s", bad.msg);
	if (v.type != JSON_OBJECT)
		return err_field(err, STATUS_INVALID, option, "must be a JSON object such as {\"name\":\"value\"}");
	*ret = v;
	return STATUS_OK;
}

static struct span variable_name(const char *var)
{
	return span_of(var, strcspn(var, "="));
}

static bool is_variable(const struct texts *vars, struct span name)
{
	for (size_t i = 0; i < vars->n; i++)
		if (span_eq(variable_name(vars->items[i]), name))
			return true;
	return false;
}

static enum status put_variable(struct arena *a, const char *var, size_t max_bytes, struct json_writer *w,
                                struct err *err)
{
	struct span name = variable_name(var), value;
	if (!name.n || !var[name.n])
		return err_field(err, STATUS_INVALID, "--var", "'%.60s' is neither name=value nor name=@file", var);
	value = span_from(var + name.n + 1);
	if (value.n > 1 && value.p[0] == '@' && input_file(a, "--var", value.p + 1, max_bytes, &value, err) != STATUS_OK)
		return err->status;
	json_key(w, name);
	json_put_text(w, value);
	return STATUS_OK;
}

enum status input_variables(struct arena *a, struct json base, const struct texts *vars, size_t max_bytes,
                            struct json_writer *w, struct err *err)
{
	struct json_iter it = json_iter(base);
	struct json key, value;
	json_begin_object(w);
	while (json_next(&it, &key, &value)) {
		struct span name = json_text(key, a);
		if (is_variable(vars, name))
			continue;
		json_key(w, name);
		json_put(w, value);
	}
	for (size_t i = 0; i < vars->n; i++) {
		bool again = false;
		for (size_t j = i + 1; j < vars->n; j++)
			again |= span_eq(variable_name(vars->items[i]), variable_name(vars->items[j]));
		if (again)
			return err_field(err, STATUS_INVALID, "--var", "'%.*s' is given twice",
			                 (int)variable_name(vars->items[i]).n, vars->items[i]);
		if (put_variable(a, vars->items[i], max_bytes, w, err) != STATUS_OK)
			return err->status;
	}
	json_end_object(w);
	return STATUS_OK;
}
