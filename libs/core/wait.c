#include "core/wait.h"

#define NS_PER_S 1000000000

void wait_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t a;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &a);
	pthread_condattr_destroy(&a);
}

struct timespec wait_until(int64_t from_now_ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (from_now_ms <= 0)
		return t;
	int64_t ns = t.tv_nsec + from_now_ms % 1000 * 1000000;
	return (struct timespec){.tv_sec = t.tv_sec + from_now_ms / 1000 + ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}
