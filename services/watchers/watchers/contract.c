/* Watches an API's contract: two versions of its document, what is deployed, and where both break the same thing. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/client.h"
#include "services/watchers/contract_call.h"

#define DOCUMENT_TIMEOUT_MS 20000

struct look {
	struct watch_run *r;
	struct contract_options options;
	struct api *api, *base; /* base: NULL without an earlier version */
	struct api_operation *operations, *base_operations;
	size_t operations_n, base_n;
	struct api_changes changes;
	size_t calls, unreachable, skipped, unchecked, violations;
	struct json_writer out; /* the result's list of calls */
	struct buf calls_out;
};

static enum status read_options(struct json v, struct arena *a, struct contract_options *ret, struct err *err)
{
	if (json_decode(&watchers_contract_table, v, JSON_STRICT, a, ret, err) != STATUS_OK)
		return err->status;
	if (ret->server.n && !span_starts(ret->server, SPAN("http://")) && !span_starts(ret->server, SPAN("https://")))
		return err_field(err, STATUS_INVALID, "server", "server: has to begin with http:// or https://");
	if (!ret->server.n && !ret->base.n)
		return err_field(err, STATUS_INVALID, "base", "base: without it and without server there is nothing to compare");
	return STATUS_OK;
}

static enum status check(struct json options, struct arena *a, struct err *err)
{
	struct contract_options o;
	return read_options(options, a, &o, err);
}

static enum status load(struct look *l, struct span place, struct api **ret, struct err *err)
{
	scoped_buf body = {.max_bytes = API_BYTES_MAX};
	int status = 0;
	const char *where = arena_cstr(l->r->arena, place);
	if (!span_starts(place, SPAN("http://")) && !span_starts(place, SPAN("https://")))
		return api_load_file(where, ret, err);
	const struct http_request q = {
	    .method = "GET", .url = where, .timeout_ms = DOCUMENT_TIMEOUT_MS, .max_response_bytes = API_BYTES_MAX};
	if (http_fetch(&q, &body, &status, err) != STATUS_OK)
		return err->status;
	if (status / 100 != 2)
		return err_set(err, STATUS_PROVIDER, "%.200s answers %d", where, status);
	return api_load(buf_span(&body), ret, err);
}

/* ---- findings */

static struct span operation_name(struct look *l, const struct api_operation *op)
{
	return arena_printf(l->r->arena, "%.*s %.*s", SPAN_ARG(op->method), SPAN_ARG(op->path));
}

static void found(struct look *l, const char *type, unsigned severity, struct span where, struct span what, struct span title,
                  struct span description, struct span recommendation, struct span evidence)
{
	run_found(l->r, &(struct draft){.key = arena_printf(l->r->arena, "%s %.*s %.*s", type, SPAN_ARG(where), SPAN_ARG(what)),
	                                .type = type,
	                                .severity = severity,
	                                .title = title,
	                                .description = description,
	                                .recommendation = recommendation,
	                                .evidence = evidence,
	                                .area = where,
	                                .label = "endpoint",
	                                .place = where});
}

static struct span change_evidence(struct look *l, const struct api_change *c, const char *live)
{
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	json_begin_object(&w);
	json_kv_cstr(&w, "rule", c->rule->id);
	json_kv_text(&w, "place", c->place);
	if (c->before.p)
		json_kv_text(&w, "before", c->before);
	if (c->after.p)
		json_kv_text(&w, "after", c->after);
	json_kv_i64(&w, "operations", (int64_t)c->operations);
	if (live)
		json_kv_cstr(&w, "live", live);
	json_end_object(&w);
	return arena_dup(l->r->arena, buf_span(&out));
}

static void found_change(struct look *l, const struct api_change *c, const char *live)
{
	scoped_buf text = {0};
	struct arena *a = l->r->arena;
	api_change_text(c, &text);
	struct span title = arena_printf(a, "%.*s: %.*s", SPAN_ARG(c->operation), SPAN_ARG(buf_span(&text)));
	struct span description =
	    arena_printf(a, "%.*s%s%.*s (`%s`).%s%s", SPAN_ARG(c->place), c->place.n ? ": " : "", SPAN_ARG(buf_span(&text)), c->rule->id,
	                 live ? "\n\nThe deployed API does so already: " : "", live ? live : "");
	found(l, live ? "breaking_change_live" : "breaking_change",
	      live                            ? SEVERITY_CRITICAL
	      : c->rule->level == API_BREAKING ? SEVERITY_HIGH
	                                       : SEVERITY_MEDIUM,
	      c->operation, span_from(c->fingerprint), title, description,
	      live ? SPAN("Clients of the earlier version fail now: bring the old form back, or a new version beside it.")
	           : SPAN("Keep the old form, or publish a new version before this is deployed."),
	      change_evidence(l, c, live));
}

