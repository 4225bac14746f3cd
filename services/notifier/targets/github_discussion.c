/* Findings as GitHub discussions, which only the GraphQL interface can write. */
#include <stdio.h>

#include "services/notifier/github.h"

static enum status check(const struct target *t, struct err *err)
{
	if (!t->is.category.n)
		return err_field(err, STATUS_INVALID, "category", "category: is required, the name of a category of discussions");
	return github_check(t, err);
}

static void put_repository(struct json_writer *w, const struct dealing *d)
{
	struct span owner, name;
	github_names(d->target, &owner, &name);
	json_kv_text(w, "owner", owner);
	json_kv_text(w, "name", name);
}

static enum status find_all(struct dealing *d, struct err *err)
{
	static const char query[] =
	    "query($owner:String!,$name:String!,$after:String){repository(owner:$owner,name:$name){discussions(first:100,"
	    "after:$after,orderBy:{field:CREATED_AT,direction:DESC}){nodes{id url closed body}pageInfo{hasNextPage endCursor}}}}";
	scoped_arena a = {0};
	struct span after = {0};
	for (int page = 0; page < GITHUB_PAGES_MAX; page++) {
		scoped_buf variables = {0};
		struct json_writer w = {.out = &variables};
		struct json data, nodes, key, node, v;
		json_begin_object(&w);
		put_repository(&w, d);
		json_kv_text(&w, "after", after);
		json_end_object(&w);
		if (github_graphql(d, query, buf_span(&variables), &a, &data, err) != STATUS_OK)
			return err->status;
		if (!json_pointer(data, "/repository/discussions/nodes", &nodes))
			return err_set(err, STATUS_PROVIDER, "GitHub shows no discussions of this repository");
		for (struct json_iter it = json_iter(nodes); json_next(&it, &key, &node);) {
			struct reference r;
			json_member(node, SPAN("body"), &v);
			struct span marked = target_marked(json_text(v, &a));
			github_reference(node, "id", &a, &r);
			json_member(node, SPAN("closed"), &v);
			json_bool(v, &r.closed);
			if (marked.p && r.id[0])
				dealing_saw(d, marked, &r);
		}
		bool more = false;
		json_pointer(data, "/repository/discussions/pageInfo/hasNextPage", &v);
		if (!json_bool(v, &more) || !more || !json_pointer(data, "/repository/discussions/pageInfo/endCursor", &v))
			break;
		after = json_text(v, &a);
	}
	return STATUS_OK;
}

/* The ids that GitHub has for the repository and its category. */
static enum status look_up(struct dealing *d, struct arena *a, struct span *ret_repository, struct span *ret_category,
                           struct err *err)
{
	static const char query[] = "query($owner:String!,$name:String!){repository(owner:$owner,name:$name){id "
	                            "discussionCategories(first:50){nodes{id name}}}}";
	scoped_buf variables = {0};
	struct json_writer w = {.out = &variables};
	struct json data, v, nodes, key, node, name;
	json_begin_object(&w);
	put_repository(&w, d);
	json_end_object(&w);
	if (github_graphql(d, query, buf_span(&variables), a, &data, err) != STATUS_OK)
		return err->status;
	json_pointer(data, "/repository/id", &v);
	*ret_repository = json_text(v, a);
	*ret_category = (struct span){0};
	json_pointer(data, "/repository/discussionCategories/nodes", &nodes);
	for (struct json_iter it = json_iter(nodes); json_next(&it, &key, &node);)
		if (json_member(node, SPAN("name"), &name) && json_text_is(name, d->target->is.category) &&
		    json_member(node, SPAN("id"), &v))
			*ret_category = json_text(v, a);
	if (!ret_repository->p || !ret_category->p)
		return err_field(err, STATUS_INVALID, "category", "category: the repository has no category of discussions \"%.*s\"",
		                 SPAN_ARG(d->target->is.category));
	return STATUS_OK;
}

static enum status open_discussion(struct dealing *d, const struct entry *e, struct reference *ret, struct err *err)
{
	static const char query[] =
	    "mutation($repository:ID!,$category:ID!,$title:String!,$body:String!){createDiscussion(input:{repositoryId:"
	    "$repository,categoryId:$category,title:$title,body:$body}){discussion{id url}}}";
	scoped_arena a = {0};
	scoped_buf variables = {0};
	struct json_writer w = {.out = &variables};
	struct span repository, category;
	struct json data, made;
	if (look_up(d, &a, &repository, &category, err) != STATUS_OK)
		return err->status;
	json_begin_object(&w);
	json_kv_text(&w, "repository", repository);
	json_kv_text(&w, "category", category);
	github_put_text(&w, e, true);
	json_end_object(&w);
	if (github_graphql(d, query, buf_span(&variables), &a, &data, err) != STATUS_OK)
		return err->status;
	json_pointer(data, "/createDiscussion/discussion", &made);
	github_reference(made, "id", &a, ret);
	return ret->id[0] ? STATUS_OK : err_retry(err, STATUS_PROVIDER, "GitHub's answer has no id");
}

/* A mutation of one discussion: `with` adds its variables besides the id. */
static enum status mutate(struct dealing *d, const char *query, const struct entry *e, struct span text,
                          const struct reference *at, struct err *err)
{
	scoped_arena a = {0};
	scoped_buf variables = {0};
	struct json_writer w = {.out = &variables};
	struct json data;
	json_begin_object(&w);
	json_kv_cstr(&w, "id", at->id);
	if (e)
		github_put_text(&w, e, true);
	if (text.p)
		json_kv_text(&w, "body", text);
	json_end_object(&w);
	return github_graphql(d, query, buf_span(&variables), &a, &data, err);
}

static enum status comment(struct dealing *d, struct span text, const struct reference *at, struct err *err)
{
	return mutate(d, "mutation($id:ID!,$body:String!){addDiscussionComment(input:{discussionId:$id,body:$body}){comment{id}}}",
	              NULL, text, at, err);
}

static enum status update(struct dealing *d, const struct entry *e, bool worse, const struct reference *at, struct err *err)
{
	scoped_arena a = {0};
	enum status s = mutate(d,
	                       "mutation($id:ID!,$title:String!,$body:String!){updateDiscussion(input:{discussionId:$id,title:"
	                       "$title,body:$body}){discussion{id}}}",
	                       e, (struct span){0}, at, err);
	if (s != STATUS_OK || !worse)
		return s;
	return comment(d, arena_printf(&a, "This is now **%s**.", severity_names[e->severity]), at, err);
}

static enum status close_discussion(struct dealing *d, const struct entry *e, bool closed, const struct reference *at,
                                    struct err *err)
{
	enum status s =
	    mutate(d,
	           closed ? "mutation($id:ID!){closeDiscussion(input:{discussionId:$id,reason:RESOLVED}){discussion{id}}}"
	                  : "mutation($id:ID!){reopenDiscussion(input:{discussionId:$id}){discussion{id}}}",
	           NULL, (struct span){0}, at, err);
	if (s != STATUS_OK)
		return s;
	return comment(d, closed ? entry_farewell(e) : SPAN("Found again."), at, err);
}

const struct target_kind target_kind_github_discussion = {
    .kind = "github_discussion",
    .summaries = true,
    .check = check,
    .find_all = find_all,
    .open = open_discussion,
    .update = update,
    .close = close_discussion,
};
