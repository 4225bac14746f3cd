/* Random numbers that are the same for the same seed on every machine. */
#include "tests/chaos/chaos.h"

/* SplitMix64: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

struct random random_stream(uint64_t seed, uint64_t purpose, uint64_t n)
{
	struct random r = {seed};
	r.state = random_next(&r) ^ purpose;
	r.state = random_next(&r) ^ n;
	return (struct random){random_next(&r)};
}

int64_t random_between(struct random *r, int64_t least, int64_t most)
{
	return least + (int64_t)(random_next(r) % (uint64_t)(most - least + 1));
}

bool random_chance(struct random *r, double p)
{
	return (double)(random_next(r) >> 11) * 0x1p-53 < p;
}
