/* The endpoints: the last snapshot, and a fresh one. */
#include "contract/requests.h"
#include "services/collector/publish.h"

static enum status check_request(const struct micro_request *r, const struct json_table *t, struct err *err)
{
	struct json body;
	struct empty_request request;
	if (!r->tenant.p || !id_is_tenant(r->tenant))
		return err_field(err, STATUS_INVALID, "subject", "subject %.*s: tenant must be 1 to 32 of a-z 0-9 _ -",
		                 SPAN_ARG(r->in.subject));
	if (json_parse(r->in.data.n ? r->in.data : SPAN("{}"), &body, err) != STATUS_OK)
		return err->status;
	return json_decode(t, body, JSON_STRICT, r->arena, &request, err);
}

static enum status handle_get(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	enum status status = check_request(r, &snapshot_get_request_table, err);
	return status == STATUS_OK ? snapshot_last(arg, r->tenant, reply, err) : status;
}

static enum status handle_take(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	scoped_buf snapshot = {0};
	enum status status = check_request(r, &snapshot_take_request_table, err);
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
