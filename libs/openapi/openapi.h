/* OpenAPI 3.0 and 3.1 documents: loading, looking things up, comparing two versions, and schemas of answers. */
#ifndef GANNET_OPENAPI_OPENAPI_H
#define GANNET_OPENAPI_OPENAPI_H

#include "core/map.h"
#include "json/json.h"

#define API_BYTES_MAX ((size_t)16 << 20) /* of a document, as JSON */
#define API_REFERENCES_MAX 64            /* $ref after $ref until a value comes */
#define API_CHANGES_MAX 20000            /* further ones are only counted */

/*
 * A loaded document. Immutable but for a cache of look-ups: one thread at a time. What is handed out lives as long as it.
 */
struct api;

/*
 * From JSON or YAML text (JSON is tried first where the text begins with '{'). INVALID names line or offset, or the
 * member at fault when it is no OpenAPI 3 document (swagger 2 is said to be that). $refs lead within the document only; a
 * $ref that leads nowhere is no error here but counts as an empty value: see api_broken_references().
 */
enum status api_load(struct span text, struct api **ret, struct err *err) must_check;
/* The same from a file. */
enum status api_load_file(const char *path, struct api **ret, struct err *err) must_check;
void api_free(struct api *a); /* NULL is fine */
struct json api_root(const struct api *a);
bool api_is_31(const struct api *a); /* 3.1 or newer: schemas are JSON Schema 2020-12 */
size_t api_broken_references(const struct api *a); /* so far */

/* Follows $ref until a value comes; absent when it leads nowhere or round. *ret_ref (may be NULL): the last $ref's text. */
struct json api_follow(struct api *a, struct json v, struct span *ret_ref);

/* ---- operations */

struct api_operation {
	struct span method; /* upper case */
	struct span path;   /* "/users/{id}" */
	struct json item, operation;
};
/* All of `paths` in the document's order. */
size_t api_operations(struct api *a, struct api_operation **ret);
/* Parameters of an operation, those of its path included unless it has its own of the same name and place; followed. */
size_t api_parameters(struct api *a, const struct api_operation *o, struct json **ret);

/* ---- comparing */

enum api_level { API_INFO, API_WARNING, API_BREAKING }; /* warning: breaks some clients */
extern const char *const api_level_names[];             /* info, warning, breaking, NULL */

struct api_rule {
	const char *id; /* "response-property-removed": stable for ever */
	enum api_level level;
	const char *text; /* of people; "%" stands for the subject */
};
extern const struct api_rule *const api_rules;
extern const size_t api_rules_n;
const struct api_rule *api_rule_find(struct span id); /* NULL when there is none */

struct api_change {
	const struct api_rule *rule;
	struct span operation;     /* "GET /users/{id}", or "components/schemas/User" for what several share */
	struct span place;         /* "response 200 application/json /items/[]/name" */
	struct span before, after; /* as written, cut; absent where there is nothing */
	struct span subject;       /* name or value that the change is about */
	size_t operations;         /* how many operations it touches */
	char fingerprint[25];      /* of rule, operation, place and subject: the same change has the same one */
};

struct api_changes {
	struct arena arena;
	struct api_change *all; /* breaking ones first, then by operation and place */
	size_t n, left_out, by_level[3];
};
/*
 * What a client of `base` would notice of `revision`. Requests and responses are judged the other way round: a server may
 * take more and promise more, never less. Robust against recursion and boolean schemas. The texts live in `ret`, the rest
 * in both documents. A schema that several operations share is compared once.
 */
void api_compare(struct api *base, struct api *revision, struct api_changes *ret);
void api_changes_free(struct api_changes *c);
/* One sentence. */
void api_change_text(const struct api_change *c, struct buf *out);

/* ---- validating */

/*
 * A JSON Schema 2020-12 document for `schema` (of `a`), with what it refers to in $defs and OpenAPI 3.0's own keywords
 * (nullable, boolean exclusiveMinimum) translated; members that are writeOnly (for answers) or readOnly (for requests)
 * are not required.
 */
void api_schema(struct api *a, struct json schema, bool answer, struct buf *out);

#endif
