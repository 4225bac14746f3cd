/* Formats numbers for people, in integer arithmetic. */
#include "services/cli/show.h"

#include <stdio.h>
#include <time.h>

void show_cost(struct buf *out, int64_t nanousd)
{
	uint64_t v = nanousd < 0 ? -(uint64_t)nanousd : (uint64_t)nanousd;
	buf_printf(out, "%s$%llu.%09llu", nanousd < 0 ? "-" : "", (unsigned long long)(v / 1000000000),
	           (unsigned long long)(v % 1000000000));
	for (size_t decimals = 9; decimals > 2 && !out->overflow && out->data[out->len - 1] == '0'; decimals--)
		out->data[--out->len] = 0;
}

void show_duration(struct buf *out, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	long long s = ms / 1000;
	if (ms < 1000)
		buf_printf(out, "%d ms", (int)ms);
	else if (ms < 10000)
		buf_printf(out, "%lld.%02d s", s, (int)(ms % 1000 / 10));
	else if (ms < 60000)
		buf_printf(out, "%lld.%d s", s, (int)(ms % 1000 / 100));
	else if (s < 3600)
		buf_printf(out, "%lldm %02llds", s / 60, s % 60);
	else if (s < 86400)
		buf_printf(out, "%lldh %02lldm", s / 3600, s / 60 % 60);
	else
		buf_printf(out, "%lldd %lldh", s / 86400, s / 3600 % 24);
}

void show_count(struct buf *out, int64_t n)
{
	char digits[24];
	size_t left = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n);
	for (const char *p = digits; left; p++, left--) {
		buf_addc(out, *p);
		if (*p != '-' && left > 1 && left % 3 == 1)
			buf_addc(out, ',');
	}
}

static void show_local(struct buf *out, int64_t wall_ms, const char *format)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	char text[32];
	if (localtime_r(&s, &tm) && strftime(text, sizeof text, format, &tm))
		buf_adds(out, text);
}

void show_time(struct buf *out, int64_t wall_ms)
{
	show_local(out, wall_ms, "%Y-%m-%d %H:%M:%S");
}

void show_clock(struct buf *out, int64_t wall_ms)
{
	show_local(out, wall_ms, "%H:%M:%S");
}

void show_age(struct buf *out, int64_t wall_ms, int64_t now_ms)
{
	int64_t s = now_ms > wall_ms ? (now_ms - wall_ms) / 1000 : 0;
	if (s < 60)
		buf_printf(out, "%llds", (long long)s);
	else if (s < 3600)
		buf_printf(out, "%lldm", (long long)s / 60);
	else if (s < 86400)
		buf_printf(out, "%lldh", (long long)s / 3600);
	else
		buf_printf(out, "%lldd", (long long)s / 86400);
}
