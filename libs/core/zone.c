/* TZif files (RFC 8536) and the POSIX rule in their footer. */
#include "core/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/zone_rule.h"

#define DAY_S 86400
#define NEAR_S (2 * DAY_S) /* no zone changes its offset twice within it */
#define HEADER_BYTES 44
#define DATABASE "/usr/share/zoneinfo"

struct zone {
	size_t n; /* transitions */
	int64_t *at_s;
	int32_t *offset_s; /* from at_s[i] on */
	int32_t first_offset_s;
	struct zone_rule rule; /* after the last transition */
};

/* ---- dates (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms") */

int64_t date_days(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void date_of_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097, day = days - era * 146097;
	int64_t of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t of_year = day - (365 * of_era + of_era / 4 - of_era / 100), month = (5 * of_year + 2) / 153;
	*ret_day = (int)(of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (int)(month < 10 ? month + 3 : month - 9);
	*ret_year = of_era + era * 400 + (*ret_month <= 2);
}

/* ---- reading */

static int64_t big_endian(const char *p, size_t n)
{
	uint64_t v = (p[0] & 0x80) ? UINT64_MAX : 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

struct counts {
	int64_t utc, standard, leaps, times, types, chars;
};

static bool read_header(struct span s, struct counts *ret)
{
	if (s.n < HEADER_BYTES || memcmp(s.p, "TZif", 4) != 0 || s.p[4] < '2')
		return false;
	*ret = (struct counts){big_endian(s.p + 20, 4), big_endian(s.p + 24, 4), big_endian(s.p + 28, 4),
	                       big_endian(s.p + 32, 4), big_endian(s.p + 36, 4), big_endian(s.p + 40, 4)};
	int64_t most = (int64_t)ZONE_FILE_MAX;
	return ret->utc >= 0 && ret->utc <= most && ret->standard >= 0 && ret->standard <= most && ret->leaps >= 0 &&
	       ret->leaps <= most && ret->times >= 0 && ret->times <= most && ret->types > 0 && ret->types <= 256 &&
	       ret->chars >= 0 && ret->chars <= most;
}

static size_t block_bytes(const struct counts *c, int64_t time_bytes)
{
	return (size_t)(c->times * (time_bytes + 1) + c->types * 6 + c->chars + c->leaps * (time_bytes + 4) + c->standard +
	                c->utc);
}

static struct zone *zone_new(size_t transitions)
{
	struct zone *z = calloc(1, sizeof *z);
	if (!z)
		abort();
	z->n = transitions;
	z->at_s = calloc(transitions + 1, sizeof *z->at_s);
	z->offset_s = calloc(transitions + 1, sizeof *z->offset_s);
	if (!z->at_s || !z->offset_s)
		abort();
	return z;
}

static bool read_block(struct zone *z, const char *p, const struct counts *c)
{
	const char *indices = p + c->times * 8, *types = indices + c->times;
	for (int64_t i = 0; i < c->times; i++) {
		int64_t type = (unsigned char)indices[i];
		z->at_s[i] = big_endian(p + i * 8, 8);
		if (type >= c->types || (i && z->at_s[i] <= z->at_s[i - 1]))
			return false;
		z->offset_s[i] = (int32_t)big_endian(types + type * 6, 4);
	}
	z->first_offset_s = (int32_t)big_endian(types, 4);
	for (size_t i = 0; i < z->n; i++)
		if (z->offset_s[i] > 2 * DAY_S || z->offset_s[i] < -2 * DAY_S)
			return false;
	return z->first_offset_s <= DAY_S && z->first_offset_s >= -DAY_S;
}

static bool read_footer(struct zone *z, struct span rest)
{
	if (rest.n < 2 || rest.p[0] != '\n')
		return false;
	struct span text = span_of(rest.p + 1, rest.n - 1);
	text = span_cut(&text, '\n');
	if (text.n)
		return zone_rule_parse(text, &z->rule);
	/* No rule: what was last goes on. */
	z->rule = (struct zone_rule){.standard_s = z->n ? z->offset_s[z->n - 1] : z->first_offset_s};
	return true;
}

enum status zone_parse(struct span tzif, struct zone **ret, struct err *err)
{
	struct counts c;
	if (tzif.n > ZONE_FILE_MAX || !read_header(tzif, &c) || block_bytes(&c, 4) > tzif.n - HEADER_BYTES)
		return err_set(err, STATUS_INVALID, "not a TZif file of version 2");
	size_t skip = HEADER_BYTES + block_bytes(&c, 4);
	struct span second = span_of(tzif.p + skip, tzif.n - skip);
	if (!read_header(second, &c) || block_bytes(&c, 8) > second.n - HEADER_BYTES)
		return err_set(err, STATUS_INVALID, "a TZif file that is cut short");
	size_t bytes = HEADER_BYTES + block_bytes(&c, 8);
	struct zone *z = zone_new((size_t)c.times);
	if (!read_block(z, second.p + HEADER_BYTES, &c) || !read_footer(z, span_of(second.p + bytes, second.n - bytes))) {
		zone_free(z);
		return err_set(err, STATUS_INVALID, "a TZif file with transitions or a rule that make no sense");
	}
	*ret = z;
	return STATUS_OK;
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);
	if (!n || n > ZONE_NAME_MAX || name[0] == '/' || strstr(name, "..") || strstr(name, "//"))
		return false;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == n;
}

enum status zone_load(const char *name, struct zone **ret, struct err *err)
{
	char path[sizeof DATABASE + ZONE_NAME_MAX + 2];
	if (strcmp(name, "UTC") == 0) {
		*ret = zone_new(0);
		return STATUS_OK;
	}
	if (!is_name(name))
		return err_set(err, STATUS_INVALID, "'%.80s' is not a time zone: a name such as UTC or Europe/Berlin", name);
	snprintf(path, sizeof path, "%s/%s", DATABASE, name);
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(err, STATUS_NOT_FOUND, "time zone '%s' is not in " DATABASE ": %s (package tzdata holds it)",
		               name, strerror(errno));
	scoped_buf text = {.max_bytes = ZONE_FILE_MAX + 1};
	char *at = buf_reserve(&text, ZONE_FILE_MAX);
	if (at)
		buf_commit(&text, fread(at, 1, ZONE_FILE_MAX, f));
	fclose(f);
	enum status s = zone_parse(buf_span(&text), ret, err);
	return s == STATUS_OK ? s : err_set(err, STATUS_INVALID, "time zone '%s': %s is no TZif file", name, path);
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->at_s);
	free(z->offset_s);
	free(z);
}

