/* Hashing of bytes: fast for tables, wide for identities. */
#ifndef GANNET_CORE_HASH_H
#define GANNET_CORE_HASH_H

#include "core/span.h"

/* For hash tables: FNV-1a with a final avalanche (MurmurHash3 fmix64). Never stored, never sent. */
uint64_t hash64(struct span s);
/* Two independent 64-bit halves for identities derived from text (trace ids). Not cryptographic. Stable forever. */
void hash128(struct span s, uint64_t out[2]);
/* What nobody can compute without the key: SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012). Stable forever. */
void hash128_keyed(const uint64_t key[2], struct span s, uint64_t out[2]);

#endif
