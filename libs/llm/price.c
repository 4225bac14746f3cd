/* The price table, and what a call costs by it: exact integers of pico-dollars per token. */
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/map.h"
#include "json/table.h"
#include "llm/wire.h"

#define FILE_MAX ((size_t)1 << 20)
#define ROWS_MAX 20000
#define TIERS_MAX 4
#define KEY_MAX 200 /* bytes of "provider/model" */

extern const char prices_json[];
extern const size_t prices_json_len;

/* Pico-dollars per token: a dollar per million tokens is a million of them. UNPRICED: the class has no price. */
enum { INPUT, CACHE_READ, CACHE_WRITE, OUTPUT, CLASSES };
#define UNPRICED (-1)

struct tier {
	int64_t above; /* input tokens of all kinds; the first tier is above -1 */
	int64_t price[CLASSES];
};

struct price {
	int64_t from_ms;
	struct tier tiers[TIERS_MAX + 1];
	size_t tiers_n;
	struct span id;
	struct price *older; /* of the same model */
};

struct price_table {
	struct map newest; /* "provider/model" → struct price */
	struct arena memory;
};

/* ---- the file's rows */

/* Dollars per million tokens, as decimal text. */
struct amounts {
	struct span input, cache_read, cache_write, output;
};

struct price_row {
	struct span provider, model, from;
	struct amounts amounts;
	struct json tiers;
};

struct tier_row {
	int64_t above_input_tokens;
	struct amounts amounts;
};

struct price_file {
	struct span currency, unit;
	struct json prices;
};

static bool amount_parse(struct span s, int64_t *ret)
{
	struct span fraction = s, whole = span_cut(&fraction, '.');
	int64_t dollars, micros = 0;
	if (!whole.n || whole.n > 6 || whole.p[0] == '-' || !span_i64(whole, &dollars))
		return false;
	if (fraction.p) {
		if (!fraction.n || fraction.n > 6 || fraction.p[0] == '-' || !span_i64(fraction, &micros))
			return false;
		for (size_t i = fraction.n; i < 6; i++)
			micros *= 10;
	}
	*ret = dollars * 1000000 + micros;
	return true;
}

static const char *check_amount(struct span s)
{
	int64_t ignored;
	return amount_parse(s, &ignored) ? NULL : "dollars with up to 6 digits before and after the point";
}

static bool date_parse(struct span s, int64_t *ret_ms)
{
	char text[RFC3339_BYTES];
	int n = snprintf(text, sizeof text, "%.*sT00:00:00Z", (int)(s.n < 11 ? s.n : 11), s.p);
	return rfc3339_parse(span_of(text, (size_t)n), ret_ms);
}

static const char *check_date(struct span s)
{
	int64_t ignored;
	return date_parse(s, &ignored) ? NULL : "a day such as 2026-09-01";
}

static const char *check_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return "visible ASCII characters without spaces";
	return NULL;
}

#define AMOUNT_FIELD(type, which) JSON_FIELD_AS(type, amounts.which, #which, .check = check_amount)
#define AMOUNT_FIELDS(type)                                                                                            \
	AMOUNT_FIELD(type, input), AMOUNT_FIELD(type, cache_read), AMOUNT_FIELD(type, cache_write),                        \
	    AMOUNT_FIELD(type, output)

static const struct json_field price_row_fields[] = {
    JSON_FIELD(struct price_row, provider, .required = true, .min = 1, .max = 64, .check = check_name),
    JSON_FIELD(struct price_row, model, .required = true, .min = 1, .max = 128, .check = check_name),
    JSON_FIELD(struct price_row, from, .required = true, .check = check_date),
    AMOUNT_FIELDS(struct price_row),
    JSON_FIELD(struct price_row, tiers, .raw_types = JSON_ALLOW(JSON_ARRAY)),
};
static const struct json_table price_row_table = {"prices.row", sizeof(struct price_row), price_row_fields,
                                                  countof(price_row_fields)};

static const struct json_field tier_fields[] = {
    JSON_FIELD(struct tier_row, above_input_tokens, .required = true, .min = 0, .max = 1000000000),
    AMOUNT_FIELDS(struct tier_row),
};
static const struct json_table tier_table = {"prices.tier", sizeof(struct tier_row), tier_fields, countof(tier_fields)};

static const struct json_field file_fields[] = {
    JSON_FIELD(struct price_file, currency, .required = true),
    JSON_FIELD(struct price_file, unit, .required = true),
    JSON_FIELD(struct price_file, prices, .required = true, .raw_types = JSON_ALLOW(JSON_ARRAY)),
};
static const struct json_table file_table = {"prices", sizeof(struct price_file), file_fields, countof(file_fields)};

