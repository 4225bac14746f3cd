/* Random identifiers from the kernel, drawn in bulk per thread. */
#include "core/id.h"

#include <stdlib.h>
#include <sys/random.h>

static unsigned char random_byte(void)
{
	static _Thread_local unsigned char pool[512];
	static _Thread_local size_t left;
	if (!left) {
		size_t got = 0;
		while (got < sizeof pool) {
			ssize_t n = getrandom(pool + got, sizeof pool - got, 0);
			if (n > 0)
				got += (size_t)n;
			/* n < 0 is EINTR only: getrandom(2) without flags fails for no other reason here */
		}
		left = sizeof pool;
	}
	return pool[--left];
}

void id_random(char out[ID_BYTES])
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	for (size_t i = 0; i < ID_BYTES - 1;) {
		unsigned v = random_byte() & 63; /* throw 62 and 63 away: no bias */
		if (v < 62)
			out[i++] = alphabet[v];
	}
	out[ID_BYTES - 1] = 0;
}

static bool is_token(struct span s, size_t max, bool upper)
{
	if (s.n < 1 || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool ok =
		    (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || (upper && c >= 'A' && c <= 'Z');
		if (!ok)
			return false;
	}
	return true;
}

bool id_is_job(struct span s)
{
	return is_token(s, JOB_ID_MAX, true);
}

bool id_is_tenant(struct span s)
{
	return is_token(s, TENANT_ID_MAX, false);
}

bool id_is_kind(struct span s)
{
	return is_token(s, 32, false);
}
