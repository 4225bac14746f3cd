/* approve: a step of a plan that somebody takes responsibility for is handed to whoever runs it. */
#include <inttypes.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/store.h"
#include "operators.h"
#include "records.h"
#include "report.h"
#include "requests.h"
#include "store.h"

static enum status find_plan(struct reasoner *r, const struct micro_request *m, struct span plan_id, struct action_plan *ret,
                             struct err *err)
{
	char key[TENANT_ID_MAX + JOB_ID_MAX + 2], when[RFC3339_BYTES];
	scoped_buf value = {0};
	struct json v;
	snprintf(key, sizeof key, "%.*s.%.*s", SPAN_ARG(m->tenant), SPAN_ARG(plan_id));
	enum status s = bus_kv_get(r->bus, BUCKET_PLANS, key, &value, NULL, err);
	if (s == STATUS_NOT_FOUND)
		return err_field(err, s, "plan_id", "plan_id: there is no plan %.*s of the last day; reasoning.action_plan names the present one",
		                 SPAN_ARG(plan_id));
	if (s == STATUS_OK)
		s = json_parse(arena_dup(m->arena, buf_span(&value)), &v, err);
	if (s == STATUS_OK)
		s = json_decode(&action_plan_table, v, JSON_LENIENT, m->arena, ret, err);
	if (s == STATUS_OK && clock_wall_ms(r->clock) > ret->expires_at.ms)
		return err_field(err, STATUS_CONFLICT, "plan_id", "plan_id: plan %.*s expired at %s; reasoning.action_plan names the present one",
		                 SPAN_ARG(plan_id), rfc3339_format(ret->expires_at.ms, when));
	return s;
}

static enum status find_step(const struct action_plan *plan, int64_t step, struct arena *a, struct plan_step *ret, struct err *err)
{
	struct json key, v;
	for (struct json_iter it = json_iter(plan->steps); json_next(&it, &key, &v);) {
		enum status s = json_decode(&plan_step_table, v, JSON_LENIENT, a, ret, err);
		if (s != STATUS_OK)
			return s;
		if (ret->step != step)
			continue;
		if (!ret->automated)
			return err_field(err, STATUS_UNPROCESSABLE, "step", "step: step %" PRId64 " (%.*s) is not automated; it takes a person", step,
			                 SPAN_ARG(ret->action));
		return STATUS_OK;
	}
	size_t n = json_count(plan->steps);
	return err_field(err, STATUS_NOT_FOUND, "step", n ? "step: plan %.*s has steps 1 to %zu, not %" PRId64 : "step: plan %.*s has no steps",
	                 SPAN_ARG(plan->plan_id), n, step);
}

static enum status publish(struct reasoner *r, struct span tenant, const struct action_record *a, struct err *err)
{
	char subject[ACTION_SUBJECT_BYTES], msg_id[ACTION_KEY_BYTES + 8];
	scoped_buf body = {0};
	const struct action_run run = {
	    .action_id = a->action_id,
	    .plan_id = a->plan_id,
	    .reasoning_id = a->reasoning_id,
	    .step = a->step,
	    .action_type = a->action_type,
	    .description = a->description,
	    .action_payload = a->action_payload,
	    .approved_by = a->approved_by,
	    .approved_at = a->approved_at,
	};
	action_run_subject(tenant, a->action_type, subject);
	snprintf(msg_id, sizeof msg_id, "%.*s.%.*s", SPAN_ARG(tenant), SPAN_ARG(a->action_id));
	json_encode(&action_run_table, &run, &(struct json_writer){.out = &body});
	const struct bus_header header = {HEADER_MSG_ID, span_from(msg_id)};
	return bus_store_wait(r->bus, &(struct bus_out){subject, NULL, buf_span(&body), &header, 1}, REQUEST_MS, NULL, err);
}

/* The message first: one without a record is run and recorded by whoever runs it, a record without a message never. */
static enum status run_once(struct reasoner *r, struct span tenant, struct action_record *a, struct arena *arena, struct err *err)
{
	struct action_record now;
	uint64_t revision;
	enum status s = record_load(r, tenant, a->action_id, arena, &now, &revision, err);
	if (s == STATUS_NOT_FOUND) {
		s = publish(r, tenant, a, err);
		if (s == STATUS_OK)
			s = record_store(r, tenant, a, 0, err);
		if (s == STATUS_OK)
			report_action(tenant, a->action_type, "approved");
		if (s == STATUS_CONFLICT)
			s = record_load(r, tenant, a->action_id, arena, &now, &revision, err);
		else
			return s;
	}
	if (s == STATUS_OK) {
		/* Run before we could record it: then the record tells of this very approval. */
		bool ours = now.approved_at.ms == a->approved_at.ms && span_eq(now.approved_by, a->approved_by);
		*a = now;
		a->already = (struct opt_bool){!ours, !ours};
	}
	return s;
}

enum status handle_approve(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct reasoner *reasoner = arg;
	struct approve_request request;
	struct action_plan plan;
	struct plan_step step;
	struct memory memory = {0};
	uint64_t revision;
	char id[ACTION_ID_BYTES];
	enum status s = micro_decode(r, &approve_request_table, &request, err);
	if (s == STATUS_OK)
		s = find_plan(reasoner, r, request.plan_id, &plan, err);
	if (s == STATUS_OK)
		s = find_step(&plan, request.step, r->arena, &step, err);
	if (s == STATUS_OK)
		s = operators_allow(reasoner, r->tenant, step.action, err);
	if (s == STATUS_OK)
		s = memory_load(reasoner, r->tenant, &memory, &revision, err);
	if (s != STATUS_OK)
		return s;
	if (!action_id(plan.plan_id, step.step, id))
		return err_field(err, STATUS_INVALID, "plan_id", "plan_id: too long");
	bool present = span_is(plan.plan_id, memory.plan.id);
	struct action_record a = {
	    .action_id = span_from(id),
	    .plan_id = plan.plan_id,
	    .reasoning_id = present ? span_from(memory.plan.reasoning_id) : plan.plan_id,
	    .step = step.step,
	    .action_type = step.action,
	    .description = step.description,
	    .action_payload = step.action_payload.type == JSON_OBJECT ? step.action_payload : (struct json){SPAN("{}"), JSON_OBJECT},
	    .approved_by = request.by,
	    .approved_at = {clock_wall_ms(reasoner->clock)},
	};
	s = run_once(reasoner, r->tenant, &a, r->arena, err);
	if (s == STATUS_OK)
		json_encode(&action_record_table, &a, &(struct json_writer){.out = reply});
	return s;
}
