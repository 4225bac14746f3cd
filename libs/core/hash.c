/*
 * FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/, MurmurHash3's 64-bit finaliser, and SipHash,
 * https://www.aumasson.jp/siphash/siphash.pdf.
 */
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

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1], v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0], v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1], v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2], v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t little_endian(const char *p, size_t n)
{
	uint64_t word = 0;
	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)(unsigned char)p[i] << 8 * i;
	return word;
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

void hash128_keyed(const uint64_t key[2], struct span s, uint64_t out[2])
{
	uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
	                 key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
	size_t whole = s.n - s.n % 8;
	for (size_t i = 0; i < whole; i += 8)
		sip_word(v, little_endian(s.p + i, 8));
	sip_word(v, (uint64_t)s.n << 56 | little_endian(s.p + whole, s.n - whole));
	v[2] ^= 0xee;
	sip_rounds(v, 4);
	out[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	sip_rounds(v, 4);
	out[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}
