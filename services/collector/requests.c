/* The endpoints: the last snapshot, and a fresh one. */
#include "contract/requests.h"
#include "services/collector/publish.h"

static enum status handle_get(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct empty_request request;
	enum status status = micro_decode(r, &snapshot_get_request_table, &request, err);
	return status == STATUS_OK ? snapshot_last(arg, r->tenant, reply, err) : status;
}

static enum status handle_take(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	scoped_buf snapshot = {0};
	struct empty_request request;
	enum status status = micro_decode(r, &snapshot_take_request_table, &request, err);
	if (status == STATUS_OK)
		status = snapshot_take(arg, r->tenant, &snapshot, err);
	if (status == STATUS_OK)
		buf_addspan(reply, buf_span(&snapshot));
	return status;
}

const struct micro_endpoint collector_endpoints[COLLECTOR_ENDPOINTS] = {
    {"get", "gannet.*.snapshot.get", handle_get, "The last snapshot"},
    {"take", "gannet.*.snapshot.take", handle_take, "A fresh snapshot, now"},
};

enum status requests_start(struct collector *c, struct err *err)
{
	return micro_start(c->bus, "collector", "What a tenant's system is like", collector_endpoints, COLLECTOR_ENDPOINTS, c,
	                   c->clock, &c->micro, err);
}
