/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/, and MurmurHash3's 64-bit finaliser. */
#include "core/hash.h"

#define FNV_PRIME UINT64_C(0x100000001b3)
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

uint64_t hash64(struct span s)
{
	uint64_t h = FNV_BASIS;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * FNV_PRIME;
	return mix(h);
}

void hash128(struct span s, uint64_t out[2])
{
	uint64_t a = FNV_BASIS, b = ~FNV_BASIS;
	for (size_t i = 0; i < s.n; i++) {
		a = (a ^ (unsigned char)s.p[i]) * FNV_PRIME;
		b = (b + (unsigned char)s.p[i]) * FNV_PRIME ^ b >> 29;
	}
	out[0] = mix(a ^ s.n);
	out[1] = mix(b + s.n);
}
