/* HMAC-SHA-256 (RFC 2104), for signatures of tokens and of what is posted to others. */
#ifndef GANNET_AUTH_HMAC_H
#define GANNET_AUTH_HMAC_H

#include "core/span.h"

/* False only when the library behind it refuses, e.g. for lack of memory. */
bool auth_hmac(struct span secret, struct span input, unsigned char out[32]);

#endif
