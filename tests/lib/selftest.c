/* A program starts itself again with its hidden cases, and reads what became of them. */
#include "tests/lib/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/process.h"

#define MARK "GANNET_SELFTEST"

static char output_path[4096];

void selftest_register(struct test_case *t)
{
	if (getenv(MARK))
		test_register(t);
}

const char *selftest_program(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	CHECK(n > 0);
	path[n] = 0;
	return path;
}

pid_t selftest_start(const char *const *argv)
{
	static int started;
	char name[32];
	snprintf(name, sizeof name, "output-%d", ++started);
	process_path(output_path, sizeof output_path, test_dir(), name);
	setenv(MARK, "1", 1);
	setenv("TMPDIR", test_dir(), 1);
	return process_start(&(struct process){.path = argv[0], .argv = argv, .log_path = output_path});
}

int selftest_wait(pid_t pid)
{
	return process_wait(pid);
}

int selftest_run(const char *name)
{
	return selftest_wait(selftest_start((const char *[]){selftest_program(), "--run", name, NULL}));
}

const char *selftest_output(void)
{
	static char text[65536];
	FILE *f = fopen(output_path, "re");
	CHECK(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}
