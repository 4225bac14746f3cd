/* Serious concerns as findings: opened once, told again when they get worse, taken back when they are gone. */
#ifndef GANNET_REASONING_FINDINGS_H
#define GANNET_REASONING_FINDINGS_H

#include "reasoning/judge.h"

/* Pure: brings m->findings up to date with the judgement and puts what changed into m->news. */
void findings_update(const struct facts *f, const struct judgement *j, int64_t now_ms, struct memory *m);

#endif
