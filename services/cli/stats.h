/* The answer of jobs.stats, for reading. */
#ifndef GANNET_CLI_STATS_H
#define GANNET_CLI_STATS_H

#include "json/json.h"
#include "services/cli/command.h"

/* "pending 12  processing 3 …" */
void stats_counts(struct json stats, struct buf *out, bool colour);
/* Queues and workers. */
void stats_tables(struct json stats, struct arena *a, struct buf *out, size_t width, bool colour);
/* All of it, with throughput and times as the service measured them. */
void stats_print(struct json stats, struct arena *a, struct buf *out, size_t width, bool colour);

/* Asks for them; `ret` lives in `reply`. */
enum status stats_request(struct cli *c, struct buf *reply, struct json *ret, struct err *err) must_check;

#endif
