/* The records of one batch: each job once, whatever number of its events the batch holds. */
#ifndef GANNET_JOBS_FOLD_H
#define GANNET_JOBS_FOLD_H

#include "record.h"

#define FOLD_EVENTS_MAX 8192

/* Zeroed is valid and empty. Record memory is reused from batch to batch. Not thread-safe. */
struct fold {
	struct record *records; /* FOLD_EVENTS_MAX, `count` in use */
	size_t count;
	uint16_t *slots; /* open addressing on the key's hash; 0 = free, else index + 1 */
};

/* Where the next event is to be decoded. At most FOLD_EVENTS_MAX calls of fold_add() between resets. */
struct record *fold_next(struct fold *f);
/* Takes in what was decoded there; returns the index of the job's record. */
size_t fold_add(struct fold *f);
void fold_reset(struct fold *f);
void fold_free(struct fold *f);

#endif