/* ---- one operation, live */

struct verdict {
	bool called, missing;
	int status;
	char broken[320]; /* what its own document says against it; "" when nothing */
	char clients[320]; /* what the earlier document says against it */
	const char *what;
};

static void note_call(struct look *l, const struct api_operation *op, struct span target, const struct verdict *v)
{
	json_begin_object(&l->out);
	json_kv_text(&l->out, "operation", operation_name(l, op));
	json_kv_text(&l->out, "target", target);
	json_kv_i64(&l->out, "status", v->status);
	if (*v->broken)
		json_kv_cstr(&l->out, "violation", v->broken);
	if (*v->clients)
		json_kv_cstr(&l->out, "breaks_clients", v->clients);
	json_end_object(&l->out);
}

static const struct api_operation *twin_of(struct look *l, const struct api_operation *op)
{
	for (size_t i = 0; i < l->base_n; i++)
		if (span_eq(l->base_operations[i].method, op->method) && span_eq(l->base_operations[i].path, op->path))
			return &l->base_operations[i];
	return NULL;
}

/* 404 and 405 to an operation that does not document them: it is not there. */
static bool is_missing(struct look *l, const struct api_operation *op, int status)
{
	struct json response;
	return (status == 404 || status == 405 || status == 501) && !call_documents(l->api, op, status, &response);
}

static void judge(struct look *l, const struct api_operation *op, const struct answer *answer, struct verdict *v)
{
	struct err err = {0};
	const struct api_operation *twin = twin_of(l, op);
	v->called = true;
	v->status = answer->status;
	v->missing = is_missing(l, op, answer->status);
	if (call_check(l->api, op, answer, l->r->arena, &v->what, &err) != STATUS_OK)
		snprintf(v->broken, sizeof v->broken, "%s", err.msg);
	l->unchecked += strcmp(v->what, "unchecked") == 0;
	const char *what;
	if (twin && call_check(l->base, twin, answer, l->r->arena, &what, &err) != STATUS_OK)
		snprintf(v->clients, sizeof v->clients, "%s", err.msg);
}

static void found_violation(struct look *l, const struct api_operation *op, struct span target, const struct answer *answer,
                            const struct verdict *v)
{
	struct arena *a = l->r->arena;
	struct span name = operation_name(l, op);
	scoped_buf evidence = {0};
	struct json_writer w = {.out = &evidence};
	json_begin_object(&w);
	json_kv_text(&w, "target", target);
	json_kv_i64(&w, "status", v->status);
	json_kv_cstr(&w, "violation", v->broken);
	json_kv_text(&w, "body_begins", span_of(answer->body.p ? answer->body.p : "", answer->body.n < 400 ? answer->body.n : 400));
	json_end_object(&w);
	l->violations++;
	if (v->missing)
		found(l, "endpoint_missing", SEVERITY_HIGH, name, SPAN(""), arena_printf(a, "%.*s is documented and not there", SPAN_ARG(name)),
		      arena_printf(a, "It answers %d, which its document does not speak of.", v->status),
		      SPAN("Deploy it, or take it out of the document."), buf_span(&evidence));
	else
		found(l, "contract_violation", v->status >= 500 || strcmp(v->what, "body_invalid") == 0 ? SEVERITY_HIGH : SEVERITY_MEDIUM,
		      name, span_from(v->what), arena_printf(a, "%.*s does not answer as documented: %.120s", SPAN_ARG(name), v->broken),
		      arena_printf(a, "Called as `%.*s` it answered %d: %s.", SPAN_ARG(target), v->status, v->broken),
		      SPAN("Mend the answer, or the document if the answer is right."), buf_span(&evidence));
}

