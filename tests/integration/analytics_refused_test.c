/* A database that takes nothing: read-only, or its disk is full. The service stays, says so, and catches up. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <pwd.h>

#include "tests/integration/analytics_helpers.h"

static void publish(int64_t n, struct spent *spent)
{
	struct err err = {0};
	int64_t now_ms = clock_wall_ms(&clock_system);
	for (int64_t i = 0; i < n; i++)
		publish_random_event(test_bus(), spent->events, "acme", now_ms, spent);
	CHECK_OK(bus_store_drain(test_bus(), 60000, &err), err);
}

static bool says(const struct test_process *p, const char *text)
{
	return strstr(log_of(p), text) != NULL;
}

/* What is refused is in no sum, what is taken later in all of them, and the process is the same. */
static void check_refusal(void (*refuse)(bool on), const char *sqlstate)
{
	struct spent spent = {0};
	struct test_process *p = start_analytics(NULL);
	publish(300, &spent);
	WAIT_FOR(sql_number(LEDGER_COUNT) == spent.events, "the rows before");
	int64_t before = spent.events;
	refuse(true);
	publish(3000, &spent);
	WAIT_FOR(says(p, sqlstate), "the refusal to be logged");
	scoped_buf health = {0};
	CHECK_INT(test_http_get(p->health_port, "/health", &health), 200);
	CHECK(answers_from_the_ledger());
	CHECK(sql_number(LEDGER_COUNT) < spent.events && sql_number(LEDGER_COUNT) >= before);
	refuse(false);
	WAIT_FOR(sql_number(LEDGER_COUNT) == spent.events, "all rows after");
	CHECK_INT(sql_number("SELECT coalesce(sum(cost_nanousd), 0) FROM ai_usage_metrics"), spent.cost_nanousd);
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
}

/* ---- read-only */

static void be_read_only(bool on)
{
	test_sql("SET default_transaction_read_only = off"); /* of the test's own session */
	test_sql(text_of("ALTER SYSTEM SET default_transaction_read_only = %s", on ? "on" : "off"));
	test_sql("SELECT pg_reload_conf()");
}

TEST(a_database_that_becomes_read_only_is_waited_out)
{
	test_postgres_url();
	check_refusal(be_read_only, "25006");
}

/* ---- full */

#define ROOM_BYTES ((int64_t)128 << 20)
static char disk[512];

static bool sized(int64_t bytes, unsigned long flags)
{
	char options[96];
	struct passwd *postgres = getpwnam("postgres");
	snprintf(options, sizeof options, "size=%lldk,mode=0700,uid=%u,gid=%u", (long long)(bytes / 1024),
	         postgres ? postgres->pw_uid : geteuid(), postgres ? postgres->pw_gid : getegid());
	return mount("gannet-test", disk, "tmpfs", flags, options) == 0;
}

static void be_full(bool on)
{
	struct statvfs now;
	CHECK(statvfs(disk, &now) == 0);
	int64_t used = (int64_t)(now.f_blocks - now.f_bfree) * (int64_t)now.f_frsize;
	CHECK_MSG(sized(on ? used + 4096 : ROOM_BYTES, MS_REMOUNT), "remounting: %s", strerror(errno));
}

/* In a mount namespace of the test's own, which the server shares: nothing stays mounted, however this ends. */
static bool has_disk_of_its_own(void)
{
	snprintf(disk, sizeof disk, "%s/disk", test_dir());
	CHECK(mkdir(disk, 0755) == 0);
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && sized(ROOM_BYTES, 0);
}

TEST(a_database_whose_disk_is_full_is_waited_out)
{
	if (!has_disk_of_its_own()) {
		fprintf(stderr, "this user may not mount: %s\n", strerror(errno));
		return;
	}
	test_postgres_url();
	test_sql(text_of("CREATE TABLESPACE small LOCATION '%s'", disk));
	test_sql("ALTER DATABASE gannet SET default_tablespace = small");
	check_refusal(be_full, "53100");
}
