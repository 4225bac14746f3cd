/* Reads the file once into rules that are cheap to match. */
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct script {
	struct arena memory;
	struct script_rule *rules;
	size_t n;
};

static enum status read_file(const char *path, struct buf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return err_field(err, STATUS_INVALID, "FAKE_SCRIPT", "cannot open %s: %s", path, strerror(errno));
	char *at;
	size_t n;
	out->max_bytes = SCRIPT_MAX_BYTES;
	while ((at = buf_reserve(out, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
		buf_commit(out, n);
	bool failed = ferror(f);
	fclose(f);
	if (failed || out->overflow)
		return err_field(err, STATUS_INVALID, "FAKE_SCRIPT", "%s is not a readable file of less than %zu bytes", path,
		                 SCRIPT_MAX_BYTES);
	return STATUS_OK;
}

static enum status read_answers(struct json answers, int64_t seed, struct arena *a, struct script_rule *ret,
                                struct err *err)
{
	struct json key, v;
	size_t n = json_count(answers);
	if (answers.type != JSON_ARRAY || !n)
		return err_set(err, STATUS_INVALID, "\"answers\" must be an array of at least one object");
	ret->answers = arena_alloc(a, n * sizeof *ret->answers);
	for (struct json_iter it = json_iter(answers); json_next(&it, &key, &v);) {
		struct behaviour *b = &ret->answers[ret->answers_n++];
		*b = behaviour_default(seed);
		if (v.type != JSON_OBJECT)
			return err_set(err, STATUS_INVALID, "\"answers\" must be an array of at least one object");
		enum status s = behaviour_parse_object(b, v, a, err);
		if (s != STATUS_OK)
			return s;
	}
	return STATUS_OK;
}

static enum status read_rule(struct json rule, int64_t seed, struct arena *a, struct script_rule *ret, struct err *err)
{
	const struct {
		const char *name;
		struct span *member;
	} patterns[] = {{"face", &ret->face}, {"model", &ret->model}, {"prompt", &ret->prompt}, {"key", &ret->key}};
	struct json key, v, answers = {0};
	for (struct json_iter it = json_iter(rule); json_next(&it, &key, &v);) {
		size_t i = 0;
		while (i < countof(patterns) && !json_text_is(key, span_from(patterns[i].name)))
			i++;
		if (i < countof(patterns) && v.type == JSON_STRING)
			*patterns[i].member = json_text(v, a);
		else if (i == countof(patterns) && json_text_is(key, SPAN("answers")))
			answers = v;
		else
			return err_set(err, STATUS_INVALID,
			               "%.*s: a rule has the strings face, model, prompt, key and the array answers",
			               (int)(key.text.n < 60 ? key.text.n : 60), key.text.p);
	}
	return read_answers(answers, seed, a, ret, err);
}

static enum status read_rules(struct script *s, struct span text, int64_t seed, struct err *err)
{
	struct json document, rules, key, v;
	enum status e = json_parse(arena_dup(&s->memory, text), &document, err);
	if (e != STATUS_OK)
		return e;
	if (!json_member(document, SPAN("rules"), &rules) || rules.type != JSON_ARRAY || json_count(document) != 1)
		return err_set(err, STATUS_INVALID, "the script must be {\"rules\": […]}");
	size_t n = json_count(rules);
	if (n > SCRIPT_RULES_MAX)
		return err_set(err, STATUS_INVALID, "%zu rules, at most %d are allowed", n, SCRIPT_RULES_MAX);
	s->rules = arena_zalloc(&s->memory, n * sizeof *s->rules + 1);
	for (struct json_iter it = json_iter(rules); json_next(&it, &key, &v); s->n++) {
		struct err inner = {0};
		e = read_rule(v, seed, &s->memory, &s->rules[s->n], &inner);
		if (e != STATUS_OK)
			return err_field(err, e, "FAKE_SCRIPT", "rule %zu: %s", s->n + 1, inner.msg);
	}
	return STATUS_OK;
}

enum status script_load(const char *path, int64_t seed, struct script **ret, struct err *err)
{
	scoped_buf text = {0};
	enum status e = path ? read_file(path, &text, err) : STATUS_OK;
	if (e != STATUS_OK)
		return e;
	struct script *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	e = path ? read_rules(s, buf_span(&text), seed, err) : STATUS_OK;
	if (e != STATUS_OK) {
		script_free(s);
		return e;
	}
	*ret = s;
	return STATUS_OK;
}

void script_free(struct script *s)
{
	if (!s)
		return;
	arena_free(&s->memory);
	free(s);
}

static bool matches(struct span text, struct span pattern)
{
	return !pattern.p || span_glob(text, pattern);
}

const struct script_rule *script_find(const struct script *s, struct span face, struct span model, struct span prompt,
                                      struct span key)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct script_rule *r = &s->rules[i];
		if (matches(face, r->face) && matches(model, r->model) && matches(key, r->key) && matches(prompt, r->prompt))
			return r;
	}
	return NULL;
}

size_t script_rules(const struct script *s)
{
	return s->n;
}
