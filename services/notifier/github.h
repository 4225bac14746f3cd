/* Calls to GitHub's REST and GraphQL interfaces. */
#ifndef GANNET_NOTIFIER_GITHUB_H
#define GANNET_NOTIFIER_GITHUB_H

#include "target.h"

#define GITHUB_API "https://api.github.com"
#define GITHUB_VERSION "2022-11-28"
#define GITHUB_PAGE 100
#define GITHUB_PAGES_MAX 100 /* of entries looked through */
#define GITHUB_BODY_MAX 65000 /* of a text; GitHub refuses more than 65,536 characters */

/* repository and secret are there and well-formed. */
enum status github_check(const struct target *t, struct err *err) must_check;
/*
 * One call; `path` begins with a slash and lies below the repository unless it begins with two. The answer is parsed
 * into `a`. Rate limits (429, 403 with retry-after or nothing remaining, GraphQL's RATE_LIMITED) are RATE_LIMITED,
 * retryable, and set d->wait_ms; 5xx and no answer are retryable; 404 and 410 NOT_FOUND.
 */
enum status github_call(struct dealing *d, const char *method, const char *path, struct span body, struct arena *a,
                        struct json *ret, struct err *err) must_check;
/* The answer's `data`. `variables` is a JSON object. */
enum status github_graphql(struct dealing *d, const char *query, struct span variables, struct arena *a, struct json *ret,
                           struct err *err) must_check;
/* Owner and name out of repository. */
void github_names(const struct target *t, struct span *ret_owner, struct span *ret_name);
/* Title and body members, with the entry's mark; without a title of its own it heads the body. */
void github_put_text(struct json_writer *w, const struct entry *e, bool title);
/* An issue's or a comment's answer: "number" or "id", and "html_url". */
void github_reference(struct json v, const char *id, struct arena *a, struct reference *ret);

#endif
