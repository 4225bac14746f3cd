/* What every process tells about itself in /metrics, under the names that Prometheus client libraries agreed on. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "service/internal.h"

static struct metric resident = {"process_resident_memory_bytes", "Resident memory size.", METRIC_GAUGE};
static struct metric virtual_memory = {"process_virtual_memory_bytes", "Virtual memory size.", METRIC_GAUGE};
static struct metric cpu = {"process_cpu_seconds_total", "User and system CPU time spent.", METRIC_COUNTER,
                            .scale = 1e-6};
static struct metric open_fds = {"process_open_fds", "Open file descriptors.", METRIC_GAUGE};
static struct metric max_fds = {"process_max_fds", "Limit of open file descriptors.", METRIC_GAUGE};
static struct metric threads = {"process_threads", "Threads of the process.", METRIC_GAUGE};
static struct metric start_time = {"process_start_time_seconds", "Start of the process since the Unix epoch.",
                                   METRIC_GAUGE, .scale = 1e-3};
static struct metric build_info = {"gannet_build_info", "Always 1; the labels say what runs.", METRIC_GAUGE, "version",
                                   "commit"};

void process_metrics_register(const struct clock *clock)
{
	struct metric *const all[] = {&resident, &virtual_memory, &cpu,        &open_fds,
	                              &max_fds,  &threads,        &start_time, &build_info};
	for (size_t i = 0; i < countof(all); i++)
		metric_register(all[i]);
	metric_set(metric_series(&start_time, NULL, NULL), clock_wall_ms(clock));
	metric_set(metric_series(&build_info, GANNET_VERSION, GANNET_COMMIT), 1);
}

static void set(struct metric *m, int64_t v)
{
	metric_set(metric_series(m, NULL, NULL), v);
}

/* Fields of /proc/self/stat after the command's closing parenthesis: 18 lines on is num_threads, 21 vsize, 22 rss
 * (proc(5)). */
static void read_stat(void)
{
	char text[1024];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = 0;
	const char *p = strrchr(text, ')');
	long long thread_count, vsize_bytes, rss_pages;
	if (!p ||
	    sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %lld %*d %*u %lld %lld",
	           &thread_count, &vsize_bytes, &rss_pages) != 3)
		return;
	set(&threads, thread_count);
	set(&virtual_memory, vsize_bytes);
	set(&resident, rss_pages * sysconf(_SC_PAGESIZE));
}

static void count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	if (!d)
		return;
	int64_t n = -1; /* the folder itself */
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	set(&open_fds, n);
}

void process_metrics_update(void)
{
	struct rusage usage;
	struct rlimit limit;
	getrusage(RUSAGE_SELF, &usage);
	set(&cpu, (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
	              usage.ru_stime.tv_usec);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		set(&max_fds, limit.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)limit.rlim_cur);
	read_stat();
	count_fds();
}
