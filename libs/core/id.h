/* Identifiers: unguessable ones, and the checks on those that others choose. */
#ifndef GANNET_CORE_ID_H
#define GANNET_CORE_ID_H

#include "core/span.h"

#define ID_BYTES 23   /* 22 characters [0-9A-Za-z] (130 bits of getrandom(2)) and a NUL */
#define JOB_ID_MAX 64 /* characters of a job id chosen by a publisher */
#define TENANT_ID_MAX 32

/* Thread-safe. A forked child that goes on without exec repeats its parent's ids. */
void id_random(char out[ID_BYTES]);
/* [A-Za-z0-9_-]{1,64}: fits a NATS subject token, a KV key and a URL path segment unescaped. */
bool id_is_job(struct span s);
/* [a-z0-9_-]{1,32} */
bool id_is_tenant(struct span s);
/* A job kind, as in gannet.<tenant>.jobs.submit.<kind>.<priority>: [a-z0-9_-]{1,32}. */
bool id_is_kind(struct span s);

#endif
