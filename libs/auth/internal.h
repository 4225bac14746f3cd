/* What the files of this library share: keys, algorithms and the parts of a token. */
#ifndef GANNET_AUTH_INTERNAL_H
#define GANNET_AUTH_INTERNAL_H

#include <openssl/evp.h>

#include "auth/auth.h"
#include "json/json.h"

enum auth_algorithm { AUTH_HS256, AUTH_RS256, AUTH_ES256, AUTH_EDDSA, AUTH_ALGORITHMS };
extern const char *const auth_algorithm_names[];

#define AUTH_KID_MAX 128
struct auth_key {
	enum auth_algorithm algorithm;
	char kid[AUTH_KID_MAX + 1]; /* "": it has none */
	EVP_PKEY *pkey;             /* of all but HS256 */
	struct buf secret;          /* of HS256 */
};
struct auth_key_set {
	struct auth_key keys[AUTH_KEYS_MAX + 2]; /* and the secret and the public key of the options */
	size_t n;
};
void auth_key_set_free(struct auth_key_set *s);

/* key.c: what configuration gives. The name is for err->field. */
enum status auth_key_secret(struct auth_key_set *s, struct span secret, struct err *err) must_check;
enum status auth_key_pem(struct auth_key_set *s, struct span pem, struct err *err) must_check;
/* The algorithm of an asymmetric key; false for kinds and sizes that are not ours. */
bool auth_key_algorithm(const EVP_PKEY *pkey, enum auth_algorithm *ret);

/* jwk.c: RFC 7517. Keys of other kinds and uses are passed over; INVALID when it is no key set. */
enum status auth_jwks_add(struct auth_key_set *s, struct span document, struct err *err) must_check;

/* base64.c: RFC 4648 section 5 without padding; decoding refuses everything but the one right form. */
void auth_base64_encode(struct span bytes, struct buf *out);
bool auth_base64_decode(struct span text, struct buf *out);

/* jws.c: whether `signature` is the key's over `input`. */
bool auth_signature_holds(const struct auth_key *k, struct span input, struct span signature);
#define AUTH_ES256_BYTES 64 /* r and s, 32 bytes each */

/* claims.c: the payload's claims against the options. */
enum status auth_claims_check(const struct auth_options *o, struct json claims, int64_t now_ms,
                              struct auth_identity *ret, struct err *err) must_check;

/* cache.c: verified tokens by the SHA-256 of their bytes. */
struct auth_cache;
#define AUTH_DIGEST_BYTES 32
bool auth_digest(struct span token, unsigned char out[AUTH_DIGEST_BYTES]);
struct auth_cache *auth_cache_new(void);
void auth_cache_free(struct auth_cache *c);
/* Only what was put in under the same generation of keys. */
bool auth_cache_get(struct auth_cache *c, const unsigned char digest[AUTH_DIGEST_BYTES], uint64_t generation,
                    int64_t now_ms, struct auth_identity *ret);
void auth_cache_put(struct auth_cache *c, const unsigned char digest[AUTH_DIGEST_BYTES], uint64_t generation,
                    const struct auth_identity *who);

#endif
