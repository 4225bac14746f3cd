/* From a model's name to the provider that has it, and to the models to try when it fails. */
#include "llm/llm.h"
#include "llm/wire.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 1024 /* patterns, configured and built in, and chains */

enum cause { CAUSE_ANY, CAUSE_CONTEXT, CAUSE_POLICY };

struct row {
	struct span pattern;
	size_t provider;  /* index into providers[] */
	struct span name; /* absent: the model's own; "*": without what comes before the pattern's star */
};

struct chain {
	struct span pattern;
	enum cause cause;
	struct span models; /* comma-separated */
};

struct llm_router {
	struct provider_config *configs; /* one for each of providers[] */
	struct row *rows;
	struct chain *chains;
	size_t rows_n, chains_n;
};

/* ---- the providers' own settings */

static enum status check_text(const struct env_option *o, const char *value, struct err *err)
{
	for (const char *p = value; *p; p++)
		if (*p <= ' ' || *p > '~')
			return err_field(err, STATUS_INVALID, o->name, "%s: only visible ASCII characters are allowed", o->name);
	if (o->offset == offsetof(struct provider_config, base_url))
		return wire_check_url(o->name, value, err);
	return STATUS_OK;
}

static size_t options_of(const struct provider *p)
{
	size_t n = 0;
	while (n < countof(p->options) && p->options[n].name)
		n++;
	return n;
}

static enum status load_provider(const struct provider *p, struct provider_config *c, struct err *err)
{
	size_t n = options_of(p);
	enum status s = env_load(p->options, n, c, err);
	for (size_t i = 0; i < n && s == STATUS_OK; i++) {
		const char *value = *(const char **)((char *)c + p->options[i].offset);
		if (value)
			s = check_text(&p->options[i], value, err);
	}
	return s;
}

/* Another server at the base URL may do without a key. */
static bool lacks_key(const struct provider *p, const struct provider_config *c)
{
	if (!p->needs_key || c->api_key)
		return false;
	for (size_t i = 0; i < options_of(p); i++)
		if (p->options[i].offset == offsetof(struct provider_config, base_url))
			return strcmp(c->base_url, p->options[i].fallback) == 0;
	return true;
}

/* ---- the operator's rows */

static enum status bad_row(const char *variable, struct span row, const char *allowed, struct err *err)
{
	return err_field(err, STATUS_INVALID, variable, "%s: \"%.*s\" is not %s", variable, (int)(row.n < 80 ? row.n : 80),
	                 row.p, allowed);
}

static enum status unknown_provider(struct span row, struct err *err)
{
	scoped_buf allowed = {0};
	buf_adds(&allowed, "pattern=provider[:name] with a provider out of");
	for (size_t i = 0; i < providers_n; i++)
		buf_printf(&allowed, "%s %s", i ? "," : "", providers[i]->name);
	return bad_row("GANNET_MODELS", row, allowed.data, err);
}

static enum status parse_row(struct span text, struct row *ret, struct err *err)
{
	struct span name = text, pattern = span_trim(span_cut(&name, '='));
	if (!pattern.n || !name.p)
		return bad_row("GANNET_MODELS", text, "pattern=provider[:name]", err);
	struct span provider = span_trim(span_cut(&name, ':'));
	*ret = (struct row){.pattern = pattern, .name = name.p ? span_trim(name) : name};
	while (ret->provider < providers_n && !span_is(provider, providers[ret->provider]->name))
		ret->provider++;
	if (ret->provider == providers_n)
		return unknown_provider(text, err);
	bool one_star_at_end = memchr(pattern.p, '*', pattern.n) == pattern.p + pattern.n - 1;
	if (name.p && (!ret->name.n || (span_is(ret->name, "*") && !one_star_at_end)))
		return bad_row("GANNET_MODELS", text, "prefix*=provider:* or pattern=provider:name", err);
	return STATUS_OK;
}

static enum status parse_chain(struct span text, struct chain *ret, struct err *err)
{
	static const struct {
		const char *pattern;
		enum cause cause;
	} endings[] = {{"*@context", CAUSE_CONTEXT}, {"*@policy", CAUSE_POLICY}};
	struct span models = text, pattern = span_trim(span_cut(&models, '='));
	if (!pattern.n || !span_trim(models).n)
		return bad_row("GANNET_FALLBACKS", text, "model=other,other2, model@context=… or model@policy=…", err);
	*ret = (struct chain){.pattern = pattern, .models = models};
	for (size_t i = 0; i < countof(endings); i++) {
		if (span_glob(pattern, span_from(endings[i].pattern))) {
			ret->pattern.n -= strlen(endings[i].pattern) - 1;
			ret->cause = endings[i].cause;
		}
	}
	return STATUS_OK;
}

static enum status too_many(const char *variable, struct err *err)
{
	return err_field(err, STATUS_INVALID, variable, "%s: more than %d rows", variable, ROWS_MAX);
}

static enum status load_rows(struct llm_router *r, const char *text, struct err *err)
{
	for (struct span rest = span_from(text); rest.p;) {
		struct span row = span_trim(span_cut(&rest, ','));
		if (!row.n)
			continue;
		if (r->rows_n == ROWS_MAX)
			return too_many("GANNET_MODELS", err);
		enum status s = parse_row(row, &r->rows[r->rows_n++], err);
		if (s != STATUS_OK)
			return s;
	}
	for (size_t i = 0; i < providers_n; i++)
		for (const char *const *pattern = providers[i]->models; *pattern && r->rows_n < ROWS_MAX; pattern++)
			r->rows[r->rows_n++] = (struct row){.pattern = span_from(*pattern), .provider = i};
	return STATUS_OK;
}

