/* How a job ended: read from its final event or its record, printed as a summary. */
#ifndef GANNET_CLI_ENDING_H
#define GANNET_CLI_ENDING_H

#include "contract/job.h"
#include "services/cli/command.h"

/* Spans are absent and numbers -1 where nothing is known. They live in the arena, or in the bytes they were read from.
 */
struct ending {
	struct span job_id, status; /* completed, failed, rejected, cancelled */
	struct span answer;         /* parsed_output: text, or a JSON value */
	struct span raw_response;   /* what the provider sent, before parsing */
	struct span model, provider;
	bool simulated, cached, estimated;
	int64_t input_tokens, output_tokens, total_tokens;
	int64_t cost_nanousd;
	int64_t queue_ms, processing_ms, total_ms;
	int64_t attempts;
	struct span error_code, error_message, error_field;
};

void ending_from_event(const struct job_event *ev, struct arena *a, struct ending *ret);
void ending_from_record(struct json record, struct arena *a, struct ending *ret);
enum outcome ending_outcome(const struct ending *e);
/* "code: field: message" */
void ending_error(const struct ending *e, struct buf *out);
/* Model, tokens, cost and times in aligned rows. */
void ending_summary(const struct ending *e, struct buf *out, bool colour);
/* A row of such a block: a dim label in a column of its own, then the text. */
#define ROW_LABEL_COLUMNS 12
void row_label(struct buf *out, const char *label, bool colour);
void row(struct buf *out, const char *label, struct span text, bool colour);

/* The pieces of the summary's rows. */
void ending_model(const struct ending *e, struct buf *out);
void ending_tokens(const struct ending *e, struct buf *out);
void ending_times(const struct ending *e, struct buf *out);

#endif
