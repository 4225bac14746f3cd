/* The schemas in proto/ and the field tables say the same, member by member and value by value. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "contract/job.h"
#include "contract/registry.h"
#include "json/schema.h"
#include "tests/lib/test.h"

static struct arena memory;

static struct span read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	CHECK_MSG(f != NULL, "there is no %s", path);
	struct buf text = {0};
	char *at;
	size_t n;
	while ((at = buf_reserve(&text, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
		buf_commit(&text, n);
	fclose(f);
	struct span copy = arena_dup(&memory, buf_span(&text));
	buf_free(&text);
	return copy;
}

static struct json parsed(struct span text)
{
	struct json v;
	struct err err;
	CHECK_MSG(json_parse(text, &v, &err) == STATUS_OK, "%s: %.*s", err.msg, (int)(text.n < 200 ? text.n : 200), text.p);
	return v;
}

static struct json member(struct json v, const char *name)
{
	struct json m;
	json_member(v, span_from(name), &m);
	return m;
}

/* ---- all tables of all rows, and those nested in them */

static const struct json_table *tables[256];
static size_t tables_n;

static void collect(const struct json_table *t)
{
	for (size_t i = 0; i < tables_n; i++)
		if (tables[i] == t)
			return;
	CHECK(tables_n < countof(tables));
	tables[tables_n++] = t;
	for (size_t i = 0; i < t->n; i++)
		if (t->fields[i].table)
			collect(t->fields[i].table);
}

static void collect_all(void)
{
	for (size_t i = 0; i < contract_rows_n; i++) {
		collect(contract_rows[i].table);
		if (contract_rows[i].reply)
			collect(contract_rows[i].reply);
	}
	CHECK(tables_n > 8);
}

static struct json document_of(const struct json_table *t)
{
	char path[256];
	snprintf(path, sizeof path, "proto/%s.json", t->title);
	return parsed(read_file(path));
}

static struct json_schema *schema_of(const struct json_table *t)
{
	char name[256];
	struct json_schema *s;
	struct err err;
	snprintf(name, sizeof name, "%s.json", t->title);
	CHECK_MSG(json_schema_load("proto", name, &s, &err) == STATUS_OK, "%s: %s", name, err.msg);
	return s;
}

/* Unknown members are errors where the schema says so. */
static enum json_strictness strictness_of(struct json document)
{
	return member(document, "additionalProperties").type == JSON_BOOL ? JSON_STRICT : JSON_LENIENT;
}

/* ---- members, one by one */

static void same_number(const char *where, struct json property, const char *keyword, bool wanted, double value)
{
	double said = 0;
	struct json v = member(property, keyword);
	CHECK_MSG((v.type == JSON_NUMBER) == wanted, "%s: %s is %s", where, keyword,
	          wanted ? "missing" : "not in the table");
	CHECK_MSG(!wanted || (json_f64(v, &said) && said == value), "%s: %s is %g in the schema and %g in the table", where,
	          keyword, said, value);
}

static void same_type(const char *where, struct json property, const char *type)
{
	struct json v = member(property, "type");
	CHECK_MSG(json_text_is(v, span_from(type)), "%s: the table says %s, the schema %.*s", where, type,
	          SPAN_ARG(v.text));
}

static void same_names(const char *where, struct json list, const char *const *names)
{
	struct json key, v;
	size_t n = 0;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v); n++)
		CHECK_MSG(names[n] && json_text_is(v, span_from(names[n])), "%s: enum %.*s is not what the table says", where,
		          SPAN_ARG(list.text));
	CHECK_MSG(n > 0 && !names[n], "%s: enum names are missing", where);
}

static void same_raw_types(const char *where, struct json property, unsigned allowed)
{
	struct json type = member(property, "type");
	if (!allowed)
		CHECK_MSG(type.type == JSON_ABSENT, "%s: any value in the table, not in the schema", where);
	else if (allowed == JSON_ALLOW(JSON_OBJECT))
		same_type(where, property, "object");
	else if (allowed == JSON_ALLOW(JSON_ARRAY))
		same_type(where, property, "array");
	else
		CHECK_MSG(type.type == JSON_ARRAY, "%s: several types in the table, not in the schema", where);
}

static void same_text(const char *where, struct json property, const struct json_field *f)
{
	same_type(where, property, "string");
	same_number(where, property, "minLength", f->min > 0, (double)f->min);
	same_number(where, property, "maxLength", f->max > 0, (double)f->max);
	bool narrowed = member(property, "pattern").type != JSON_ABSENT || member(property, "enum").type != JSON_ABSENT;
	CHECK_MSG(narrowed == (f->check != NULL), "%s: a check in the table is a pattern or enum in the schema", where);
}

