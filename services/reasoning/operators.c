/* Knows the operators. */
#include "operators.h"

#include "contract/action.h"

static bool is_operator(const struct reasoner *r, struct span tenant)
{
	struct span rest = span_from(r->config->operators);
	if (!rest.p)
		return !service_config(r->service)->strict_tenants;
	while (rest.p)
		if (span_eq(span_trim(span_cut(&rest, ',')), tenant))
			return true;
	return false;
}

enum status operators_allow(struct reasoner *r, struct span tenant, struct span action, struct err *err)
{
	bool concerns_all = span_is(action, ACTION_PAUSE_QUEUE) || span_is(action, ACTION_RESUME_QUEUE);
	if (!concerns_all || is_operator(r, tenant))
		return STATUS_OK;
	return err_set(err, STATUS_FORBIDDEN, "%.*s concerns the queues of all tenants; tenant %.*s is not one of GANNET_OPERATORS",
	               SPAN_ARG(action), SPAN_ARG(tenant));
}
