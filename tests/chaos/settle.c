/* Waits for the moment when nothing is under way any more. */
#include <stdio.h>
#include <unistd.h>

#include "bus/topology.h"
#include "core/clock.h"
#include "tests/chaos/chaos.h"
#include "tests/lib/jobs.h"
#include "tests/lib/process.h"

#define QUIET_MS 3000 /* longer than a lease: nobody holds anything that may come back */

struct left {
	bool known;
	uint64_t jobs, delayed, unrecorded;
};

static struct left look(struct bus *b)
{
	struct bus_stream_state jobs, delayed;
	uint64_t unrecorded;
	struct err err;
	if (bus_stream_state(b, STREAM_JOBS, &jobs, &err) != STATUS_OK ||
	    bus_stream_state(b, STREAM_DELAYED, &delayed, &err) != STATUS_OK ||
	    !test_unrecorded(b, &unrecorded))
		return (struct left){0};
	return (struct left){true, jobs.messages, delayed.messages, unrecorded};
}

static void describe(const struct left *l, char *out, size_t out_bytes)
{
	if (l->known)
		snprintf(out, out_bytes, "queue %llu, delayed %llu, to be recorded %llu", (unsigned long long)l->jobs,
		         (unsigned long long)l->delayed, (unsigned long long)l->unrecorded);
	else
		snprintf(out, out_bytes, "broker or database do not say");
}

void settle_describe(struct bus *b, char *out, size_t out_bytes)
{
	struct left l = look(b);
	describe(&l, out, out_bytes);
}

/* What the broker itself says of it, for whoever looks into it afterwards. */
static void keep_answer(struct bus *b, const char *subject, const char *body, const char *file)
{
	char path[600];
	scoped_buf answer = {0};
	struct err err;
	process_path(path, sizeof path, test_dir(), file);
	FILE *f = fopen(path, "we");
	if (f && bus_request(b, &(struct bus_out){.subject = subject, .data = span_from(body)}, 5000, &answer, &err) ==
	             STATUS_OK)
		fputs(answer.data ? answer.data : "", f);
	if (f)
		fclose(f);
}

bool settle(struct bus *b, int64_t wait_ms, char *out, size_t out_bytes)
{
	int64_t now_ms = clock_mono_ms(&clock_system), until_ms = now_ms + wait_ms, quiet_since_ms = 0;
	while (now_ms < until_ms) {
		struct left l = look(b);
		bool quiet = l.known && !l.jobs && !l.delayed && !l.unrecorded;
		describe(&l, out, out_bytes);
		now_ms = clock_mono_ms(&clock_system);
		if (!quiet)
			quiet_since_ms = 0;
		else if (!quiet_since_ms)
			quiet_since_ms = now_ms;
		else if (now_ms - quiet_since_ms > QUIET_MS)
			return true;
		stack_watch();
		usleep(100000);
	}
	keep_answer(b, "$JS.API.CONSUMER.LIST." STREAM_JOBS, "{}", "jobs-consumers.json");
	keep_answer(b, "$JS.API.STREAM.INFO." STREAM_JOBS, "{\"deleted_details\":true}", "jobs-stream.json");
	keep_answer(b, "$JS.API.CONSUMER.LIST." STREAM_EVENTS, "{}", "events-consumers.json");
	return false;
}