static void same_member(const char *where, struct json property, const struct json_field *f)
{
	char nested[256];
	CHECK_MSG(member(property, "description").type == JSON_STRING, "%s has no description", where);
	switch (f->kind) {
	case JSON_KIND_TEXT:
		same_text(where, property, f);
		break;
	case JSON_KIND_RAW:
		same_raw_types(where, property, f->raw_types);
		break;
	case JSON_KIND_I64:
	case JSON_KIND_OPT_I64:
		same_type(where, property, "integer");
		same_number(where, property, "minimum", f->min || f->max, (double)f->min);
		same_number(where, property, "maximum", f->min || f->max, (double)f->max);
		break;
	case JSON_KIND_F64:
	case JSON_KIND_OPT_F64:
		same_type(where, property, "number");
		same_number(where, property, "minimum", f->fmin != 0 || f->fmax != 0, f->fmin);
		same_number(where, property, "maximum", f->fmin != 0 || f->fmax != 0, f->fmax);
		break;
	case JSON_KIND_BOOL:
	case JSON_KIND_OPT_BOOL:
		same_type(where, property, "boolean");
		break;
	case JSON_KIND_ENUM:
		same_type(where, property, "string");
		same_names(where, member(property, "enum"), f->names);
		break;
	case JSON_KIND_TIME:
		same_type(where, property, "string");
		CHECK_MSG(json_text_is(member(property, "format"), SPAN("date-time")), "%s is a time", where);
		break;
	case JSON_KIND_OBJECT:
		snprintf(nested, sizeof nested, "%s.json", f->table->title);
		CHECK_MSG(json_text_is(member(property, "$ref"), span_from(nested)), "%s is a %s", where, nested);
		break;
	}
}

static bool is_listed(struct json list, const char *name)
{
	struct json key, v;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);)
		if (json_text_is(v, span_from(name)))
			return true;
	return false;
}

static void same_members(const struct json_table *t)
{
	struct json document = document_of(t), properties = member(document, "properties"),
	            required = member(document, "required");
	size_t required_n = 0;
	CHECK_MSG(json_text_is(member(document, "title"), span_from(t->title)), "proto/%s.json has another title",
	          t->title);
	CHECK_MSG(member(document, "description").type == JSON_STRING, "proto/%s.json has no description", t->title);
	for (size_t i = 0; i < t->n; i++) {
		char where[256];
		struct json property = member(properties, t->fields[i].name);
		snprintf(where, sizeof where, "%s.%s", t->title, t->fields[i].name);
		CHECK_MSG(property.type == JSON_OBJECT, "%s is not in the schema", where);
		same_member(where, property, &t->fields[i]);
		CHECK_MSG(is_listed(required, t->fields[i].name) == t->fields[i].required, "%s is required on one side only",
		          where);
		required_n += t->fields[i].required;
	}
	CHECK_MSG(json_count(properties) == t->n, "proto/%s.json has members that the table lacks", t->title);
	CHECK_MSG(json_count(required) == required_n, "proto/%s.json requires members that the table lacks", t->title);
}

TEST(tables_and_schemas_have_the_same_members)
{
	collect_all();
	for (size_t i = 0; i < tables_n; i++)
		same_members(tables[i]);
	arena_free(&memory);
}

TEST(tables_are_well_formed)
{
	collect_all();
	for (size_t i = 0; i < tables_n; i++) {
		const struct json_table *t = tables[i];
		CHECK_MSG(t->n <= 64, "%s has %zu members", t->title, t->n);
		for (size_t j = 0; j < t->n; j++) {
			const struct json_field *f = &t->fields[j];
			CHECK_MSG(f->name_n == strlen(f->name) && f->offset < t->size, "%s.%s", t->title, f->name);
			CHECK_MSG((f->kind == JSON_KIND_ENUM) == (f->names != NULL), "%s.%s: names", t->title, f->name);
			CHECK_MSG((f->kind == JSON_KIND_OBJECT) == (f->table != NULL), "%s.%s: table", t->title, f->name);
			for (size_t k = 0; k < j; k++)
				CHECK_MSG(strcmp(f->name, t->fields[k].name) != 0, "%s.%s is there twice", t->title, f->name);
		}
	}
}

/* ---- examples */

