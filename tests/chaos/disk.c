/* A disk of its own for the broker, in memory, that can be full from one moment to the next. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/chaos/chaos.h"
#include "tests/lib/process.h"

#define BASE_BYTES ((int64_t)256 << 20)
#define SUBMISSION_BYTES 8192 /* room for what one leaves in the streams */

static char path[512], missing[200] = "not prepared";
static int64_t all_bytes;

static bool mount_sized(int64_t bytes, unsigned long flags)
{
	char options[64];
	snprintf(options, sizeof options, "size=%lldk,mode=0755", (long long)(bytes / 1024));
	return mount("chaos", path, "tmpfs", flags, options) == 0;
}

/* In a mount namespace of this thread's own, which its children share: nothing stays mounted, however this ends. */
void disk_prepare(uint32_t submissions_max)
{
	int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	all_bytes = BASE_BYTES + (int64_t)submissions_max * SUBMISSION_BYTES;
	process_path(path, sizeof path, test_dir(), "nats");
	CHECK(mkdir(path, 0755) == 0);
	if (all_bytes > memory / 2)
		snprintf(missing, sizeof missing, "%lld MiB of disk in memory would be too much here",
		         (long long)(all_bytes >> 20));
	else if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	         !mount_sized(all_bytes, 0))
		snprintf(missing, sizeof missing, "this user may not mount: %s", strerror(errno));
	else
		missing[0] = 0;
}

const char *stack_disk_missing(void)
{
	return missing[0] ? missing : NULL;
}

/* As big as what is on it: nothing has to be written to fill it. */
bool stack_disk_full(bool full)
{
	struct statvfs now;
	if (missing[0] || statvfs(path, &now) < 0)
		return false;
	int64_t used = (int64_t)(now.f_blocks - now.f_bfree) * (int64_t)now.f_frsize;
	return mount_sized(full ? used + 4096 : all_bytes, MS_REMOUNT);
}
