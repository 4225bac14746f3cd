/* Following one job to its end. */
#ifndef GANNET_CLI_FOLLOW_H
#define GANNET_CLI_FOLLOW_H

#include "services/cli/ending.h"
#include "services/cli/inbox.h"

/*
 * Events are a plain subscription, made before the job is submitted where that is possible. What a subscription can
 * miss (a lost connection, a job that ended before) is made up for by asking for the record now and then.
 */
struct follow {
	struct cli *c;
	struct span job_id;
	int64_t run; /* events of earlier runs do not count */
	bool stream; /* print partial output as it comes */
	bool lines;  /* print events as lines, instead of the result at the end */
	struct inbox inbox;
	struct buf streamed; /* partial output since the last restart */
	char state[96];      /* what the job does now, for the status line */
	bool status_line;    /* one is on the terminal */
	int64_t started_mono_ms, next_ask_mono_ms;
};

/* Set c, job_id, run, stream and lines before. */
enum status follow_open(struct follow *f, struct err *err) must_check;
/* Returns when the job has ended, --timeout has passed or the user has had enough; `late`: the job existed before
 * follow_open(). */
enum outcome follow_to_end(struct follow *f, bool late);
void follow_close(struct follow *f);

/* open, to_end and close for a job that exists. */
enum outcome follow_existing(struct cli *c, struct span job_id, int64_t run, bool lines);

#endif
