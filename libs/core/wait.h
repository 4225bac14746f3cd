/* Waiting for a condition with a limit that no change of the wall clock moves. */
#ifndef GANNET_CORE_WAIT_H
#define GANNET_CORE_WAIT_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* A condition whose pthread_cond_timedwait() takes times of wait_until(). */
void wait_cond_init(pthread_cond_t *cond);
/* So many milliseconds from now; at once when not above 0. */
struct timespec wait_until(int64_t from_now_ms);

#endif
