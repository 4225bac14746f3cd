/* Starting and ending child processes; shared by the servers and the programs of servers.h. */
#ifndef GANNET_TESTS_PROCESS_H
#define GANNET_TESTS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* What to run. The child ends when the thread that started it does: start long-lived ones on the test's own thread. */
struct process {
	const char *path;
	const char *const *argv;
	const char *const *env; /* NULL: ours */
	const char *out_path;   /* standard output; NULL: the same as log_path */
	const char *log_path;   /* standard error; both are appended to */
	uid_t uid;              /* not 0: change to this user and group first */
	gid_t gid;
};
pid_t process_start(const struct process *p);
/* Waits for the end; returns the exit status, or 128 + signal. */
int process_wait(pid_t pid);
/* True when it has ended, with its status; it is waited for then. */
bool process_ended(pid_t pid, int *ret_status);
/* process_start and process_wait; fails the test unless it ends with 0. */
void process_run(const struct process *p);

/* The program's path, from PATH and the folders where Debian puts servers; fails the test when there is none. */
const char *process_find(const char *name, char *out, size_t out_bytes);
/* <folder>/<name>; fails the test when it does not fit. */
void process_path(char *out, size_t out_bytes, const char *folder, const char *name);
/* Whether somebody listens on 127.0.0.1; the connected socket goes to ret_fd if given. */
bool process_listens(int port, int *ret_fd);

/* The URLs of the servers that this test has started, also when killed since; NULL for others. */
const char *nats_known_url(void);
const char *postgres_known_url(void);
const char *redis_known_url(void);

#endif
