/* Findings as GitHub issues. */
#include <stdio.h>

#include "services/notifier/github.h"

static enum status find_all(struct dealing *d, struct err *err)
{
	for (int page = 1; page <= GITHUB_PAGES_MAX; page++) {
		scoped_arena a = {0};
		char path[96];
		struct json list, key, issue, v;
		snprintf(path, sizeof path, "/issues?labels=gannet&state=all&per_page=%d&page=%d", GITHUB_PAGE, page);
		if (github_call(d, "GET", path, SPAN(""), &a, &list, err) != STATUS_OK)
			return err->status;
		for (struct json_iter it = json_iter(list); json_next(&it, &key, &issue);) {
			struct reference r;
			json_member(issue, SPAN("body"), &v);
			struct span marked = target_marked(json_text(v, &a));
			github_reference(issue, "number", &a, &r);
			json_member(issue, SPAN("state"), &v);
			r.closed = json_text_is(v, SPAN("closed"));
			/* Of two with the same mark the older one counts: the list begins with the newest. */
			if (marked.p && r.id[0])
				dealing_saw(d, marked, &r);
		}
		if (json_count(list) < GITHUB_PAGE)
			break;
	}
	return STATUS_OK;
}

static void put_labels(struct json_writer *w, const struct dealing *d, const struct entry *e)
{
	scoped_arena a = {0};
	struct json key, v;
	json_key(w, SPAN("labels"));
	json_begin_array(w);
	json_put_text(w, SPAN("gannet"));
	json_put_text(w, arena_printf(&a, "severity:%s", severity_names[e->severity]));
	for (struct json_iter it = json_iter(d->target->is.labels); json_next(&it, &key, &v);)
		json_put(w, v);
	json_end_array(w);
}

static enum status open_issue(struct dealing *d, const struct entry *e, struct reference *ret, struct err *err)
{
	scoped_arena a = {0};
	scoped_buf body = {0};
	struct json answer;
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	github_put_text(&w, e, true);
	put_labels(&w, d, e);
	json_end_object(&w);
	if (github_call(d, "POST", "/issues", buf_span(&body), &a, &answer, err) != STATUS_OK)
		return err->status;
	github_reference(answer, "number", &a, ret);
	return ret->id[0] ? STATUS_OK : err_retry(err, STATUS_PROVIDER, "GitHub's answer has no number");
}

static enum status comment(struct dealing *d, const struct reference *at, struct span text, struct err *err)
{
	scoped_arena a = {0};
	scoped_buf body = {0};
	struct json answer;
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_text(&w, "body", text);
	json_end_object(&w);
	struct span path = arena_printf(&a, "/issues/%s/comments", at->id);
	return github_call(d, "POST", path.p, buf_span(&body), &a, &answer, err);
}

/* `state` NULL leaves it as it is: a person may have closed the issue. */
static enum status edit(struct dealing *d, const struct entry *e, const char *state, const struct reference *at,
                        struct err *err)
{
	scoped_arena a = {0};
	scoped_buf body = {0};
	struct json answer;
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	github_put_text(&w, e, true);
	put_labels(&w, d, e);
	if (state)
		json_kv_cstr(&w, "state", state);
	json_end_object(&w);
	struct span path = arena_printf(&a, "/issues/%s", at->id);
	return github_call(d, "PATCH", path.p, buf_span(&body), &a, &answer, err);
}

static enum status update(struct dealing *d, const struct entry *e, bool worse, const struct reference *at, struct err *err)
{
	if (edit(d, e, NULL, at, err) != STATUS_OK)
		return err->status;
	if (!worse)
		return STATUS_OK;
	scoped_arena a = {0};
	return comment(d, at, arena_printf(&a, "This is now **%s**.", severity_names[e->severity]), err);
}

/* The state first: a comment that is missing after a crash is a smaller harm than one that is there twice. */
static enum status close_issue(struct dealing *d, const struct entry *e, bool closed, const struct reference *at,
                               struct err *err)
{
	if (edit(d, e, closed ? "closed" : "open", at, err) != STATUS_OK)
		return err->status;
	return comment(d, at, closed ? entry_farewell(e) : SPAN("Found again."), err);
}

const struct target_kind target_kind_github_issue = {
    .kind = "github_issue",
    .summaries = true,
    .check = github_check,
    .find_all = find_all,
    .open = open_issue,
    .update = update,
    .close = close_issue,
};
