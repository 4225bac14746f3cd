/* A PostgreSQL that answers and takes nothing: read-only, or its disk is full. */
#ifndef GANNET_TESTS_REFUSAL_H
#define GANNET_TESTS_REFUSAL_H

#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/lib/jobs.h"

#define REFUSAL_ROOM_BYTES ((int64_t)128 << 20)

static inline void be_read_only(bool on)
{
	test_sql("SET default_transaction_read_only = off"); /* of the test's own session */
	test_sql(text_of("ALTER SYSTEM SET default_transaction_read_only = %s", on ? "on" : "off"));
	test_sql("SELECT pg_reload_conf()");
}

static inline const char *refusal_disk(void)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/disk", test_dir());
	return path;
}

static inline bool refusal_sized(int64_t bytes, unsigned long flags)
{
	const struct passwd *postgres = getpwnam("postgres");
	return mount("gannet-test", refusal_disk(), "tmpfs", flags,
	             text_of("size=%lldk,mode=0700,uid=%u,gid=%u", (long long)(bytes / 1024),
	                     postgres ? postgres->pw_uid : geteuid(), postgres ? postgres->pw_gid : getegid())) == 0;
}

/*
 * A small disk for the tables made from now on, in a mount namespace of the test's own, which the server shares: nothing
 * stays mounted, however this ends. False for a user who may not mount. Before the server is started.
 */
static inline bool has_small_disk(void)
{
	CHECK(mkdir(refusal_disk(), 0755) == 0);
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    !refusal_sized(REFUSAL_ROOM_BYTES, 0)) {
		fprintf(stderr, "this user may not mount: %s\n", strerror(errno));
		return false;
	}
	test_postgres_url();
	test_sql(text_of("CREATE TABLESPACE small LOCATION '%s'", refusal_disk()));
	test_sql("ALTER DATABASE gannet SET default_tablespace = small");
	return true;
}

static inline void be_full(bool on)
{
	struct statvfs now;
	CHECK(statvfs(refusal_disk(), &now) == 0);
	int64_t used = (int64_t)(now.f_blocks - now.f_bfree) * (int64_t)now.f_frsize;
	CHECK_MSG(refusal_sized(on ? used + 4096 : REFUSAL_ROOM_BYTES, MS_REMOUNT), "remounting: %s", strerror(errno));
}

/* What /health/ready says of a check, while the service stays ready: "ok" or "failed". */
static inline bool check_says(const struct test_process *p, const char *check, const char *status)
{
	scoped_buf body = {0};
	CHECK_INT(test_http_get(p->health_port, "/health/ready", &body), 200);
	return strcmp(test_json(body.data, text_of("/checks/%s/status", check)), status) == 0;
}

/* Both, for `check(refuse, sqlstate)`, which turns the refusal on and off. */
#define REFUSAL_TESTS(check)                                                                                           \
	TEST(a_database_that_becomes_read_only_is_waited_out)                                                              \
	{                                                                                                                  \
		test_postgres_url();                                                                                           \
		check(be_read_only, "25006");                                                                                  \
	}                                                                                                                  \
	TEST(a_database_whose_disk_is_full_is_waited_out)                                                                  \
	{                                                                                                                  \
		if (has_small_disk())                                                                                          \
			check(be_full, "53100");                                                                                   \
	}

#endif
