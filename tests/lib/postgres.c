/* One PostgreSQL per test: a copy of a data folder that initdb made once for all tests of a run. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "tests/lib/process.h"
#include "tests/lib/servers.h"

/* Nothing here has to survive the machine, only a killed process. */
static const char settings[] = "fsync = off\n"
                               "full_page_writes = off\n"
                               "shared_buffers = 32MB\n"
                               "max_connections = 60\n"
                               "jit = off\n"
                               "dynamic_shared_memory_type = mmap\n" /* in the data folder, and gone with it */
                               "listen_addresses = '127.0.0.1'\n"
                               "log_line_prefix = '%m %p %a '\n";

static pid_t pid;
static int port;
static char bin[256], data[512], log_path[512];
static uid_t uid; /* the server refuses to run as root */
static gid_t gid;

/* The newest installed version's folder of programs, and its number. */
static void find_programs(char *ret_version, size_t version_bytes)
{
	glob_t found = {0};
	int newest = 0;
	glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int version = atoi(found.gl_pathv[i] + sizeof "/usr/lib/postgresql/" - 1);
		if (version > newest)
			newest = version;
	}
	globfree(&found);
	CHECK_MSG(newest, "PostgreSQL is not installed");
	snprintf(bin, sizeof bin, "/usr/lib/postgresql/%d/bin", newest);
	snprintf(ret_version, version_bytes, "%d", newest);
}

static void find_user(void)
{
	if (geteuid() != 0)
		return;
	struct passwd *user = getpwnam("postgres");
	CHECK_MSG(user, "PostgreSQL cannot run as root and there is no user postgres");
	uid = user->pw_uid;
	gid = user->pw_gid;
}

static void make_folder(const char *path)
{
	CHECK_MSG(mkdir(path, 0700) == 0, "%s: %s", path, strerror(errno));
	if (uid)
		CHECK(chown(path, uid, gid) == 0);
}

static void add_settings(const char *folder)
{
	char path[600];
	process_path(path, sizeof path, folder, "postgresql.conf");
	FILE *f = fopen(path, "a");
	CHECK_MSG(f && fputs(settings, f) >= 0 && fclose(f) == 0, "%s: %s", path, strerror(errno));
}

static void make_template(const char *folder)
{
	char initdb[300], single[1600];
	process_path(initdb, sizeof initdb, bin, "initdb");
	make_folder(folder);
	/* The full path as its own name: by it PostgreSQL finds the rest of itself. */
	process_run(&(struct process){.path = initdb,
	                              .argv = (const char *[]){initdb, "-D", folder, "-U", "gannet", "-A", "trust", "-E",
	                                                       "UTF8", "--locale=C.UTF-8", "-N", "--wal-segsize=1", NULL},
	                              .log_path = log_path,
	                              .uid = uid,
	                              .gid = gid});
	add_settings(folder);
	snprintf(single, sizeof single, "echo 'CREATE DATABASE gannet' | '%s/postgres' --single -D '%s' postgres", bin,
	         folder);
	process_run(&(struct process){.path = "/bin/sh",
	                              .argv = (const char *[]){"sh", "-c", single, NULL},
	                              .log_path = log_path,
	                              .uid = uid,
	                              .gid = gid});
}

/* The template appears under its name only when it is whole; whoever comes second waits at the lock. */
static void ensure_template(const char *folder)
{
	char lock_path[600], unfinished[600];
	snprintf(lock_path, sizeof lock_path, "%s.lock", folder);
	snprintf(unfinished, sizeof unfinished, "%s.%d", folder, (int)getpid());
	int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	CHECK_MSG(lock >= 0 && flock(lock, LOCK_EX) == 0, "%s: %s", lock_path, strerror(errno));
	struct stat st;
	if (stat(folder, &st) < 0) {
		make_template(unfinished);
		CHECK_MSG(rename(unfinished, folder) == 0, "%s: %s", folder, strerror(errno));
	} else {
		CHECK_MSG(st.st_uid == (uid ? uid : geteuid()), "%s belongs to somebody else", folder);
	}
	close(lock);
}

static void prepare(void)
{
	char version[12], name[64], template[512], from[600];
	const char *tmp = getenv("TMPDIR");
	uint64_t hash[2];
	find_programs(version, sizeof version);
	find_user();
	process_path(data, sizeof data, test_dir(), "postgres");
	process_path(log_path, sizeof log_path, test_dir(), "postgres.log");
	hash128(span_from(settings), hash);
	snprintf(name, sizeof name, "gannet-postgres-%s-%d-%08x", version, (int)geteuid(), (unsigned)hash[0]);
	process_path(template, sizeof template, tmp && *tmp ? tmp : "/tmp", name);
	ensure_template(template);
	process_path(from, sizeof from, template, ".");
	make_folder(data);
	process_run(&(struct process){
	    .path = "/bin/cp", .argv = (const char *[]){"cp", "-a", from, data, NULL}, .log_path = log_path});
	port = test_free_port();
}

/* postmaster.pid: the process on its first line, how far it is on its eighth. */
static bool is_ready(void)
{
	char path[600], line[256];
	process_path(path, sizeof path, data, "postmaster.pid");
	FILE *f = fopen(path, "re");
	bool ours = false, ready = false;
	for (int n = 1; f && fgets(line, sizeof line, f); n++) {
		if (n == 1)
			ours = atoi(line) == (int)pid;
		else if (n == 8)
			ready = strncmp(line, "ready", 5) == 0;
	}
	if (f)
		fclose(f);
	return ours && ready;
}

static void launch(void)
{
	char path[300], port_text[8];
	process_path(path, sizeof path, bin, "postgres");
	snprintf(port_text, sizeof port_text, "%d", port);
	pid = process_start(
	    &(struct process){.path = path,
	                      .argv = (const char *[]){path, "-D", data, "-k", data, "-p", port_text, NULL},
	                      .log_path = log_path,
	                      .uid = uid,
	                      .gid = gid});
}

/* After a kill the old server's children may hold its memory for a moment, and a new one refuses to start. */
static bool is_up(void)
{
	int status;
	if (process_ended(pid, &status))
		launch();
	return is_ready();
}

static void stop(void)
{
	if (pid)
		test_postgres_kill(SIGQUIT);
}

void test_postgres_start(void)
{
	if (pid)
		return;
	if (!port) {
		prepare();
		test_at_end(TEST_END_SERVERS, stop);
	}
	launch();
	WAIT_FOR(is_up(), "PostgreSQL to be ready");
}

void test_postgres_kill(int sig)
{
	CHECK(pid);
	kill(pid, sig);
	process_wait(pid);
	pid = 0;
}

const char *postgres_known_url(void)
{
	static char url[96];
	snprintf(url, sizeof url, "postgresql://gannet@127.0.0.1:%d/gannet", port);
	return port ? url : NULL;
}

const char *test_postgres_url(void)
{
	if (!port)
		test_postgres_start();
	return postgres_known_url();
}

pid_t test_postgres_pid(void)
{
	return pid;
}