TEST(examples_are_valid_by_schema_and_by_table)
{
	collect_all();
	for (size_t i = 0; i < tables_n; i++) {
		struct json key, example, examples = member(document_of(tables[i]), "examples");
		struct json_schema *s = schema_of(tables[i]);
		CHECK_MSG(json_count(examples) > 0, "proto/%s.json has no examples", tables[i]->title);
		for (struct json_iter it = json_iter(examples); json_next(&it, &key, &example);) {
			struct err err;
			void *object = arena_alloc(&memory, tables[i]->size);
			CHECK_MSG(json_schema_check(s, example, &err) == STATUS_OK, "proto/%s.json: %s", tables[i]->title, err.msg);
			CHECK_MSG(json_decode(tables[i], example, JSON_STRICT, &memory, object, &err) == STATUS_OK, "%s: %s",
			          tables[i]->title, err.msg);
		}
		json_schema_free(s);
	}
	arena_free(&memory);
}

TEST(examples_survive_decoding_and_encoding)
{
	collect_all();
	for (size_t i = 0; i < tables_n; i++) {
		struct json key, example, examples = member(document_of(tables[i]), "examples");
		struct json_schema *s = schema_of(tables[i]);
		for (struct json_iter it = json_iter(examples); json_next(&it, &key, &example);) {
			scoped_buf first = {0}, second = {0};
			struct err err;
			void *object = arena_alloc(&memory, tables[i]->size);
			CHECK_OK(json_decode(tables[i], example, JSON_STRICT, &memory, object, &err), err);
			json_encode(tables[i], object, &(struct json_writer){.out = &first});
			struct json again = parsed(buf_span(&first));
			CHECK_OK(json_schema_check(s, again, &err), err);
			CHECK_OK(json_decode(tables[i], again, JSON_STRICT, &memory, object, &err), err);
			json_encode(tables[i], object, &(struct json_writer){.out = &second});
			CHECK_SPAN(buf_span(&second), first.data);
		}
		json_schema_free(s);
	}
	arena_free(&memory);
}

/* ---- values: both sides must take and refuse the same ones */

struct probe {
	const struct json_table *table;
	struct json document, example;
	struct json_schema *schema;
};

static bool begins_with_name(const char *field, const char *name)
{
	size_t n = strlen(name);
	return strncmp(field, name, n) == 0 && (!field[n] || field[n] == '.' || field[n] == '/');
}

/* Whether the schema's error is about the member; what is inside a value that the table takes as it is, is the schema's alone. */
static bool is_about(const char *pointer, const char *name, const struct json_field *f)
{
	bool inside_counts = !f || f->kind != JSON_KIND_RAW || f->check_raw;
	return *pointer == '/' && begins_with_name(pointer + 1, name) && (inside_counts || !strchr(pointer + 1, '/'));
}

/*
 * The example with this value in the member; faults of other members, such as a state that now needs more, are left
 * aside. `f` is NULL for a member that nobody knows.
 */
static void agree(const struct probe *p, const struct json_field *f, const char *value)
{
	const char *name = f ? f->name : "no_such_member";
	scoped_buf text = {0};
	scoped_arena scratch = {0};
	struct json key, v;
	struct err by_schema = {0}, by_table = {0};
	json_key(&(struct json_writer){.out = &text}, span_from(name));
	buf_printf(&text, "%s", value);
	struct buf inside = text;
	text = (struct buf){0};
	buf_printf(&text, "{%s", inside.data);
	for (struct json_iter it = json_iter(p->example); json_next(&it, &key, &v);)
		if (!json_text_is(key, span_from(name)))
			buf_printf(&text, ",%.*s:%.*s", SPAN_ARG(key.text), SPAN_ARG(v.text));
	buf_addc(&text, '}');
	buf_free(&inside);
	struct json message = parsed(buf_span(&text));
	void *object = arena_alloc(&scratch, p->table->size);
	bool refused_by_schema =
	    json_schema_check(p->schema, message, &by_schema) != STATUS_OK && is_about(by_schema.field, name, f);
	enum json_strictness strictness = strictness_of(p->document);
	bool refused_by_table = json_decode(p->table, message, strictness, &scratch, object, &by_table) != STATUS_OK &&
	                        begins_with_name(by_table.field, name);
	CHECK_MSG(refused_by_schema == refused_by_table, "%s.%s: %.100s is %s by the schema and %s by the table: %s%s",
	          p->table->title, name, value, refused_by_schema ? "refused" : "taken",
	          refused_by_table ? "refused" : "taken", by_schema.msg, by_table.msg);
}