static enum status load_chains(struct llm_router *r, const char *text, struct err *err)
{
	for (struct span rest = span_from(text); rest.p;) {
		struct span row = span_trim(span_cut(&rest, ';'));
		if (!row.n)
			continue;
		if (r->chains_n == ROWS_MAX)
			return too_many("GANNET_FALLBACKS", err);
		enum status s = parse_chain(row, &r->chains[r->chains_n++], err);
		if (s != STATUS_OK)
			return s;
	}
	return STATUS_OK;
}

struct router_texts {
	const char *models, *fallbacks;
};
static const struct env_option router_options[] = {
    {"GANNET_MODELS", ENV_TEXT, offsetof(struct router_texts, models), "",
     .help = "pattern=provider[:name],… before the providers' own patterns"},
    {"GANNET_FALLBACKS", ENV_TEXT, offsetof(struct router_texts, fallbacks), "",
     .help = "model=other,other2;…, also model@context=… and model@policy=…"},
};

static enum status load(struct llm_router *r, struct err *err)
{
	struct router_texts texts;
	enum status s = env_load(router_options, countof(router_options), &texts, err);
	for (size_t i = 0; i < providers_n && s == STATUS_OK; i++)
		s = load_provider(providers[i], &r->configs[i], err);
	if (s == STATUS_OK)
		s = load_rows(r, texts.models, err);
	return s == STATUS_OK ? load_chains(r, texts.fallbacks, err) : s;
}

/* ---- the interface */

enum status llm_router_new(struct llm_router **ret, struct err *err)
{
	struct llm_router *r = calloc(1, sizeof *r);
	if (!r)
		return err_set(err, STATUS_INTERNAL, "out of memory");
	r->configs = calloc(providers_n, sizeof *r->configs);
	r->rows = calloc(ROWS_MAX, sizeof *r->rows);
	r->chains = calloc(ROWS_MAX, sizeof *r->chains);
	enum status s = r->configs && r->rows && r->chains ? load(r, err) : err_set(err, STATUS_INTERNAL, "out of memory");
	if (s == STATUS_OK)
		*ret = r;
	else
		llm_router_free(r);
	return s;
}

void llm_router_free(struct llm_router *r)
{
	if (!r)
		return;
	free(r->configs);
	free(r->rows);
	free(r->chains);
	free(r);
}

void llm_help(struct buf *out)
{
	env_help(router_options, countof(router_options), out);
	env_help(&price_option, 1, out);
	for (size_t i = 0; i < providers_n; i++)
		env_help(providers[i]->options, options_of(providers[i]), out);
}

static enum status unknown_model(const struct llm_router *r, struct span model, struct err *err)
{
	char clean[LLM_MESSAGE_MAX + 1];
	scoped_buf known = {0};
	for (size_t i = 0; i < r->rows_n; i++)
		buf_printf(&known, "%s%.*s", i ? ", " : "", SPAN_ARG(r->rows[i].pattern));
	return err_field(err, STATUS_UNPROCESSABLE, "model", "model: \"%.80s\" is none of %s", wire_message(model, clean).p,
	                 known.data);
}

enum status llm_route(const struct llm_router *r, struct span model, struct llm_route *ret, struct err *err)
{
	const struct row *row = r->rows, *end = r->rows + r->rows_n;
	while (row < end && !span_glob(model, row->pattern))
		row++;
	if (row == end)
		return unknown_model(r, model, err);
	const struct provider *p = providers[row->provider];
	const struct provider_config *c = &r->configs[row->provider];
	if (lacks_key(p, c))
		return err_field(err, STATUS_UNPROCESSABLE, "model", "model: \"%.*s\" is one of %s, which needs %s to be set",
		                 (int)(model.n < 80 ? model.n : 80), model.p, p->name, p->options[0].name);
	struct span name = row->name.p ? row->name : model;
	if (span_is(row->name, "*"))
		name = span_of(model.p + row->pattern.n - 1, model.n - row->pattern.n + 1);
	*ret = (struct llm_route){.provider = p, .config = c, .model = name};
	return STATUS_OK;
}

static const struct chain *find_chain(const struct llm_router *r, struct span model, enum cause cause)
{
	for (size_t i = 0; i < r->chains_n; i++)
		if (r->chains[i].cause == cause && span_glob(model, r->chains[i].pattern))
			return &r->chains[i];
	return NULL;
}

struct span llm_fallback(const struct llm_router *r, struct span model, const struct err *why, size_t n)
{
	const struct chain *chain = NULL;
	if (why && why->status == STATUS_TOO_LARGE && strcmp(why->field, "prompt") == 0)
		chain = find_chain(r, model, CAUSE_CONTEXT);
	else if (why && why->status == STATUS_FORBIDDEN)
		chain = find_chain(r, model, CAUSE_POLICY);
	if (!chain)
		chain = find_chain(r, model, CAUSE_ANY);
	for (struct span rest = chain ? chain->models : (struct span){NULL, 0}; rest.p;) {
		struct span other = span_trim(span_cut(&rest, ','));
		if (other.n && n-- == 0)
			return other;
	}
	return (struct span){NULL, 0};
}
