/* Runs of GitHub Actions, by the REST API: /repos/{owner}/{repo}/actions/runs. */
#include "services/watchers/source.h"

#define PAGE 100
#define PAGES_MAX 10

static enum status check(const struct diagnosis_source *o, struct err *err)
{
	const char *slash = o->repository.n ? memchr(o->repository.p, '/', o->repository.n) : NULL;
	if (!slash || slash == o->repository.p || slash == o->repository.p + o->repository.n - 1)
		return err_field(err, STATUS_INVALID, "repository", "repository: '%.*s' is not owner/name",
		                 SPAN_ARG(o->repository));
	return STATUS_OK;
}

static struct span text_of(struct json v, const char *pointer, struct arena *a)
{
	struct json m;
	json_pointer(v, pointer, &m);
	return json_text(m, a);
}

static enum diagnosis_outcome outcome_of(struct span conclusion)
{
	if (span_is(conclusion, "failure") || span_is(conclusion, "timed_out") || span_is(conclusion, "startup_failure"))
		return OUTCOME_FAILURE;
	return span_is(conclusion, "success") ? OUTCOME_SUCCESS : OUTCOME_NEITHER;
}

/* False when the run is older than what is wanted. */
static bool add_run(struct watch_run *r, const struct diagnosis_source *o, struct json run, int64_t since_ms,
                    struct diagnosis *d)
{
	int64_t at_ms = 0, begun_ms = 0;
	struct span name = text_of(run, "/name", r->arena), title = text_of(run, "/display_title", r->arena);
	rfc3339_parse(text_of(run, "/updated_at", r->arena), &at_ms);
	if (rfc3339_parse(text_of(run, "/created_at", r->arena), &begun_ms) && begun_ms < since_ms)
		return false;
	if (!span_is(text_of(run, "/status", r->arena), "completed"))
		return true;
	enum diagnosis_outcome outcome = outcome_of(text_of(run, "/conclusion", r->arena));
	diagnosis_add_run(
	    d, &(struct diagnosis_run){DIAGNOSIS_CI,
	                               arena_printf(r->arena, "%.*s %.*s", SPAN_ARG(o->repository), SPAN_ARG(name)),
	                               text_of(run, "/head_branch", r->arena),
	                               {0},
	                               text_of(run, "/head_sha", r->arena),
	                               outcome == OUTCOME_FAILURE
	                                   ? arena_printf(r->arena, "%.*s: %.*s",
	                                                  SPAN_ARG(text_of(run, "/conclusion", r->arena)), SPAN_ARG(title))
	                                   : (struct span){0},
	                               outcome,
	                               at_ms});
	return true;
}

static enum status pull(struct watch_run *r, const struct diagnosis_source *o, int64_t since_ms, struct diagnosis *d,
                        struct err *err)
{
	struct span base = o->url.n ? o->url : SPAN("https://api.github.com");
	for (int page = 1; page <= PAGES_MAX; page++) {
		scoped_buf url = {0};
		struct json v, runs, key, run;
		bool more = true;
		buf_printf(&url, "%.*s/repos/%.*s/actions/runs?per_page=%d&page=%d", SPAN_ARG(base), SPAN_ARG(o->repository),
		           PAGE, page);
		if (o->branch.n) {
			buf_adds(&url, "&branch=");
			source_url_encode(&url, o->branch);
		}
		if (source_get(r, url.data, o->token_env, &v, err) != STATUS_OK)
			return err->status;
		if (!json_member(v, SPAN("workflow_runs"), &runs))
			return err_set(err, STATUS_PROVIDER, "the answer of %.*s has no workflow_runs", SPAN_ARG(base));
		for (struct json_iter it = json_iter(runs); more && json_next(&it, &key, &run);)
			more = add_run(r, o, run, since_ms, d);
		if (!more || json_count(runs) < PAGE)
			return STATUS_OK;
		if (run_pause(r))
			return err_set(err, STATUS_CANCELLED, "told to end");
	}
	return STATUS_OK;
}

const struct signal_source signal_source_github = {SOURCE_GITHUB, "github", check, pull};
