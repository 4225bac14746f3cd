/* gannet contract: what it prints of two documents, and what it exits with. */
#include <stdio.h>

#include "core/arena.h"
#include "tests/lib/jobs.h"

#define OLD "openapi: 3.0.0\ninfo: {version: '1'}\npaths:\n  /a: {get: {parameters: [{name: q, in: query, schema: {type: string}}], responses: {}}}\n"
#define NEW "openapi: 3.0.0\ninfo: {version: '2'}\npaths:\n  /a: {get: {parameters: [{name: q, in: query, schema: {type: integer}}], responses: {}}}\n"

static const char *file_of(const char *name, const char *text)
{
	static struct arena kept;
	const char *path = arena_printf(&kept, "%s/%s", test_dir(), name).p;
	FILE *f = fopen(path, "we");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

static int contract(struct buf *out, const char *const *args)
{
	buf_reset(out);
	return test_run("gannet", args, NULL, out);
}

TEST(breaking_changes_are_told_and_make_the_exit_code)
{
	scoped_buf out = {0};
	const char *old = file_of("old.yaml", OLD), *new = file_of("new.yaml", NEW);
	CHECK_INT(contract(&out, (const char *[]){"contract", old, new, NULL}), 8);
	CHECK_HAS(out.data, "GET /a");
	CHECK_HAS(out.data, "query parameter q: the type is another: string before, integer now  parameter-type-changed");
	CHECK_HAS(out.data, "1 breaking, 0 warnings, 0 others");
	CHECK_INT(contract(&out, (const char *[]){"contract", old, new, "--fail-on", "never", NULL}), 0);
	CHECK_INT(contract(&out, (const char *[]){"contract", old, old, NULL}), 0);
	CHECK_HAS(out.data, "0 breaking");
	CHECK_INT(contract(&out, (const char *[]){"contract", "--json", old, new, NULL}), 8);
	CHECK(strcmp(test_json(out.data, "/breaking"), "1") == 0);
	CHECK(strcmp(test_json(out.data, "/changes/0/id"), "parameter-type-changed") == 0);
	CHECK_INT(strlen(test_json(out.data, "/changes/0/fingerprint")), 24);
}

TEST(a_document_that_cannot_be_read_is_named)
{
	scoped_buf out = {0};
	const char *old = file_of("old.yaml", OLD), *bad = file_of("bad.yaml", "swagger: '2.0'\n");
	CHECK_INT(contract(&out, (const char *[]){"contract", old, bad, NULL}), 1);
	CHECK_INT(contract(&out, (const char *[]){"contract", old, "/nowhere.yaml", NULL}), 6);
	CHECK_INT(contract(&out, (const char *[]){"contract", old, NULL}), 2);
}
