/* Who may do what concerns all tenants. */
#ifndef GANNET_REASONING_OPERATORS_H
#define GANNET_REASONING_OPERATORS_H

#include "reasoner.h"

/*
 * Queues belong to the whole suite: only the tenants of GANNET_OPERATORS may pause and resume them; everybody, when it is
 * unset and tenants are not strict. FORBIDDEN otherwise. Other actions are everybody's own.
 */
enum status operators_allow(struct reasoner *r, struct span tenant, struct span action, struct err *err) must_check;

#endif
