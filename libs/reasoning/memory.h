/* What is remembered of a tenant from one reasoning to the next, in the bucket `latest`. */
#ifndef GANNET_REASONING_MEMORY_H
#define GANNET_REASONING_MEMORY_H

#include "contract/finding.h"
#include "contract/reasoning.h"

#define MEMORY_RULES_MAX 64
#define MEMORY_SAMPLES_MAX 64
#define MEMORY_SAMPLE_EVERY_MS 60000 /* so that the samples reach back about an hour */
#define MEMORY_NAME_BYTES 33

enum sample_field { SAMPLE_QUEUE_PENDING, SAMPLE_QUEUE_PROCESSING, SAMPLE_QUEUE_SUCCESS, SAMPLE_JOBS_FAILED, SAMPLE_FIELDS };
/* NaN: not known then. */
struct sample {
	int64_t at_ms;
	double values[SAMPLE_FIELDS];
};

/* A finding that is open, or what the last snapshot changed about one. */
struct kept_finding {
	char rule[MEMORY_NAME_BYTES];
	unsigned severity; /* enum severity */
	unsigned status;   /* enum finding_status */
	int64_t first_ms, occurrences;
};

enum model_state { MODEL_NONE, MODEL_ASKED, MODEL_ANSWERED, MODEL_FAILED };

/* The last question to a model, and what became of it. */
struct model_memory {
	unsigned state; /* enum model_state */
	char fingerprint[33], job_id[JOB_ID_MAX + 1];
	int64_t asked_ms;
	char reason[320]; /* why it failed */
};

struct memory {
	bool known; /* there was a reasoning before */
	char snapshot_id[JOB_ID_MAX + 1], reasoning_id[JOB_ID_MAX + 1], fingerprint[33];
	int64_t snapshot_ms;
	unsigned health; /* enum health */
	char active[MEMORY_RULES_MAX][MEMORY_NAME_BYTES];
	size_t active_n;
	struct sample samples[MEMORY_SAMPLES_MAX]; /* oldest first */
	size_t samples_n;
	struct {
		char id[JOB_ID_MAX + 1], steps[33], reasoning_id[JOB_ID_MAX + 1]; /* steps: their hash */
		int64_t expires_ms;
		bool acted; /* a step of it has an outcome */
	} plan;
	struct kept_finding findings[MEMORY_RULES_MAX];
	size_t findings_n;
	/* What is to be published of this snapshot; kept in case that we die before it is. */
	struct kept_finding news[MEMORY_RULES_MAX];
	size_t news_n;
	struct model_memory model;
};

/* Lenient: what cannot be read is as if it had not been; false when nothing could be. */
bool memory_decode(struct span text, struct memory *ret);
void memory_encode(const struct memory *m, struct buf *out);
bool memory_has_active(const struct memory *m, const char *rule);

#define MEMORY_KEY_BYTES (TENANT_ID_MAX + 24)
/* "<tenant>.reasoning_memory" */
void memory_key(struct span tenant, char out[MEMORY_KEY_BYTES]);

#endif
