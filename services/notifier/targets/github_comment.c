/* Findings about a pull request as one comment on it, edited in place; only those with the label pull_request. */
#include <stdio.h>

#include "services/notifier/github.h"

static struct span pull_request(const struct entry *e, struct arena *a)
{
	struct json v;
	int64_t n;
	struct span text = json_member(e->members[0]->labels, SPAN("pull_request"), &v) ? json_text(v, a) : (struct span){0};
	return text.p && span_i64(text, &n) && n > 0 ? text : (struct span){0};
}

/* A reference is "<pull request>/<comment>". */
static enum status look_for(struct dealing *d, const struct entry *e, struct span number, struct reference *ret,
                            struct err *err)
{
	*ret = (struct reference){0};
	for (int page = 1; page <= GITHUB_PAGES_MAX; page++) {
		scoped_arena a = {0};
		struct json list, key, one, v;
		struct span path =
		    arena_printf(&a, "/issues/%.*s/comments?per_page=%d&page=%d", SPAN_ARG(number), GITHUB_PAGE, page);
		if (github_call(d, "GET", path.p, SPAN(""), &a, &list, err) != STATUS_OK)
			return err->status;
		struct span name = arena_printf(&a, "%.*s.%.*s", SPAN_ARG(e->tenant), SPAN_ARG(e->key));
		for (struct json_iter it = json_iter(list); json_next(&it, &key, &one);)
			if (json_member(one, SPAN("body"), &v) && span_eq(target_marked(json_text(v, &a)), name)) {
				github_reference(one, "id", &a, ret);
				return STATUS_OK;
			}
		if (json_count(list) < GITHUB_PAGE)
			break;
	}
	return STATUS_OK;
}

static enum status write_comment(struct dealing *d, const char *method, const char *path, const struct entry *e,
                                 struct arena *a, struct json *ret, struct err *err)
{
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	github_put_text(&w, e, false);
	json_end_object(&w);
	return github_call(d, method, path, buf_span(&body), a, ret, err);
}

/* Looks first, so that there is one comment whatever was forgotten. */
static enum status open_comment(struct dealing *d, const struct entry *e, struct reference *ret, struct err *err)
{
	scoped_arena a = {0};
	struct json answer;
	struct reference there;
	struct span number = pull_request(e, &a);
	if (!number.p)
		return err_field(err, STATUS_INVALID, "labels", "labels: a finding without pull_request has no place to be told");
	if (look_for(d, e, number, &there, err) != STATUS_OK)
		return err->status;
	struct span path = there.id[0] ? arena_printf(&a, "/issues/comments/%s", there.id)
	                               : arena_printf(&a, "/issues/%.*s/comments", SPAN_ARG(number));
	if (write_comment(d, there.id[0] ? "PATCH" : "POST", path.p, e, &a, &answer, err) != STATUS_OK)
		return err->status;
	github_reference(answer, "id", &a, ret);
	return ret->id[0] ? STATUS_OK : err_retry(err, STATUS_PROVIDER, "GitHub's answer has no id");
}

static enum status update(struct dealing *d, const struct entry *e, bool worse, const struct reference *at, struct err *err)
{
	scoped_arena a = {0};
	struct json answer;
	(void)worse; /* a comment tells nobody of a change, and is not meant to */
	struct span path = arena_printf(&a, "/issues/comments/%s", at->id);
	return write_comment(d, "PATCH", path.p, e, &a, &answer, err);
}

static enum status close_comment(struct dealing *d, const struct entry *e, bool closed, const struct reference *at,
                                 struct err *err)
{
	(void)closed; /* the text says so */
	return update(d, e, false, at, err);
}

const struct target_kind target_kind_github_comment = {
    .kind = "github_comment",
    .group_by = "[\"label:pull_request\"]",
    .check = github_check,
    .open = open_comment,
    .update = update,
    .close = close_comment,
};