/* ---- loading */

static void take_amounts(const struct amounts *a, int64_t price[CLASSES])
{
	const struct span texts[CLASSES] = {a->input, a->cache_read, a->cache_write, a->output};
	for (size_t i = 0; i < CLASSES; i++)
		if (!texts[i].p || !amount_parse(texts[i], &price[i]))
			price[i] = UNPRICED;
}

static enum status take_tiers(struct json tiers, struct arena *a, struct price *p, struct err *err)
{
	struct json_iter it = json_iter(tiers);
	struct json key, v;
	while (json_next(&it, &key, &v)) {
		struct tier_row row;
		enum status s = json_decode(&tier_table, v, JSON_STRICT, a, &row, err);
		if (s != STATUS_OK)
			return s;
		if (p->tiers_n == countof(p->tiers) || row.above_input_tokens <= p->tiers[p->tiers_n - 1].above)
			return err_field(err, STATUS_INVALID, "tiers", "tiers: not at most %d in ascending order", TIERS_MAX);
		struct tier *t = &p->tiers[p->tiers_n++];
		t->above = row.above_input_tokens;
		take_amounts(&row.amounts, t->price);
	}
	return STATUS_OK;
}

static bool make_key(struct span provider, struct span model, char key[KEY_MAX], struct span *ret)
{
	if (provider.n + 1 + model.n > KEY_MAX)
		return false;
	char *end = mempcpy(key, provider.p, provider.n);
	*end++ = '/';
	end = mempcpy(end, model.p, model.n);
	*ret = span_of(key, (size_t)(end - key));
	return true;
}

/* Puts the row into its model's list, newest first. */
static enum status insert(struct price_table *t, struct span key, struct price *p, struct err *err)
{
	struct price *newest = map_get(&t->newest, key), **at = &newest;
	while (*at && (*at)->from_ms > p->from_ms)
		at = &(*at)->older;
	if (*at && (*at)->from_ms == p->from_ms)
		return err_field(err, STATUS_INVALID, "from", "from: %.*s has two prices from the same day", SPAN_ARG(key));
	p->older = *at;
	*at = p;
	map_put(&t->newest, key, newest);
	return STATUS_OK;
}

static enum status take_row(struct price_table *t, struct json v, struct arena *a, struct err *err)
{
	struct price_row row;
	enum status s = json_decode(&price_row_table, v, JSON_STRICT, a, &row, err);
	if (s != STATUS_OK)
		return s;
	struct price *p = arena_new(&t->memory, struct price);
	struct span of = span_is(row.model, "*") ? row.provider : row.model, key;
	char text[KEY_MAX];
	p->id = arena_printf(&t->memory, "%.*s@%.*s", SPAN_ARG(of), SPAN_ARG(row.from));
	p->tiers_n = 1;
	p->tiers[0].above = -1;
	take_amounts(&row.amounts, p->tiers[0].price);
	s = take_tiers(row.tiers, a, p, err);
	if (s != STATUS_OK)
		return s;
	/* Both cannot fail: the row was checked, and its names fit. */
	if (!date_parse(row.from, &p->from_ms) || !make_key(row.provider, row.model, text, &key))
		return err_set(err, STATUS_INTERNAL, "price row out of limits");
	return insert(t, key, p, err);
}

static enum status take_file(struct price_table *t, struct span text, const char *source, struct err *err)
{
	scoped_arena a = {0};
	struct json v, key;
	struct price_file file;
	struct err why;
	if (json_parse(text, &v, &why) != STATUS_OK ||
	    json_decode(&file_table, v, JSON_STRICT, &a, &file, &why) != STATUS_OK)
		return err_field(err, STATUS_INVALID, "GANNET_PRICES", "%s: %.200s", source, why.msg);
	if (!span_is(file.currency, "USD") || !span_is(file.unit, "per million tokens"))
		return err_field(err, STATUS_INVALID, "GANNET_PRICES", "%s: prices are in USD per million tokens only", source);
	struct json_iter it = json_iter(file.prices);
	for (size_t i = 0; json_next(&it, &key, &v); i++) {
		if (i == ROWS_MAX)
			return err_field(err, STATUS_INVALID, "GANNET_PRICES", "%s: more than %d prices", source, ROWS_MAX);
		if (take_row(t, v, &a, &why) != STATUS_OK)
			return err_field(err, STATUS_INVALID, "GANNET_PRICES", "%s: prices[%zu].%.200s", source, i, why.msg);
	}
	return STATUS_OK;
}

