/* HMAC-SHA-256 by libcrypto. */
#include "auth/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

bool auth_hmac(struct span secret, struct span input, unsigned char out[32])
{
	unsigned n = 0;
	return HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)input.p, input.n, out, &n) && n == 32;
}
