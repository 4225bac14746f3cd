#include "bus/private_id.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bus/internal.h"
#include "bus/kv.h"
#include "bus/topology.h"
#include "core/hash.h"

#define KEY "message-ids"
/* A replica of the bucket that is a little behind may not know yet what the others have. */
#define TRIES 20
#define AGAIN_MS 50

static void format(const uint64_t words[2], char out[BUS_PRIVATE_ID_BYTES])
{
	for (unsigned i = 0; i < BUS_PRIVATE_ID_BYTES - 1; i++)
		out[i] = "0123456789abcdef"[words[i / 16] >> (60 - 4 * (i % 16)) & 15];
	out[BUS_PRIVATE_ID_BYTES - 1] = 0;
}

static bool parse(struct span s, uint64_t words[2])
{
	if (s.n != BUS_PRIVATE_ID_BYTES - 1)
		return false;
	words[0] = words[1] = 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *digits = "0123456789abcdef", *digit = memchr(digits, s.p[i], 16);
		if (!digit)
			return false;
		words[i / 16] = words[i / 16] << 4 | (uint64_t)(digit - digits);
	}
	return true;
}

static enum status read_key(struct bus *b, struct err *err)
{
	scoped_buf value = {0};
	enum status s = bus_kv_get(b, BUCKET_KEYS, KEY, &value, NULL, err);
	if (s == STATUS_OK && !parse(buf_span(&value), b->id_key))
		s = err_set(err, STATUS_INVALID, "bucket %s: %s is not 32 hexadecimal digits; delete it and start all services again",
		            BUCKET_KEYS, KEY);
	return s;
}

static enum status make_key(struct bus *b, struct err *err)
{
	uint64_t words[2];
	char value[BUS_PRIVATE_ID_BYTES];
	if (getrandom(words, sizeof words, 0) != sizeof words)
		return err_set(err, STATUS_INTERNAL, "no random numbers");
	format(words, value);
	enum status s = bus_kv_update(b, BUCKET_KEYS, KEY, span_from(value), 0, NULL, err);
	return s == STATUS_CONFLICT ? STATUS_OK : s;
}

enum status bus_private_ids_open(struct bus *b, struct err *err)
{
	enum status s = read_key(b, err);
	for (int try = 0; s == STATUS_NOT_FOUND && try < TRIES; try++) {
		if (try)
			usleep(AGAIN_MS * 1000);
		s = make_key(b, err);
		if (s == STATUS_OK)
			s = read_key(b, err);
	}
	b->has_id_key = s == STATUS_OK;
	return s;
}

void bus_private_id(const struct bus *b, const char *name, char out[BUS_PRIVATE_ID_BYTES])
{
	uint64_t words[2];
	if (!b->has_id_key)
		abort();
	hash128_keyed(b->id_key, span_from(name), words);
	format(words, out);
}
