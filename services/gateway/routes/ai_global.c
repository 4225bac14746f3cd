/* /ai/global: the last reasoning and its parts, a new one, the snapshot, and what was approved. */
#include <inttypes.h>
#include <stdio.h>

#include "contract/action.h"
#include "contract/reasoning.h"
#include "contract/rest.h"
#include "contract/snapshot.h"
#include "services/gateway/gateway.h"

#define RUN_TIMEOUT_MS 60000 /* sources may be slow */

static const int not_found[] = {404, 0}, not_found_or_conflict[] = {404, 409, 0};

/* Whether the client has this revision: If-None-Match with its tag, a list of tags or *. */
static bool is_known(struct span given, struct span tag)
{
	while (given.p) {
		struct span one = span_trim(span_cut(&given, ','));
		if (span_starts(one, SPAN("W/")))
			one = span_of(one.p + 2, one.n - 2);
		if (span_eq(one, tag) || span_is(one, "*"))
			return true;
	}
	return false;
}

/* From the copy of the bucket; without one, the service is asked, which also knows why there is none. */
static bool last_run(struct call *c)
{
	char key[REASONING_KEY_BYTES], tag[32];
	uint64_t revision;
	reasoning_key(span_from(c->who.tenant), key);
	struct http_body *body = copies_get(c->gateway->copies, key, &revision);
	if (!body)
		return false;
	snprintf(tag, sizeof tag, "\"%" PRIu64 "\"", revision);
	http_exchange_add_header(c->x, "ETag", tag);
	if (is_known(http_exchange_header(c->x, "If-None-Match"), span_from(tag))) {
		struct http_body *nothing = http_body_new(SPAN(""));
		call_answer_body(c, 304, NULL, nothing);
		http_body_unref(nothing);
	} else {
		call_answer_body(c, 200, "application/json", body);
	}
	http_body_unref(body);
	return true;
}

static enum status shape_run(struct json reply, struct arena *a, struct buf *out, struct err *err)
{
	struct reasoning r;
	if (json_decode(&reasoning_table, reply, JSON_LENIENT, a, &r, err) != STATUS_OK)
		return err_set(err, STATUS_PROVIDER, "the reasoning service answered what is no reasoning");
	const struct run_reply answer = {
	    .success = true,
	    .reasoning_id = r.reasoning_id,
	    .message = arena_printf(a, "AI reasoning completed successfully. Health: %s", health_names[r.summary->overall_health]),
	    .execution_time_ms = r.execution_time_ms,
	};
	json_encode(&run_reply_table, &answer, &(struct json_writer){.out = out});
	return STATUS_OK;
}

static enum status shape_recommendations(struct json reply, struct arena *a, struct buf *out, struct err *err)
{
	struct json list;
	(void)a;
	if (!json_member(reply, SPAN("recommendations"), &list) || list.type != JSON_ARRAY)
		return err_set(err, STATUS_PROVIDER, "the reasoning service answered no recommendations");
	buf_addspan(out, list.text);
	return STATUS_OK;
}

#define COMMON .roles = roles_leading
static const struct route rows[] = {
    {"GET", "/ai/global/last_run", "getLastRun", "The last reasoning: summary, recommendations, plan and their snapshot",
     "Answers with an ETag; a request with it in If-None-Match gets 304 as long as there is nothing newer.", COMMON,
     .verb = "reasoning.last", .request = &reasoning_request_table, .reply = "reasoning", .success = 200,
     .errors = not_found, .handle = last_run},
    {"POST", "/ai/global/run", "run", "Take a snapshot and reason on it now", NULL, COMMON, .verb = "reasoning.run",
     .request = &reasoning_request_table, .takes_body = true, .body_is_optional = true, .reply = "rest.run.reply",
     .success = 200, .timeout_ms = RUN_TIMEOUT_MS, .shape = shape_run},
    {"GET", "/ai/global/snapshot", "getSnapshot", "The last snapshot, without reasoning", NULL, COMMON,
     .verb = "snapshot.get", .request = &snapshot_get_request_table, .reply = "snapshot", .success = 200,
     .errors = not_found},
    {"GET", "/ai/global/recommendations", "getRecommendations", "The recommendations of the last reasoning",
     "The most urgent first.", COMMON, .verb = "reasoning.recommendations", .request = &reasoning_request_table,
     .reply = "reasoning.recommendation", .reply_is_array = true, .success = 200, .errors = not_found,
     .shape = shape_recommendations},
    {"GET", "/ai/global/summary", "getSummary", "The summary of the last reasoning", NULL, COMMON,
     .verb = "reasoning.summary", .request = &reasoning_request_table, .reply = "reasoning.summary", .success = 200,
     .errors = not_found},
    {"GET", "/ai/global/action-plan", "getActionPlan", "The action plan of the last reasoning", NULL, COMMON,
     .verb = "reasoning.action_plan", .request = &reasoning_request_table, .reply = "reasoning.action_plan",
     .success = 200, .errors = not_found},
    {"GET", "/ai/global/history", "getHistory", "Earlier reasonings, newest first", NULL, COMMON,
     .verb = "reasoning.history", .request = &history_request_table, .reply = "reasoning.history.reply", .success = 200},
    {"POST", "/ai/global/actions", "approveAction", "Approve a step of the plan, which runs it",
     "Approving a step twice runs it once. The caller is noted as who approved it.", COMMON, .scope = SCOPE_TENANT,
     .verb = "actions.approve", .request = &approve_request_table, .takes_body = true, .caller = "by",
     .reply = "action", .success = 202, .errors = not_found_or_conflict},
    {"GET", "/ai/global/actions", "listActions", "Approved actions and what became of them, newest first", NULL, COMMON,
     .verb = "actions.list", .request = &action_list_request_table, .reply = "actions.list.reply", .success = 200},
    {"GET", "/ai/global/actions/{action_id}", "getAction", "One action", NULL, COMMON, .verb = "actions.get",
     .request = &action_get_request_table, .reply = "action", .success = 200, .errors = not_found},
};

const struct route_area route_area_ai_global = {
    "Global worker", "What is known of the whole system, and what should be done about it.", rows, countof(rows)};