/* ---- asking */

int64_t zone_offset_s(const struct zone *z, int64_t utc_s)
{
	size_t low = 0, high = z->n;
	if (!z->n || utc_s >= z->at_s[z->n - 1])
		return zone_rule_offset_s(&z->rule, utc_s);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (z->at_s[middle] <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? z->offset_s[low - 1] : z->first_offset_s;
}

/* The first moment in (from, to] at which the offset is not that of `from`. */
static int64_t change_within(const struct zone *z, int64_t from_s, int64_t to_s)
{
	int64_t before = zone_offset_s(z, from_s);
	while (to_s - from_s > 1) {
		int64_t middle = from_s + (to_s - from_s) / 2;
		if (zone_offset_s(z, middle) == before)
			from_s = middle;
		else
			to_s = middle;
	}
	return to_s;
}

enum zone_local zone_from_local(const struct zone *z, int64_t local_s, int64_t ret_utc_s[2])
{
	int64_t before = zone_offset_s(z, local_s - NEAR_S), after = zone_offset_s(z, local_s + NEAR_S);
	int64_t early = local_s - (before > after ? before : after), late = local_s - (before > after ? after : before);
	bool early_holds = zone_offset_s(z, early) == local_s - early,
	     late_holds = zone_offset_s(z, late) == local_s - late;
	ret_utc_s[0] = early_holds ? early : late;
	ret_utc_s[1] = late;
	if (early_holds && late_holds && early != late)
		return ZONE_TWICE;
	if (early_holds || late_holds)
		return ZONE_ONCE;
	ret_utc_s[0] = change_within(z, early, late);
	return ZONE_NEVER;
}
