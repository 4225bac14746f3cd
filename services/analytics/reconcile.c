/* reconcile: what the provider says against what the ledger holds, day by day and model by model. */
#include <stdio.h>

#include "export.h"
#include "requests.h"
#include "rollup.h"

/* Both sides of one day and model. */
struct pair {
	struct span day, model;
	int64_t theirs, ours; /* nano-dollars, or tokens */
	const struct export_line *line;
	int64_t our_jobs;
};

#define OURS_SQL                                                                                                       \
	"SELECT to_char(bucket, 'YYYY-MM-DD'), regexp_replace(model, '-(\\d{4}-\\d{2}-\\d{2}|\\d{8}|latest)$', '') COLLATE " \
	"\"C\", sum(cost_nanousd)::bigint, sum(total_tokens)::bigint, "              \
	"sum(jobs)::bigint FROM ai_usage_day_model WHERE tenant = $1 AND provider = $2 AND bucket >= $3::date AT TIME "    \
	"ZONE 'UTC' AND bucket < ($4::date + 1) AT TIME ZONE 'UTC' AND jobs > cached GROUP BY 1, 2 ORDER BY 1, 2"

static int64_t tokens_of(const struct export_line *l)
{
	return l->input_tokens + l->cache_read_tokens + l->cache_write_tokens + l->output_tokens;
}

static int compare(struct span day, struct span model, const struct pair *p)
{
	int order = strncmp(day.p, p->day.p, 10);
	if (order)
		return order;
	size_t n = model.n < p->model.n ? model.n : p->model.n;
	order = memcmp(model.p, p->model.p, n);
	return order ? order : (model.n > p->model.n) - (model.n < p->model.n);
}

/* Both lists are in the same order; without models theirs has one line a day, and ours is added up to that. */
static size_t join(const struct export *e, const struct store_result *ours, struct arena *a, struct pair **ret)
{
	struct pair *pairs = arena_alloc(a, (e->n + (size_t)ours->rows + 1) * sizeof *pairs);
	size_t n = 0, i = 0;
	bool models = false;
	for (size_t k = 0; k < e->n; k++)
		models |= e->lines[k].model[0] != 0;
	for (int row = 0; i < e->n || row < ours->rows;) {
		struct pair p = {0};
		struct pair theirs = {0};
		if (i < e->n)
			theirs = (struct pair){.day = span_from(e->lines[i].day), .model = span_from(e->lines[i].model)};
		struct span model = row < ours->rows && models ? store_value(ours, row, 1) : SPAN("");
		int order = i == e->n ? -1 : row == ours->rows ? 1 : compare(store_value(ours, row, 0), model, &theirs);
		p = order < 0 ? (struct pair){.day = store_value(ours, row, 0), .model = model} : theirs;
		if (order >= 0) {
			p.line = &e->lines[i++];
			p.theirs = e->costs ? p.line->cost_nanousd : tokens_of(p.line);
		}
		while (order <= 0 && row < ours->rows && compare(store_value(ours, row, 0), models ? store_value(ours, row, 1) : SPAN(""), &p) == 0) {
			int64_t amount = 0, jobs = 0;
			if (span_i64(store_value(ours, row, e->costs ? 2 : 3), &amount) && span_i64(store_value(ours, row, 4), &jobs)) {
				p.ours += amount;
				p.our_jobs += jobs;
			}
			row++;
		}
		pairs[n++] = p;
	}
	*ret = pairs;
	return n;
}

static void put_amounts(struct json_writer *w, bool costs, int64_t theirs, int64_t ours)
{
	json_kv_i64(w, costs ? "provider_nanousd" : "provider_tokens", theirs);
	json_kv_i64(w, costs ? "ledger_nanousd" : "ledger_tokens", ours);
	json_kv_i64(w, costs ? "difference_nanousd" : "difference_tokens", theirs - ours);
	if (ours)
		json_kv_f64(w, "difference_percent", (double)(int64_t)((double)(theirs - ours) / (double)ours * 1e4) / 100);
}

static void put_row(struct json_writer *w, const struct export *e, const struct pair *p)
{
	json_begin_object(w);
	json_kv_text(w, "day", p->day);
	json_kv_text(w, "model", p->model);
	put_amounts(w, e->costs, p->theirs, p->ours);
	json_kv_i64(w, "ledger_jobs", p->our_jobs);
	if (p->line && p->line->requests)
		json_kv_i64(w, "provider_requests", p->line->requests);
	json_end_object(w);
}

static enum status ask(struct store *s, struct span tenant, const struct export *e, struct store_result *ret,
                       struct err *err)
{
	if (!e->n)
		return err_field(err, STATUS_INVALID, "export", "export: there are no results");
	const struct span params[] = {tenant, span_from(e->provider), span_from(e->lines[0].day),
	                              span_from(e->lines[e->n - 1].day)};
	return store_query(s, OURS_SQL, params, countof(params), ret, err);
}

enum status handle_reconcile(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct analytics *a = arg;
	struct analytics_reconcile asked;
	struct export e;
	struct pair *pairs;
	int64_t theirs = 0, ours = 0;
	scoped_lent db = {0};
	scoped_result found = {0};
	enum status status = micro_decode(r, &analytics_reconcile_request_table, &asked, err);
	if (status == STATUS_OK)
		status = export_parse(asked.export, asked.provider, r->arena, &e, err);
	if (status == STATUS_OK)
		status = lend(a, &db, err);
	if (status == STATUS_OK)
		status = ask(db.store, r->tenant, &e, &found, err);
	if (status != STATUS_OK)
		return status;
	scoped_buf rows = {0}, totals = {0};
	struct json_writer w = {&rows, false}, t = {&totals, false};
	size_t n = join(&e, &found, r->arena, &pairs);
	json_begin_array(&w);
	for (size_t i = 0; i < n; i++) {
		theirs += pairs[i].theirs;
		ours += pairs[i].ours;
		put_row(&w, &e, &pairs[i]);
	}
	json_end_array(&w);
	json_begin_object(&t);
	put_amounts(&t, e.costs, theirs, ours);
	json_end_object(&t);
	const struct analytics_reconciled answer = {span_from(e.provider), e.costs ? SPAN("costs") : SPAN("usage"),
	                                            {buf_span(&rows), JSON_ARRAY}, {buf_span(&totals), JSON_OBJECT}};
	return request_reply(&analytics_reconcile_reply_table, &answer, reply);
}