static enum status read_file(const char *path, struct buf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	out->max_bytes = FILE_MAX;
	char *at = buf_reserve(out, FILE_MAX);
	size_t n = f ? fread(at, 1, FILE_MAX, f) : 0;
	bool failed = !f || ferror(f) || !feof(f);
	if (f)
		fclose(f);
	buf_commit(out, n);
	if (failed)
		return err_field(err, STATUS_INVALID, "GANNET_PRICES",
		                 "GANNET_PRICES: %s is not a readable file under %zu bytes", path, FILE_MAX);
	return STATUS_OK;
}

const struct env_option price_option = {"GANNET_PRICES", ENV_TEXT, 0, NULL,
                                        .help = "file of prices to use instead of the built-in ones"};

enum status price_table_load(struct price_table **ret, struct err *err)
{
	const char *path = NULL;
	scoped_buf text = {0};
	enum status s = env_load(&price_option, 1, &path, err);
	if (s == STATUS_OK && path)
		s = read_file(path, &text, err);
	if (s != STATUS_OK)
		return s;
	struct price_table *t = calloc(1, sizeof *t);
	if (!t)
		return err_set(err, STATUS_INTERNAL, "out of memory");
	s = take_file(t, path ? buf_span(&text) : span_of(prices_json, prices_json_len), path ? path : "built-in prices",
	              err);
	if (s == STATUS_OK)
		*ret = t;
	else
		price_table_free(t);
	return s;
}

void price_table_free(struct price_table *p)
{
	if (!p)
		return;
	map_free(&p->newest);
	arena_free(&p->memory);
	free(p);
}

/* ---- looking up */

/* What providers put behind a model's name: a day, a month and day, a release. */
static bool is_release(struct span s)
{
	static const char *const forms[] = {"dddddddd", "dddd-dd-dd", "dddd", "ddd", "vd", "vdd", "latest"};
	for (size_t i = 0; i < countof(forms); i++) {
		size_t n = 0;
		while (n < s.n && forms[i][n] && (forms[i][n] == 'd' ? s.p[n] >= '0' && s.p[n] <= '9' : s.p[n] == forms[i][n]))
			n++;
		if (n == s.n && !forms[i][n])
			return true;
	}
	return false;
}

static const struct price *find_exact(const struct price_table *t, struct span provider, struct span model)
{
	char text[KEY_MAX];
	struct span key;
	return make_key(provider, model, text, &key) ? map_get(&t->newest, key) : NULL;
}

static const struct price *find(const struct price_table *t, struct span provider, struct span model,
                                int64_t at_wall_ms)
{
	const struct price *p = find_exact(t, provider, model);
	for (size_t n = model.n; !p && n-- > 1;)
		if (model.p[n] == '-' && is_release(span_of(model.p + n + 1, model.n - n - 1)))
			p = find_exact(t, provider, span_of(model.p, n));
	if (!p)
		p = find_exact(t, provider, SPAN("*"));
	while (p && p->from_ms > at_wall_ms)
		p = p->older;
	return p;
}

bool price_cost(const struct price_table *t, struct span provider, struct span model, const struct usage *u,
                int64_t at_wall_ms, int64_t *ret_nanousd, struct span *ret_price_id)
{
	const int64_t tokens[CLASSES] = {u->input_tokens, u->cache_read_tokens, u->cache_write_tokens, u->output_tokens};
	const struct price *p = find(t, provider, model, at_wall_ms);
	if (!p)
		return false;
	const struct tier *tier = p->tiers;
	for (size_t i = 1; i < p->tiers_n; i++)
		if (u->input_tokens + u->cache_read_tokens + u->cache_write_tokens > p->tiers[i].above)
			tier = &p->tiers[i];
	unsigned __int128 pico = 0;
	for (size_t i = 0; i < CLASSES; i++) {
		if (tokens[i] < 0 || (tokens[i] > 0 && tier->price[i] == UNPRICED))
			return false;
		if (tokens[i] > 0)
			pico += (unsigned __int128)tokens[i] * (unsigned __int128)tier->price[i];
	}
	unsigned __int128 nano = (pico + 500) / 1000;
	if (nano > INT64_MAX)
		return false;
	*ret_nanousd = (int64_t)nano;
	*ret_price_id = p->id;
	return true;
}