static void agree_on_numbers(const struct probe *p, const struct json_field *f)
{
	static const char *const steps[] = {"%lld", "%lld.0", "%llde0", "%lld.5"};
	char text[64];
	for (int64_t edge = 0; edge < 2; edge++) {
		for (int64_t by = -1; by <= 1; by++) {
			bool whole = f->kind == JSON_KIND_I64 || f->kind == JSON_KIND_OPT_I64;
			long long at = whole ? (edge ? f->max : f->min) + by : (long long)(edge ? f->fmax : f->fmin) + by;
			for (size_t i = 0; i < countof(steps); i++) {
				snprintf(text, sizeof text, steps[i], at);
				agree(p, f, text);
			}
		}
	}
}

static void agree_on_texts(const struct probe *p, const struct json_field *f)
{
	static const char *const texts[] = {"a",
	                                    "A",
	                                    "0",
	                                    "out-a",
	                                    "out-",
	                                    "a.b",
	                                    "a..b",
	                                    ".a",
	                                    "a.",
	                                    "a.*",
	                                    "a.>",
	                                    "a b",
	                                    "a-b_c",
	                                    "a/b:c@d",
	                                    "\\u00e9",
	                                    "\\n",
	                                    "\\\"",
	                                    "$",
	                                    "{",
	                                    "~",
	                                    "idle",
	                                    "stopped",
	                                    "high",
	                                    "low",
	                                    "default",
	                                    "pending",
	                                    "running",
	                                    "2026-01-02T03:04:05Z",
	                                    "2026-01-02",
	                                    "not_found",
	                                    "12345678901234567890"};
	scoped_buf text = {0};
	for (size_t i = 0; i < countof(texts); i++) {
		buf_reset(&text);
		buf_printf(&text, "\"%s\"", texts[i]);
		agree(p, f, text.data);
	}
	for (int64_t by = -1; by <= 1 && f->kind == JSON_KIND_TEXT; by++) {
		for (int64_t edge = 0; edge < 2; edge++) {
			buf_reset(&text);
			buf_addc(&text, '"');
			for (int64_t n = (edge ? f->max : f->min) + by; n > 0; n--)
				buf_addc(&text, f->check && n > 2 ? '1' : 'a');
			buf_addc(&text, '"');
			agree(p, f, text.data);
		}
	}
	for (size_t i = 0; f->names && f->names[i]; i++) {
		buf_reset(&text);
		buf_printf(&text, "\"%s\"", f->names[i]);
		agree(p, f, text.data);
	}
}

static void agree_on_values(const struct probe *p)
{
	static const char *const values[] = {"true",
	                                     "false",
	                                     "0",
	                                     "1",
	                                     "-1",
	                                     "0.5",
	                                     "1e3",
	                                     "1e400",
	                                     "123456789012345678901",
	                                     "\"\"",
	                                     "\"text\"",
	                                     "[]",
	                                     "[1]",
	                                     "[\"a\"]",
	                                     "[\"a\",null]",
	                                     "{}",
	                                     "{\"a\":\"b\"}",
	                                     "{\"a\":1}",
	                                     "{\"a\":{}}"};
	for (size_t i = 0; i < p->table->n; i++) {
		const struct json_field *f = &p->table->fields[i];
		for (size_t j = 0; j < countof(values); j++)
			agree(p, f, values[j]);
		agree_on_numbers(p, f);
		agree_on_texts(p, f);
	}
	agree(p, NULL, "1");
}

TEST(tables_and_schemas_take_and_refuse_the_same_values)
{
	collect_all();
	for (size_t i = 0; i < tables_n; i++) {
		struct json key;
		struct probe p = {.table = tables[i], .document = document_of(tables[i]), .schema = schema_of(tables[i])};
		struct json_iter it = json_iter(member(p.document, "examples"));
		CHECK(json_next(&it, &key, &p.example));
		agree_on_values(&p);
		json_schema_free(p.schema);
	}
	arena_free(&memory);
}

TEST(null_counts_as_left_out)
{
	collect_all();
	for (size_t i = 0; i < tables_n; i++) {
		for (size_t j = 0; j < tables[i]->n; j++) {
			scoped_buf text = {0};
			struct err err = {0};
			void *object = arena_alloc(&memory, tables[i]->size);
			buf_printf(&text, "{\"%s\":null}", tables[i]->fields[j].name);
			enum status s = json_decode(tables[i], parsed(buf_span(&text)), JSON_STRICT, &memory, object, &err);
			CHECK_MSG(s == STATUS_OK || strstr(err.msg, "is required"), "%s", err.msg);
		}
	}
	arena_free(&memory);
}

