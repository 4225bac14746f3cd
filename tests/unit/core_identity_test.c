/* Identifiers and hashes: unguessable, well-formed, stable. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "core/hash.h"
#include "core/id.h"
#include "core/map.h"
#include "tests/lib/test.h"

TEST(random_ids_are_well_formed_distinct_and_use_the_whole_alphabet)
{
	struct map seen = {0};
	size_t counts[256] = {0};
	for (int i = 0; i < 20000; i++) {
		char id[ID_BYTES];
		id_random(id);
		CHECK_INT(strlen(id), ID_BYTES - 1);
		CHECK(id_is_job(span_from(id)));
		CHECK_MSG(!map_put(&seen, span_from(id), &seen), "%s came twice", id);
		for (char *p = id; *p; p++)
			counts[(unsigned char)*p]++;
	}
	/* 440,000 characters over 62: 7,097 each, a standard deviation of 84. */
	for (const char *p = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; *p; p++)
		CHECK_MSG(counts[(unsigned char)*p] > 6400 && counts[(unsigned char)*p] < 7800, "'%c' came %zu times", *p,
		          counts[(unsigned char)*p]);
	map_free(&seen);
}

static void *draw(void *out)
{
	for (int i = 0; i < 100; i++)
		id_random((char *)out + (size_t)i * ID_BYTES);
	return NULL;
}

TEST(threads_draw_different_ids)
{
	static char ids[4][100 * ID_BYTES];
	pthread_t threads[4];
	struct map seen = {0};
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, draw, ids[i]) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 400; i++)
		CHECK(!map_put(&seen, span_from(ids[i / 100] + (size_t)(i % 100) * ID_BYTES), &seen));
	map_free(&seen);
}

TEST(ids_that_others_choose_are_checked)
{
	char longest[JOB_ID_MAX + 1];
	memset(longest, 'a', sizeof longest);
	CHECK(id_is_job(SPAN("A-z_09")) && id_is_job(span_of(longest, JOB_ID_MAX)));
	CHECK(!id_is_job(span_of(longest, JOB_ID_MAX + 1)) && !id_is_job(SPAN("")) && !id_is_job((struct span){0}));
	CHECK(id_is_tenant(SPAN("acme-1_x")) && id_is_tenant(span_of(longest, TENANT_ID_MAX)));
	CHECK(!id_is_tenant(SPAN("Acme")) && !id_is_tenant(span_of(longest, TENANT_ID_MAX + 1)) && !id_is_tenant(SPAN("")));
	CHECK(id_is_kind(SPAN("llm")) && !id_is_kind(SPAN("LLM")) && !id_is_kind(SPAN("")));
	for (int c = 0; c < 256; c++) {
		char text[] = {'a', (char)c};
		bool lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_',
		     upper = c >= 'A' && c <= 'Z';
		CHECK_MSG(id_is_job(span_of(text, 2)) == (lower || upper), "byte %d", c);
		CHECK_MSG(id_is_tenant(span_of(text, 2)) == lower && id_is_kind(span_of(text, 2)) == lower, "byte %d", c);
	}
}

/* Worked out by another implementation. */
TEST(wide_hashes_never_change)
{
	static const struct {
		const char *text;
		uint64_t hash[2];
	} rows[] = {
	    {"", {UINT64_C(0xefd01f60ba992926), UINT64_C(0x15e808486c711b04)}},
	    {"gannet", {UINT64_C(0x4ac802ee6d133533), UINT64_C(0x32b74ac2dbf9bba8)}},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		uint64_t h[2];
		hash128(span_from(rows[i].text), h);
		CHECK_MSG(h[0] == rows[i].hash[0] && h[1] == rows[i].hash[1], "\"%s\" became %016llx %016llx", rows[i].text,
		          (unsigned long long)h[0], (unsigned long long)h[1]);
	}
}

/* What OpenSSL's SIPHASH of 16 bytes says of 00, 01, 02 … under the key 00 01 … 0f. */
TEST(keyed_hashes_are_those_of_siphash)
{
	static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	static const struct {
		size_t n;
		const char *want;
	} rows[] = {{0, "a3817f04ba25a8e66df67214c7550293"},
	            {1, "da87c1d86b99af44347659119b22fc45"},
	            {8, "3b62a9ba6258f5610f83e264f31497b4"},
	            {15, "5493e99933b0a8117e08ec0f97cfc3d9"},
	            {63, "5150d1772f50834a503e069a973fbd7c"}};
	char text[64], hex[33];
	uint64_t h[2];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	for (size_t i = 0; i < countof(rows); i++) {
		hash128_keyed(key, span_of(text, rows[i].n), h);
		snprintf(hex, sizeof hex, "%016" PRIx64 "%016" PRIx64, __builtin_bswap64(h[0]), __builtin_bswap64(h[1]));
		CHECK_SPAN(span_from(hex), rows[i].want);
	}
}

TEST(every_bit_of_a_hash_depends_on_every_byte)
{
	char text[] = "0123456789abcdef";
	uint64_t base = hash64(SPAN("0123456789abcdef")), wide[2], other[2];
	hash128(SPAN("0123456789abcdef"), wide);
	int flips[3][64] = {0};
	for (int i = 0; i < 16 * 8; i++) {
		text[i / 8] ^= (char)(1 << i % 8);
		uint64_t h = hash64(span_of(text, 16)) ^ base;
		hash128(span_of(text, 16), other);
		for (int bit = 0; bit < 64; bit++) {
			flips[0][bit] += h >> bit & 1;
			flips[1][bit] += (other[0] ^ wide[0]) >> bit & 1;
			flips[2][bit] += (other[1] ^ wide[1]) >> bit & 1;
		}
		text[i / 8] ^= (char)(1 << i % 8);
	}
	for (int h = 0; h < 3; h++)
		for (int bit = 0; bit < 64; bit++)
			CHECK_MSG(flips[h][bit] > 32 && flips[h][bit] < 96, "hash %d, bit %d flipped %d times of 128", h, bit,
			          flips[h][bit]);
	CHECK(hash64(SPAN("")) != hash64(SPAN("\0")));
}
