/* Numbers that look random and are the same for the same seed. */
#ifndef GANNET_FAKE_RANDOM_H
#define GANNET_FAKE_RANDOM_H

#include "core/hash.h"

struct randomness {
	uint64_t state;
};

static inline struct randomness random_of(int64_t seed, struct span key, int64_t n)
{
	return (struct randomness){hash64(key) ^ (uint64_t)seed * 0x9e3779b97f4a7c15 ^ (uint64_t)n << 32};
}

/* SplitMix64: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators" (2014). */
static inline uint64_t random_u64(struct randomness *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* In [0, 1). */
static inline double random_01(struct randomness *r)
{
	return (double)(random_u64(r) >> 11) * 0x1p-53;
}

#endif
