/* Secrets that a configuration names and the environment or a file holds. */
#include <stdio.h>
#include <stdlib.h>

#include "core/env.h"
#include "services/watchers/watchers.h"

enum status secret_read(const char *name, struct arena *a, struct span *ret, struct err *err)
{
	char path[ENV_PATH_MAX];
	const char *value = getenv(name);
	if (value && *value) {
		*ret = arena_dup(a, span_from(value));
		return STATUS_OK;
	}
	FILE *f = env_secret_path(name, path) ? fopen(path, "re") : NULL;
	if (!f)
		return err_set(err, STATUS_NOT_FOUND, "%s is neither set nor in a file that can be read", name);
	char *text = arena_alloc(a, ENV_FILE_MAX);
	size_t n = fread(text, 1, ENV_FILE_MAX, f);
	fclose(f);
	*ret = span_trim(span_of(text, n));
	return ret->n ? STATUS_OK : err_set(err, STATUS_NOT_FOUND, "the file of %s is empty", name);
}
