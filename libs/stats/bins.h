/* Quantiles from counts in logarithmic bins: sketches that add up. */
#ifndef GANNET_STATS_BINS_H
#define GANNET_STATS_BINS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A value (a whole number from 0 on, milliseconds for instance) falls into the bin whose number is how many of the
 * edges ceil(2^(k/8)), k = 0…, without repetitions, are not greater than it: bin 0 holds 0, and up to 11 each number has
 * its own. Counts of equal bins add up, in any order, exactly. A quantile read from bins is off by at most
 * 2^(1/16) - 1 = 4.5 % (values from BINS_TOP on share the last bin).
 */
#define BINS_TOP ((int64_t)1 << 23) /* 2 h 20 min in ms */
#define BINS_MAX 192

/* All edges, ascending. */
const int64_t *bins_edges(size_t *ret_n);
size_t bins_of(int64_t value);
/* The value that stands for a bin: the geometric middle of what falls into it. */
double bins_value(size_t bin);
/* Quantile 0..1 of `counts` by bin; -1 when all are 0. */
double bins_quantile(const int64_t *counts, size_t n, double q);

#endif
