/* The system clock and RFC 3339, without the C library's time zone state. */
#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t system_wall_ms(const struct clock *c)
{
	(void)c;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_mono_ns(const struct clock *c)
{
	(void)c;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

const struct clock clock_system = {system_wall_ms, system_mono_ns};

static const _Atomic int64_t *moved_by_ms;

static int64_t moved_wall_ms(const struct clock *c)
{
	return system_wall_ms(c) + atomic_load_explicit(moved_by_ms, memory_order_relaxed);
}

static const struct clock clock_moved = {moved_wall_ms, system_mono_ns};

enum status clock_open_moved(const char *path, const struct clock **ret, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool fits = fd >= 0 && fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof *moved_by_ms;
	void *at = fits ? mmap(NULL, sizeof *moved_by_ms, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	int e = errno;
	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		return err_set(err, STATUS_INVALID, "%.200s: %s", path,
		               fd >= 0 && !fits ? "does not hold eight bytes" : strerror(e));
	moved_by_ms = at;
	*ret = &clock_moved;
	return STATUS_OK;
}

/* Days since 1970-01-01 and back: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (public domain). */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, int *m, int *d)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = yoe + era * 400 + (*m <= 2);
}

static char *two(char *p, int v)
{
	*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

char *rfc3339_format(int64_t wall_ms, char out[RFC3339_BYTES])
{
	int64_t days = wall_ms / 86400000, rest = wall_ms % 86400000, y;
	int m, d;
	if (rest < 0)
		rest += 86400000, days--;
	civil_from_days(days, &y, &m, &d);
	if (y < 0 || y > 9999) { /* outside RFC 3339: say the nearest end instead of lying about the middle */
		memcpy(out, y < 0 ? "0000-01-01T00:00:00.000Z" : "9999-12-31T23:59:59.999Z", 25);
		return out;
	}
	char *p = two(two(out, (int)y / 100), (int)y % 100);
	*p++ = '-', p = two(p, m), *p++ = '-', p = two(p, d), *p++ = 'T';
	p = two(p, (int)(rest / 3600000)), *p++ = ':', p = two(p, (int)(rest / 60000 % 60)), *p++ = ':';
	p = two(p, (int)(rest / 1000 % 60)), *p++ = '.';
	*p++ = (char)('0' + rest % 1000 / 100), p = two(p, (int)(rest % 100)), *p++ = 'Z', *p = 0;
	return out;
}

static bool digits(struct span s, size_t at, size_t n, int *ret)
{
	int v = 0;
	for (size_t i = at; i < at + n; i++) {
		if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*ret = v;
	return true;
}

static bool parse_offset(struct span s, size_t at, int *ret_minutes)
{
	int h, m;
	if (at + 1 == s.n && (s.p[at] == 'Z' || s.p[at] == 'z')) {
		*ret_minutes = 0;
		return true;
	}
	if (at + 6 != s.n || (s.p[at] != '+' && s.p[at] != '-') || s.p[at + 3] != ':' || !digits(s, at + 1, 2, &h) ||
	    !digits(s, at + 4, 2, &m) || h > 23 || m > 59)
		return false;
	*ret_minutes = (s.p[at] == '-' ? -1 : 1) * (h * 60 + m);
	return true;
}

bool rfc3339_parse(struct span s, int64_t *ret_wall_ms)
{
	static const char month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int y, mo, d, h, mi, sec, offset, ms = 0;
	if (s.n < 20 || !digits(s, 0, 4, &y) || s.p[4] != '-' || !digits(s, 5, 2, &mo) || s.p[7] != '-' ||
	    !digits(s, 8, 2, &d) || (s.p[10] != 'T' && s.p[10] != 't' && s.p[10] != ' ') || !digits(s, 11, 2, &h) ||
	    s.p[13] != ':' || !digits(s, 14, 2, &mi) || s.p[16] != ':' || !digits(s, 17, 2, &sec))
		return false;
	if (mo < 1 || mo > 12 || d < 1 || d > month_days[mo - 1] || h > 23 || mi > 59 || sec > 60)
		return false;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (mo == 2 && d == 29 && !leap)
		return false;
	size_t at = 19;
	if (s.p[at] == '.') {
		int scale = 100, v;
		for (at++; at < s.n && digits(s, at, 1, &v); at++, scale /= 10)
			ms += v * scale;
		if (s.p[at - 1] == '.')
			return false;
	}
	if (at >= s.n || !parse_offset(s, at, &offset))
		return false;
	if (sec == 60)
		sec = 59, ms = 999;
	int64_t days = days_from_civil(y, mo, d);
	*ret_wall_ms = ((days * 24 + h) * 60 + mi - offset) * 60000 + sec * 1000 + ms;
	return true;
}
