/* Running the actions that Gannet knows. */
#ifndef GANNET_REASONING_ACT_H
#define GANNET_REASONING_ACT_H

#include "reasoner.h"

/* Opens a pull for each of Gannet's actions; their mail goes to r->actor. */
enum status act_start(struct reasoner *r, struct err *err) must_check;
void act_stop(struct reasoner *r);
/* Mail of gannet.*.actions.run.<type>: runs it, records what came of it, acknowledges. */
void act_on_run(struct reasoner *r, struct mail *m);

#endif