/* A server that says which methods it has (Allow) may have some that nobody documented. */
static void look_at_allow(struct look *l, const struct api_operation *op, struct span allow)
{
	struct json operation;
	while (allow.p && allow.n) {
		struct span method = span_trim(span_cut(&allow, ','));
		char lower[16];
		if (!span_copy(method, lower, sizeof lower) || span_is(method, "HEAD") || span_is(method, "OPTIONS"))
			continue;
		for (char *p = lower; *p; p++)
			*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
		if (json_member(op->item, span_from(lower), &operation))
			continue;
		struct span name = arena_printf(l->r->arena, "%.*s %.*s", SPAN_ARG(method), SPAN_ARG(op->path));
		found(l, "endpoint_undocumented", SEVERITY_MEDIUM, name, SPAN(""),
		      arena_printf(l->r->arena, "%.*s is there and not documented", SPAN_ARG(name)),
		      SPAN("The server names it in the header Allow."), SPAN("Document it, or take it away."), (struct span){0});
	}
}

static bool matches_any(struct json list, struct span path, struct arena *a)
{
	struct json key, v;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);)
		if (span_glob(path, json_text(v, a)))
			return true;
	return false;
}

static bool is_wanted(struct look *l, const struct api_operation *op)
{
	const struct contract_options *o = &l->options;
	bool safe = span_is(op->method, "GET") || span_is(op->method, "HEAD");
	return safe && (!json_count(o->include) || matches_any(o->include, op->path, l->r->arena)) &&
	       !matches_any(o->exclude, op->path, l->r->arena);
}

static bool pause_between(struct look *l)
{
	int64_t ms = l->options.pause_ms.set ? l->options.pause_ms.v : 0;
	for (; ms > 0 && !run_pause(l->r); ms -= 100) {
		const struct timespec t = {0, (ms < 100 ? ms : 100) * 1000000};
		nanosleep(&t, NULL);
	}
	return run_pause(l->r);
}

static void call(struct look *l, const struct api_operation *op, struct verdict *v)
{
	struct span target, missing, wanted[32];
	struct answer answer, options;
	struct err err = {0};
	if (!call_target(l->api, &l->options, op, l->r->arena, &target, &missing)) {
		l->skipped++;
		run_unsure(l->r, operation_name(l, op));
		return;
	}
	size_t n = call_headers(l->api, op, l->r->arena, wanted);
	l->calls++;
	if (call_send(l->r, &l->options, op->method.p, target, wanted, n, &answer, &err) != STATUS_OK) {
		l->unreachable++;
		run_unsure(l->r, operation_name(l, op));
		return;
	}
	judge(l, op, &answer, v);
	note_call(l, op, target, v);
	if (*v->broken)
		found_violation(l, op, target, &answer, v);
	if (call_send(l->r, &l->options, "OPTIONS", target, NULL, 0, &options, &err) == STATUS_OK && options.allow.p)
		look_at_allow(l, op, options.allow);
}

/* ---- what was taken out of the document and still answers, or changed on paper and is so already */

static struct verdict *verdict_of(struct look *l, struct verdict *all, struct span operation)
{
	for (size_t i = 0; i < l->operations_n; i++)
		if (span_eq(operation_name(l, &l->operations[i]), operation))
			return &all[i];
	return NULL;
}

static const char *is_live(struct look *l, struct verdict *all, const struct api_change *c)
{
	struct verdict *v = verdict_of(l, all, c->operation);
	if (v)
		return v->called && *v->clients ? v->clients : NULL;
	/* What several operations share: one of them that breaks clients is enough. */
	for (size_t i = 0; span_starts(c->operation, SPAN("components/")) && i < l->operations_n; i++)
		if (all[i].called && *all[i].clients)
			return all[i].clients;
	return NULL;
}

/* Operations of the earlier version that are gone from the document: called, too, to see whether clients still have them. */
static void call_removed(struct look *l, const struct api_change *c)
{
	struct span target, missing;
	struct answer answer;
	struct err err = {0};
	for (size_t i = 0; i < l->base_n; i++) {
		const struct api_operation *op = &l->base_operations[i];
		if (!span_eq(operation_name(l, op), c->operation) || !is_wanted(l, op) ||
		    !call_target(l->base, &l->options, op, l->r->arena, &target, &missing))
			continue;
		l->calls++;
		if (call_send(l->r, &l->options, op->method.p, target, NULL, 0, &answer, &err) != STATUS_OK) {
			l->unreachable++;
			found_change(l, c, NULL);
			return;
		}
		char live[64];
		snprintf(live, sizeof live, "it answers %d", answer.status);
		found_change(l, c, answer.status == 404 || answer.status == 405 || answer.status == 410 ? live : NULL);
		return;
	}
	found_change(l, c, NULL);
}

