/* Divisive change points by energy distance. */
#include "stats/change.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "stats/chance.h"

struct found {
	size_t *at;
	size_t n, cap;
};

static void add(struct found *f, size_t at)
{
	size_t i = f->n;
	for (size_t k = 0; k < f->n; k++)
		if (f->at[k] == at)
			return;
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		f->at = realloc(f->at, f->cap * sizeof *f->at);
		if (!f->at)
			abort();
	}
	for (; i > 0 && f->at[i - 1] > at; i--)
		f->at[i] = f->at[i - 1];
	f->at[i] = at;
	f->n++;
}

/* The split with the greatest energy distance between its sides. Moving one value over changes three sums. */
static size_t best_split(const double *v, size_t n)
{
	double left = 0, right = 0, between = 0, best = -1;
	size_t at = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			right += fabs(v[i] - v[k]);
	for (size_t i = 0; i + 1 < n; i++) {
		double to_left = 0, to_right = 0;
		for (size_t k = 0; k < i; k++)
			to_left += fabs(v[i] - v[k]);
		for (size_t k = i + 1; k < n; k++)
			to_right += fabs(v[i] - v[k]);
		left += to_left;
		right -= to_right;
		between += to_right - to_left;
		double a = (double)(i + 1), b = (double)(n - i - 1);
		if (i + 1 < CHANGE_SIDE_MIN || n - i - 1 < CHANGE_SIDE_MIN)
			continue;
		double energy = 2 * between / (a * b) - 2 * left / (a * a) - 2 * right / (b * b);
		double q = a * b / (a + b) * energy;
		if (q > best) {
			best = q;
			at = i + 1;
		}
	}
	return at;
}

static void divide(const double *v, size_t from, size_t to, struct found *f)
{
	if (to - from < 2 * CHANGE_SIDE_MIN)
		return;
	size_t at = best_split(v + from, to - from);
	if (!at || chance_means(v + from, at, v + from + at, to - from - at) > CHANGE_P_MAX)
		return;
	add(f, from + at);
	divide(v, from, from + at, f);
	divide(v, from + at, to, f);
}

static void sides(const struct found *f, size_t i, size_t n, size_t *ret_from, size_t *ret_to)
{
	size_t at = f->at[i], least = at > CHANGE_WINDOW ? at - CHANGE_WINDOW : 0;
	size_t most = n - at > CHANGE_WINDOW ? at + CHANGE_WINDOW : n;
	*ret_from = i && f->at[i - 1] > least ? f->at[i - 1] : least;
	*ret_to = i + 1 < f->n && f->at[i + 1] < most ? f->at[i + 1] : most;
}

static double p_of(const double *v, size_t n, const struct found *f, size_t i)
{
	size_t from, to;
	sides(f, i, n, &from, &to);
	return chance_means(v + from, f->at[i] - from, v + f->at[i], to - f->at[i]);
}

static void drop_weak(const double *v, size_t n, struct found *f)
{
	while (f->n) {
		size_t weakest = 0;
		double worst = -1;
		for (size_t i = 0; i < f->n; i++) {
			double p = p_of(v, n, f, i);
			if (p > worst) {
				worst = p;
				weakest = i;
			}
		}
		if (worst <= CHANGE_P_MAX)
			return;
		f->n--;
		for (size_t i = weakest; i < f->n; i++)
			f->at[i] = f->at[i + 1];
	}
}

static double mean(const double *v, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return n ? sum / (double)n : 0;
}

size_t change_points(const double *v, size_t n, struct change_point *ret, size_t max)
{
	struct found f = {0};
	for (size_t from = 0; from < n; from += CHANGE_WINDOW / 2) {
		bool last = n - from <= CHANGE_WINDOW;
		divide(v, from, last ? n : from + CHANGE_WINDOW, &f);
		if (last)
			break;
	}
	drop_weak(v, n, &f);
	for (size_t i = 0; i < f.n && i < max; i++) {
		size_t from, to, at = f.at[i];
		sides(&f, i, n, &from, &to);
		ret[i] = (struct change_point){at, mean(v + from, at - from), mean(v + at, to - at), p_of(v, n, &f, i)};
	}
	free(f.at);
	return f.n;
}
