/* Turning JSON numbers into C ones and comparing them, exactly. */
#include "json/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPONENT_LIMIT 1000000000000 /* past it exponents are all the same: no document has that many digits */

static int64_t exponent_of(struct span text)
{
	bool negative = text.n && text.p[0] == '-';
	int64_t v = 0;
	for (size_t i = text.n && (negative || text.p[0] == '+'); i < text.n; i++)
		if (v < EXPONENT_LIMIT)
			v = v * 10 + (text.p[i] - '0');
	return negative ? -v : v;
}

struct decimal decimal_of(struct json number)
{
	struct decimal d = {.negative = number.text.p[0] == '-'};
	const char *p = number.text.p + d.negative, *end = number.text.p + number.text.n, *tail = p;
	while (tail < end && (*tail | 0x20) != 'e')
		tail++;
	const char *point = memchr(p, '.', (size_t)(tail - p));
	int64_t exponent = tail < end ? exponent_of(span_of(tail + 1, (size_t)(end - tail) - 1)) : 0;
	const char *units = point ? point : tail; /* where the digits of the whole part end */
	while (p < tail && (*p == '0' || *p == '.'))
		p++;
	if (p == tail)
		return d;
	while (tail[-1] == '0' || tail[-1] == '.')
		tail--;
	d.digits = span_of(p, (size_t)(tail - p));
	d.n = tail - p - (point && point > p && point < tail);
	d.exponent = exponent + (units > p ? units - p : units - p + 1);
	return d;
}

/* Takes the next digit off; past the last one they are all zero. */
static int next_digit(struct span *digits)
{
	if (digits->n && digits->p[0] == '.')
		*digits = span_of(digits->p + 1, digits->n - 1);
	if (!digits->n)
		return 0;
	int digit = digits->p[0] - '0';
	*digits = span_of(digits->p + 1, digits->n - 1);
	return digit;
}

static int compare_magnitude(struct decimal a, struct decimal b)
{
	if (!a.n || !b.n)
		return (a.n > 0) - (b.n > 0);
	if (a.exponent != b.exponent)
		return a.exponent < b.exponent ? -1 : 1;
	while (a.digits.n || b.digits.n) {
		int difference = next_digit(&a.digits) - next_digit(&b.digits);
		if (difference)
			return difference < 0 ? -1 : 1;
	}
	return 0;
}

int decimal_compare(struct decimal a, struct decimal b)
{
	bool a_below = a.negative && a.n, b_below = b.negative && b.n;
	if (a_below != b_below)
		return a_below ? -1 : 1;
	return a_below ? compare_magnitude(b, a) : compare_magnitude(a, b);
}

bool decimal_is_integer(struct decimal d)
{
	return d.exponent >= d.n;
}

static uint64_t times_mod(uint64_t a, uint64_t b, uint64_t modulus)
{
	return (uint64_t)((unsigned __int128)a * b % modulus);
}

static uint64_t power_of_ten_mod(int64_t exponent, uint64_t modulus)
{
	uint64_t result = 1 % modulus;
	for (uint64_t base = 10 % modulus; exponent; exponent >>= 1, base = times_mod(base, base, modulus))
		if (exponent & 1)
			result = times_mod(result, base, modulus);
	return result;
}

bool decimal_is_multiple(struct decimal d, struct decimal divisor)
{
	uint64_t modulus = 0, rest = 0;
	if (!d.n)
		return true;
	for (int64_t i = 0; i < divisor.n; i++)
		modulus = modulus * 10 + (uint64_t)next_digit(&divisor.digits);
	/* As whole numbers m × 10^x. The digits of `d` do not end in 0, so ten times anything whole cannot be what they
	 * say. */
	int64_t shift = (d.exponent - d.n) - (divisor.exponent - divisor.n);
	if (shift < 0)
		return false;
	for (int64_t i = 0; i < d.n; i++)
		rest = (times_mod(rest, 10, modulus) + (uint64_t)next_digit(&d.digits)) % modulus;
	return times_mod(rest, power_of_ten_mod(shift, modulus), modulus) == 0;
}

/* The usual case: nothing but up to 18 digits. */
static bool plain_i64(struct span text, int64_t *ret)
{
	bool negative = text.p[0] == '-';
	int64_t v = 0;
	if (text.n - negative > 18)
		return false;
	for (size_t i = negative; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (text.p[i] - '0');
	}
	*ret = negative ? -v : v;
	return true;
}

bool json_i64(struct json v, int64_t *ret)
{
	if (v.type != JSON_NUMBER)
		return false;
	if (plain_i64(v.text, ret))
		return true;
	struct decimal d = decimal_of(v);
	if (!decimal_is_integer(d) || d.exponent > 19)
		return false;
	int64_t whole = 0;
	for (int64_t i = 0; i < d.exponent && d.n; i++)
		if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_sub_overflow(whole, next_digit(&d.digits), &whole))
			return false;
	if (!d.negative && whole == INT64_MIN)
		return false;
	*ret = d.negative ? whole : -whole;
	return true;
}

/*
 * Doubles within 15 digits and 22 powers of ten come out of one exact multiplication or division (W. Clinger, "How to
 * read floating point numbers accurately"). Others go to strtod() as digits and exponent, so that no locale's decimal
 * point matters. 768 digits decide any rounding; of what follows only matters that it is not zero.
 */
#define F64_DIGITS 768
static double slow_f64(struct decimal d)
{
	char text[F64_DIGITS + 32];
	size_t n = 0;
	int64_t kept = d.n < F64_DIGITS ? d.n : F64_DIGITS;
	for (int64_t i = 0; i < kept; i++)
		text[n++] = (char)('0' + next_digit(&d.digits));
	if (d.n > kept) {
		text[n++] = '1';
		kept++;
	}
	int64_t exponent = d.exponent - kept;
	if (exponent > 99999)
		exponent = 99999;
	if (exponent < -99999)
		exponent = -99999;
	text[n++] = 'e';
	snprintf(text + n, sizeof text - n, "%d", (int)exponent);
	return strtod(text, NULL);
}

bool json_f64(struct json v, double *ret)
{
	static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	if (v.type != JSON_NUMBER)
		return false;
	struct decimal d = decimal_of(v);
	int64_t exponent = d.exponent - d.n;
	double magnitude;
	if (d.n <= 15 && exponent >= -22 && exponent <= 22) {
		int64_t whole = 0;
		for (int64_t i = 0; i < d.n; i++)
			whole = whole * 10 + next_digit(&d.digits);
		magnitude = exponent < 0 ? (double)whole / powers[-exponent] : (double)whole * powers[exponent];
	} else {
		magnitude = slow_f64(d);
	}
	if (!isfinite(magnitude))
		return false;
	*ret = d.negative ? -magnitude : magnitude;
	return true;
}