static void join(struct look *l, struct verdict *all)
{
	for (size_t i = 0; i < l->changes.n && !run_pause(l->r); i++) {
		const struct api_change *c = &l->changes.all[i];
		if (c->rule->level == API_INFO)
			break;
		bool removed = strcmp(c->rule->id, "path-removed") == 0 || strcmp(c->rule->id, "operation-removed") == 0;
		if (removed && l->options.server.n)
			call_removed(l, c);
		else
			found_change(l, c, c->rule->level == API_BREAKING ? is_live(l, all, c) : NULL);
	}
}

/* ---- the run */

static void write_result(struct look *l)
{
	struct json_writer w = {.out = &l->r->result};
	json_begin_object(&w);
	json_kv_i64(&w, "operations", (int64_t)l->operations_n);
	json_kv_i64(&w, "breaking", (int64_t)l->changes.by_level[API_BREAKING]);
	json_kv_i64(&w, "warnings", (int64_t)l->changes.by_level[API_WARNING]);
	json_kv_i64(&w, "calls", (int64_t)l->calls);
	json_kv_i64(&w, "violations", (int64_t)l->violations);
	json_kv_i64(&w, "unreachable", (int64_t)l->unreachable);
	json_kv_i64(&w, "skipped", (int64_t)l->skipped);
	json_kv_i64(&w, "unchecked", (int64_t)l->unchecked);
	json_kv_i64(&w, "broken_references", (int64_t)api_broken_references(l->api));
	json_key(&w, SPAN("called"));
	json_end_array(&l->out);
	json_put(&w, (struct json){buf_span(&l->calls_out), JSON_ARRAY});
	json_end_object(&w);
	snprintf(l->r->summary, sizeof l->r->summary,
	         "%zu operations, %zu calls: %zu not as documented, %zu unreachable, %zu left out; %zu breaking changes, %zu warnings",
	         l->operations_n, l->calls, l->violations, l->unreachable, l->skipped, l->changes.by_level[API_BREAKING],
	         l->changes.by_level[API_WARNING]);
}

static enum status look_at_all(struct look *l, struct err *err)
{
	size_t most = (size_t)(l->options.max_calls.set ? l->options.max_calls.v : CONTRACT_CALLS_DEFAULT);
	struct verdict *all = arena_zalloc(l->r->arena, (l->operations_n + 1) * sizeof *all);
	l->out.out = &l->calls_out;
	json_begin_array(&l->out);
	for (size_t i = 0; l->options.server.n && i < l->operations_n; i++) {
		run_step(l->r, (int)(10 + 80 * i / l->operations_n), "calls");
		if (pause_between(l))
			return err_set(err, STATUS_CANCELLED, "told to end");
		if (!is_wanted(l, &l->operations[i]))
			continue;
		if (l->calls < most) {
			call(l, &l->operations[i], &all[i]);
		} else {
			l->skipped++;
			run_unsure(l->r, operation_name(l, &l->operations[i]));
		}
	}
	if (l->calls && l->unreachable == l->calls)
		return err_retry(err, STATUS_UNAVAILABLE, "%.*s: none of %zu calls was answered", SPAN_ARG(l->options.server), l->calls);
	run_step(l->r, 95, "conclusions");
	join(l, all);
	write_result(l);
	return STATUS_OK;
}

static enum status look_with(struct look *l, struct err *err)
{
	run_step(l->r, 5, "documents");
	if (load(l, l->options.document, &l->api, err) != STATUS_OK)
		return err->status;
	if (l->options.base.n && load(l, l->options.base, &l->base, err) != STATUS_OK)
		return err->status;
	l->operations_n = api_operations(l->api, &l->operations);
	if (l->base) {
		l->base_n = api_operations(l->base, &l->base_operations);
		api_compare(l->base, l->api, &l->changes);
	}
	return look_at_all(l, err);
}

static enum status run(struct watch_run *r, struct err *err)
{
	struct look l = {.r = r};
	enum status s = read_options(r->watch->options, r->arena, &l.options, err);
	if (s == STATUS_OK)
		s = look_with(&l, err);
	api_changes_free(&l.changes);
	buf_free(&l.calls_out);
	api_free(l.base);
	api_free(l.api);
	return s;
}

const struct watcher watcher_contract = {
    .name = "contract",
    .summary = "an OpenAPI document: against an earlier version, against what is deployed, and both together",
    .schedule = "nightly",
    .feature = "contract",
    .check = check,
    .run = run,
};
