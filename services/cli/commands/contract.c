/* gannet contract: compares two versions of an OpenAPI document. */
#include "openapi/openapi.h"
#include "services/cli/command.h"
#include "services/cli/term.h"

struct contract {
	const char *fail_on, *show;
};
static struct contract config;

static const char *const fail_names[] = {"breaking", "warning", "info", "never", NULL};
static const char *const show_names[] = {"breaking", "warning", "info", NULL};
static const struct option options[] = {
    {"fail-on", NULL, "LEVEL", option_choice, offsetof(struct contract, fail_on), "breaking", .names = fail_names,
     .help = "exit with 8 when there is a change of this level or a worse one: breaking, warning, info or never"},
    {"show", NULL, "LEVEL", option_choice, offsetof(struct contract, show), "info", .names = show_names,
     .help = "leave out changes below this level: breaking, warning or info"},
};

static int level_named(const char *name)
{
	for (int i = 0; api_level_names[i]; i++)
		if (strcmp(name, api_level_names[i]) == 0)
			return i;
	return API_BREAKING + 1; /* never */
}

static void print_json(const struct api_changes *c, int least)
{
	scoped_buf out = {0}, text = {0};
	struct json_writer w = {.out = &out};
	json_begin_object(&w);
	for (int i = API_BREAKING; i >= API_INFO; i--)
		json_kv_i64(&w, api_level_names[i], (int64_t)c->by_level[i]);
	json_kv_i64(&w, "left_out", (int64_t)c->left_out);
	json_key(&w, SPAN("changes"));
	json_begin_array(&w);
	for (size_t i = 0; i < c->n && (int)c->all[i].rule->level >= least; i++) {
		const struct api_change *ch = &c->all[i];
		buf_reset(&text);
		api_change_text(ch, &text);
		json_begin_object(&w);
		json_kv_cstr(&w, "id", ch->rule->id);
		json_kv_cstr(&w, "level", api_level_names[ch->rule->level]);
		json_kv_text(&w, "operation", ch->operation);
		json_kv_text(&w, "place", ch->place);
		json_kv_text(&w, "text", buf_span(&text));
		if (ch->subject.p)
			json_kv_text(&w, "subject", ch->subject);
		if (ch->before.p)
			json_kv_text(&w, "before", ch->before);
		if (ch->after.p)
			json_kv_text(&w, "after", ch->after);
		json_kv_i64(&w, "operations", (int64_t)ch->operations);
		json_kv_cstr(&w, "fingerprint", ch->fingerprint);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	buf_addc(&out, '\n');
	cli_print(buf_span(&out));
}

static void print_text(const struct api_changes *c, int least)
{
	static const enum style styles[] = {STYLE_DIM, STYLE_YELLOW, STYLE_RED};
	bool colour = term_has_colour(1);
	scoped_buf out = {0};
	struct span operation = {0};
	for (size_t i = 0; i < c->n && (int)c->all[i].rule->level >= least; i++) {
		const struct api_change *ch = &c->all[i];
		if (!operation.p || !span_eq(operation, ch->operation) || (i && ch->rule->level != c->all[i - 1].rule->level)) {
			operation = ch->operation;
			buf_adds(&out, i ? "\n" : "");
			style_begin(&out, STYLE_BOLD, colour);
			buf_addspan(&out, operation);
			style_end(&out, STYLE_BOLD, colour);
			if (ch->operations > 1)
				buf_printf(&out, "  (%zu operations)", ch->operations);
			buf_addc(&out, '\n');
		}
		buf_adds(&out, "  ");
		style_text(&out, styles[ch->rule->level], colour, api_level_names[ch->rule->level]);
		buf_adds(&out, "  ");
		if (ch->place.n)
			buf_printf(&out, "%.*s: ", SPAN_ARG(ch->place));
		api_change_text(ch, &out);
		buf_adds(&out, "  ");
		style_text(&out, STYLE_DIM, colour, ch->rule->id);
		buf_addc(&out, '\n');
	}
	buf_printf(&out, "%s%zu breaking, %zu warnings, %zu others\n", c->n ? "\n" : "", c->by_level[API_BREAKING],
	           c->by_level[API_WARNING], c->by_level[API_INFO]);
	cli_print(buf_span(&out));
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	struct api *base = NULL, *revision = NULL;
	struct api_changes changes;
	struct err err;
	(void)n;
	if (api_load_file(arguments[0], &base, &err) != STATUS_OK || api_load_file(arguments[1], &revision, &err) != STATUS_OK) {
		struct err named = err;
		err_field(&named, err.status, err.field, "%.100s: %.200s", base ? arguments[1] : arguments[0], err.msg);
		api_free(base);
		return cli_fail(c, &named);
	}
	api_compare(base, revision, &changes);
	int least = level_named(config.show), fail = level_named(config.fail_on);
	bool found = false;
	for (int i = fail; i <= API_BREAKING; i++)
		found |= changes.by_level[i] > 0;
	if (c->global.json)
		print_json(&changes, least);
	else if (!c->global.quiet)
		print_text(&changes, least);
	api_changes_free(&changes);
	api_free(base);
	api_free(revision);
	return found ? OUTCOME_FOUND : OUTCOME_OK;
}

const struct command command_contract = {
    .name = "contract",
    .summary = "compare two versions of an OpenAPI document",
    .arguments = "OLD NEW",
    .details = "Both are files, JSON or YAML, OpenAPI 3.0 or 3.1. Changes that break clients come first. Requests and responses are\n"
               "judged the other way round: a server may take more and promise more, never less.\n\n"
               "  gannet contract main.yaml branch.yaml --show warning\n"
               "  gannet contract main.yaml branch.yaml --json | jq -r '.changes[] | select(.level==\"breaking\") | .text'",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
};
