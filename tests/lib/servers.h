/* Real servers and our own programs, started for one test on free ports and gone with it. */
#ifndef GANNET_TESTS_SERVERS_H
#define GANNET_TESTS_SERVERS_H

#include <sys/types.h>

#include "bus/bus.h"
#include "tests/lib/test.h"

/*
 * All of these fail the test when something cannot start. Children die with the test process, whatever happens
 * (PR_SET_PDEATHSIG); start them on the test's own thread.
 */

/* nats-server with JetStream in test_dir(); the same port and data again after test_nats_kill() + test_nats_start(). */
void test_nats_start(void);
/* By this configuration file, which says all but the address, JetStream too; before it is started. Then test_bus() has no user and does not connect. */
void test_nats_configure(const char *path);
const char *test_nats_log(void); /* its path */
void test_nats_kill(int signal); /* waits for its end */
const char *test_nats_url(void); /* starts it if need be */
pid_t test_nats_pid(void);

/* PostgreSQL with an empty database `gannet`, a copy of what initdb made once per run. As user postgres when root. */
const char *test_postgres_url(void);
void test_postgres_kill(int signal);
void test_postgres_start(void);
pid_t test_postgres_pid(void);

const char *test_redis_url(void);

/* Never the same one twice on this machine while the test runs. */
int test_free_port(void);

/*
 * One of our programs from test_bin(): `test_spawn("gannet-runner", (const char *[]){"NATS_URL=…", NULL}, NULL)`; a
 * name with a slash is taken as a path. Its environment is the same on every machine: NATS_URL, DATABASE_URL, REDIS_URL
 * of servers that this test has started, LOG_LEVEL=DEBUG, PROMETHEUS_PORT=<free>, GANNET_DRAIN_MS=2000, PATH, HOME,
 * TMPDIR and the sanitizers' options, unless `env` says otherwise. Standard error goes to <test_dir>/<n>-<program>.log,
 * shown when the test fails.
 *
 * After a test that passed, what still runs gets SIGTERM. A program that then does not end, ends with a status other
 * than 0 (unless test_wait_exit() told the test, or by the signal the test sent) or whose log holds a sanitizer's
 * report fails the test.
 */
struct test_process {
	pid_t pid;
	int health_port;
	char log_path[512];
	char out_path[512]; /* standard output */
};
struct test_process *test_spawn(const char *program, const char *const *env, const char *const *args);
/* Waits until /health/ready answers 200. */
void test_ready(struct test_process *p);
/* Sends a signal. */
void test_kill(struct test_process *p, int signal);
/* Waits for the end; returns the exit status, or 128 + signal. */
int test_wait_exit(struct test_process *p);
/* Runs to completion, returns the exit status; output (stdout) goes to `out` if given. */
int test_run(const char *program, const char *const *args, const char *const *env, struct buf *out);

/* Appends a whole file, for one a program's output so far. */
void test_read(const char *path, struct buf *out);
/* What a program has logged so far; until the next call. */
const char *log_of(const struct test_process *p);

/* The test's own, observed connection to test_nats_url(); open until the process ends. Benches open their own. */
struct bus *test_bus(void);

/* HTTP GET on 127.0.0.1; returns the status, 0 when nobody answers; body into `body`. */
int test_http_get(int port, const char *path, struct buf *body);

/*
 * Checks every message under gannet. and every bucket value from now on against its schema in proto/
 * (contract/registry.h), replies to requests included; a subject that no row has is a violation too. test_bus() starts
 * it; any violation fails the test at its end. A request that breaks its schema is fine if it is answered by an error.
 * Other messages that a test breaks on purpose are announced by the prefix of their subject (a literal: it is kept);
 * what the broker republishes of them is then expected as well.
 */
void test_observe(void);
void test_expect_invalid(const char *subject_prefix);

/* The first row's first column as text; "" for no row. Valid until the thread's next call. Thread-safe. */
const char *test_sql(const char *sql);

#endif