/* ---- files */

TEST(every_file_in_proto_is_a_valid_schema_with_valid_examples)
{
	struct dirent *e;
	size_t files = 0;
	DIR *d = opendir("proto");
	CHECK(d != NULL);
	while ((e = readdir(d))) {
		struct json_schema *s;
		struct err err;
		struct json key, example;
		char path[512];
		size_t n = strlen(e->d_name);
		if (n < 6 || strcmp(e->d_name + n - 5, ".json") != 0)
			continue;
		files++;
		snprintf(path, sizeof path, "proto/%s", e->d_name);
		struct json document = parsed(read_file(path));
		CHECK_MSG(json_schema_load("proto", e->d_name, &s, &err) == STATUS_OK, "%s: %s", path, err.msg);
		CHECK_MSG(json_text_is(member(document, "$schema"), SPAN("https://json-schema.org/draft/2020-12/schema")),
		          "%s has no $schema", path);
		CHECK_MSG(json_text_is(member(document, "title"), span_of(e->d_name, n - 5)), "%s has another title", path);
		for (struct json_iter it = json_iter(member(document, "examples")); json_next(&it, &key, &example);)
			CHECK_MSG(json_schema_check(s, example, &err) == STATUS_OK, "%s: %s", path, err.msg);
		json_schema_free(s);
	}
	closedir(d);
	CHECK(files >= 10);
	arena_free(&memory);
}

TEST(events_say_what_their_state_needs)
{
	static const char *const lacking[] = {
	    "\"state\":\"retrying\"",  "\"state\":\"retrying\",\"delay_ms\":1,\"retry_at\":\"2026-01-02T03:04:05Z\"",
	    "\"state\":\"failed\"",    "\"state\":\"rejected\"",
	    "\"state\":\"completed\"", "\"state\":\"progressed\"",
	};
	struct json_schema *s = schema_of(&job_event_table);
	for (size_t i = 0; i < countof(lacking); i++) {
		scoped_buf text = {0};
		struct err err;
		buf_printf(&text,
		           "{\"job_id\":\"a\",\"output_id\":\"out-a\",\"tenant\":\"t\",\"kind\":\"llm\",\"priority\":\"low\","
		           "\"run\":1,\"attempt\":1,"
		           "\"timestamp\":\"2026-01-02T03:04:05Z\",%s}",
		           lacking[i]);
		CHECK_MSG(json_schema_check(s, parsed(buf_span(&text)), &err) == STATUS_INVALID, "%s", lacking[i]);
	}
	json_schema_free(s);
}

/* Addresses have {names} where subjects have wildcards. */
static bool is_address_of(struct span address, struct span subject)
{
	while (address.p && subject.p) {
		struct span token = span_cut(&address, '.'), wanted = span_cut(&subject, '.');
		bool named = token.n && token.p[0] == '{';
		if (span_is(wanted, ">"))
			return named;
		if (span_is(wanted, "*") ? !named : !span_eq(token, wanted))
			return false;
	}
	return !address.p && !subject.p;
}

static bool is_described(struct span asyncapi, const char *subject)
{
	static const struct span key = {"address: ", 9};
	while (asyncapi.p) {
		struct span line = span_trim(span_cut(&asyncapi, '\n'));
		if (span_starts(line, key) && is_address_of(span_of(line.p + key.n, line.n - key.n), span_from(subject)))
			return true;
	}
	return false;
}

/* What travels over HTTP alone is in the other document. */
TEST(the_asyncapi_document_describes_every_subject_and_message)
{
	struct span asyncapi = read_file("proto/asyncapi.yaml"), openapi = read_file("proto/openapi.yaml");
	for (size_t i = 0; i < contract_rows_n; i++) {
		const struct contract_row *row = &contract_rows[i];
		const struct json_table *both[] = {row->table, row->reply};
		CHECK_MSG(!row->subject || is_described(asyncapi, row->subject), "%s has no channel in proto/asyncapi.yaml",
		          row->subject);
		for (size_t j = 0; j < 2; j++) {
			char reference[256];
			if (!both[j])
				continue;
			snprintf(reference, sizeof reference, "./%s.json", both[j]->title);
			bool is_rest = span_starts(span_from(both[j]->title), SPAN("rest."));
			struct span document = is_rest ? openapi : asyncapi;
			CHECK_MSG(memmem(document.p, document.n, reference, strlen(reference)), "%s is not in proto/%s.yaml", reference,
			          is_rest ? "openapi" : "asyncapi");
		}
	}
	arena_free(&memory);
}
