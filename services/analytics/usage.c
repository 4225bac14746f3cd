/* From a final event to a row of the ledger. */
#include "usage.h"

#include "core/utf8.h"

#define COLUMN(name, kind) {kind, offsetof(struct usage_row, name)},
const struct store_column usage_columns[] = {USAGE_COLUMNS(COLUMN)};
const size_t usage_columns_n = countof(usage_columns);

/* ---- the members that count; a limit of theirs that is broken must not lose what was spent */

struct read_usage {
	struct opt_i64 input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens;
	struct opt_bool estimated;
};
struct read_result {
	struct span model, provider, price_id;
	const struct read_usage *usage;
	struct opt_i64 cost_nanousd, time_to_first_token_ms;
	struct opt_bool simulated, cached;
	struct json fallback_from;
};
struct read_error {
	struct span code;
};
struct read_event {
	struct span kind, user_id, agent_id, model, job_type, pipeline, record_id, field_name;
	struct opt_i64 run, attempt, processing_time_ms, queue_time_ms;
	struct json_time timestamp;
	const struct read_error *error;
	const struct read_result *result;
};

#define F(member, ...) JSON_FIELD(struct read_usage, member, __VA_ARGS__)
static const struct json_field usage_fields[] = {F(input_tokens),  F(cache_read_tokens), F(cache_write_tokens),
                                                 F(output_tokens), F(reasoning_tokens),  F(estimated)};
static const struct json_table read_usage_table = {"usage", sizeof(struct read_usage), usage_fields,
                                                   countof(usage_fields)};
#undef F
#define F(member, ...) JSON_FIELD(struct read_result, member, __VA_ARGS__)
static const struct json_field result_fields[] = {
    F(model),        F(provider),
    F(price_id),     F(usage, .table = &read_usage_table),
    F(cost_nanousd), F(time_to_first_token_ms),
    F(simulated),    F(cached),
    F(fallback_from)};
static const struct json_table read_result_table = {"llm.result", sizeof(struct read_result), result_fields,
                                                    countof(result_fields)};
#undef F
static const struct json_field error_fields[] = {JSON_FIELD(struct read_error, code)};
static const struct json_table read_error_table = {"job.error", sizeof(struct read_error), error_fields,
                                                   countof(error_fields)};
#define F(member, ...) JSON_FIELD(struct read_event, member, __VA_ARGS__)
static const struct json_field event_fields[] = {
    F(kind),
    F(user_id),
    F(agent_id),
    F(model),
    F(job_type),
    F(pipeline),
    F(record_id),
    F(field_name),
    F(run),
    F(attempt),
    F(processing_time_ms),
    F(queue_time_ms),
    F(timestamp),
    F(error, .table = &read_error_table),
    F(result, .table = &read_result_table)};
#undef F
static const struct json_table read_event_table = {"job.event", sizeof(struct read_event), event_fields,
                                                   countof(event_fields)};

/* ---- */

bool usage_subject_parse(struct span subject, struct usage_subject *ret)
{
	struct span rest = subject;
	if (!span_is(span_cut(&rest, '.'), "gannet") || !rest.p)
		return false;
	struct span tenant = span_cut(&rest, '.');
	if (!rest.p || !span_is(span_cut(&rest, '.'), "jobs") || !rest.p || !span_is(span_cut(&rest, '.'), "event") || !rest.p)
		return false;
	struct span state = span_cut(&rest, '.');
	if (!rest.p || !id_is_job(rest) || !id_is_tenant(tenant))
		return false;
	for (unsigned i = JOB_EVENT_COMPLETED; i < JOB_STATE_COUNT; i++)
		if (span_is(state, job_state_names[i])) {
			*ret = (struct usage_subject){tenant, rest, (enum job_state)i};
			return true;
		}
	return false;
}

static struct span kept(struct arena *a, struct span s)
{
	return s.n ? arena_dup(a, utf8_cut(s, USAGE_TEXT_MAX)) : SPAN("");
}

static int64_t count_of(struct opt_i64 v)
{
	return !v.set || v.v < 0 ? 0 : v.v > JOB_COUNT_MAX ? JOB_COUNT_MAX : v.v;
}

static int64_t time_of(struct opt_i64 v)
{
	return v.set ? count_of(v) : STORE_NULL;
}

static int64_t small(struct opt_i64 v, int64_t otherwise)
{
	return !v.set || v.v < 0 ? otherwise : v.v > INT32_MAX ? INT32_MAX : v.v;
}

