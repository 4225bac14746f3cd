/* What a line of a log says: its moment, its level, and its message without them. */
#ifndef GANNET_DIAGNOSE_LINE_H
#define GANNET_DIAGNOSE_LINE_H

#include "core/arena.h"

/*
 * Understood are JSON lines (pino, zap, logrus, Serilog and the like), logfmt, klog, and moments as they stand at the
 * beginning of text: RFC 3339 and its relatives, nginx, Apache, syslog, HDFS. Anything else is message from end to end.
 */
struct log_line {
	struct span level;   /* what is said of it besides the message: "error" …; absent: nothing, or in the message */
	struct span message; /* absent: there is none */
	bool dated;
	int64_t at_ms;  /* where dated */
	bool continues; /* a stack frame or the like: it belongs to the line before and says nothing by itself */
};

/* Of what lives as long as `line` and `a`. A moment without a year is the last one before `now_ms` (and a day). */
void log_line_read(struct span line, int64_t now_ms, struct arena *a, struct log_line *ret);
/* Level and message as one text, for diagnosis_add_line(); empty without a message. */
struct span log_line_text(const struct log_line *l, struct arena *a);

#endif