/* What the same tokens cost under other circumstances, less what they did cost. */
static int64_t difference(const struct price_table *prices, const struct usage_row *r, const struct usage *would,
                          int64_t did)
{
	int64_t nanousd;
	struct span id;
	return price_cost(prices, r->provider, r->model, would, r->at, &nanousd, &id) ? nanousd - did : 0;
}

static void set_money(const struct price_table *prices, const struct read_result *x, struct usage_row *r)
{
	struct usage as_is = {.input_tokens = r->input_tokens,
	                      .cache_read_tokens = r->cache_read_tokens,
	                      .cache_write_tokens = r->cache_write_tokens,
	                      .output_tokens = r->output_tokens};
	struct usage without_cache = {.input_tokens = r->input_tokens + r->cache_read_tokens + r->cache_write_tokens,
	                              .output_tokens = r->output_tokens};
	if (x->cost_nanousd.set)
		r->cost_nanousd = count_of(x->cost_nanousd);
	int64_t did = r->cost_nanousd == STORE_NULL ? 0 : r->cost_nanousd;
	r->priced = x->cost_nanousd.set || r->cached;
	if (r->cached)
		r->saved_nanousd = difference(prices, r, &as_is, did);
	else if (x->cost_nanousd.set && r->cache_read_tokens + r->cache_write_tokens > 0)
		r->prompt_saved_nanousd = difference(prices, r, &without_cache, did);
}

static void set_result(const struct price_table *prices, const struct read_result *x, struct arena *a,
                       struct usage_row *r)
{
	if (x->usage) {
		r->input_tokens = count_of(x->usage->input_tokens);
		r->cache_read_tokens = count_of(x->usage->cache_read_tokens);
		r->cache_write_tokens = count_of(x->usage->cache_write_tokens);
		r->output_tokens = count_of(x->usage->output_tokens);
		r->reasoning_tokens = count_of(x->usage->reasoning_tokens);
		r->total_tokens = r->input_tokens + r->cache_read_tokens + r->cache_write_tokens + r->output_tokens;
		r->estimated = x->usage->estimated.v;
	}
	r->provider = kept(a, x->provider);
	if (x->model.n)
		r->model = kept(a, x->model);
	r->price_id = kept(a, x->price_id);
	r->first_token_ms = time_of(x->time_to_first_token_ms);
	r->cached = x->cached.v;
	r->simulated = x->simulated.v;
	r->fallback = json_count(x->fallback_from) > 0;
	set_money(prices, x, r);
}

static void set_event(const struct usage_subject *s, const struct read_event *e, struct arena *a, struct usage_row *r)
{
	r->run = small(e->run, 1);
	r->attempt = small(e->attempt, 1);
	r->processing_ms = time_of(e->processing_time_ms);
	r->queue_ms = time_of(e->queue_time_ms);
	r->tenant = arena_dup(a, s->tenant);
	r->job_id = arena_dup(a, s->job_id);
	r->status = span_from(job_state_names[s->state]);
	r->kind = kept(a, e->kind);
	r->operation = e->job_type.n ? kept(a, e->job_type) : r->kind;
	r->user_id = kept(a, e->user_id);
	r->agent_id = kept(a, e->agent_id);
	r->requested_model = r->model = kept(a, e->model);
	r->pipeline = kept(a, e->pipeline);
	r->record_id = kept(a, e->record_id);
	r->field_name = kept(a, e->field_name);
	r->error_code = e->error ? kept(a, e->error->code) : SPAN("");
}

enum status usage_decode(const struct usage_subject *s, struct span data, int64_t stored_ms,
                         const struct price_table *prices, struct arena *scratch, struct arena *a,
                         struct usage_row *ret, struct err *err)
{
	struct json body;
	struct read_event e;
	enum status status = json_parse(data, &body, err);
	if (status == STATUS_OK)
		status = json_decode(&read_event_table, body, JSON_LENIENT, scratch, &e, err);
	if (status != STATUS_OK)
		return status;
	struct usage_row r = {.cost_nanousd = STORE_NULL,
	                      .first_token_ms = STORE_NULL,
	                      .priced = true,
	                      .provider = SPAN(""),
	                      .price_id = SPAN("")};
	int64_t skew_ms = e.timestamp.ms - stored_ms;
	r.at = skew_ms > -USAGE_CLOCK_SKEW_MS && skew_ms < USAGE_CLOCK_SKEW_MS ? e.timestamp.ms : stored_ms;
	set_event(s, &e, a, &r);
	if (e.result)
		set_result(prices, e.result, a, &r);
	*ret = r;
	return STATUS_OK;
}
