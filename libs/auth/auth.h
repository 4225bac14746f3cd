/* Who asks: JSON Web Tokens checked against the keys we trust, and made for development and tests. */
#ifndef GANNET_AUTH_AUTH_H
#define GANNET_AUTH_AUTH_H

#include "core/buf.h"
#include "core/clock.h"

#define AUTH_TOKEN_MAX ((size_t)8 << 10)  /* bytes of a token */
#define AUTH_USER_MAX 128                 /* bytes of `sub` */
#define AUTH_TENANT_MAX 32                /* as id_is_tenant() */
#define AUTH_ROLE_MAX 32                  /* bytes of a role's name */
#define AUTH_ROLES_MAX 8                  /* roles of one token; more are refused */
#define AUTH_KEYS_MAX 64                  /* of a JWKS file */
#define AUTH_JWKS_MAX ((size_t)256 << 10) /* bytes of a JWKS file */
#define AUTH_SECRET_MIN 32                /* bytes of an HS256 secret, RFC 7518 section 3.2 */
#define AUTH_RSA_BITS_MIN 2048
#define AUTH_CACHE_MAX 4096 /* verified tokens that are remembered, until they expire or the keys change */

/*
 * HS256, RS256, ES256 and EdDSA (Ed25519). A key has one algorithm, which its kind decides, never the token: a token
 * whose `alg` differs from the key's is refused, so neither `none` nor a public key taken as a secret can pass.
 */
struct auth_options {
	struct span secret;     /* HS256: at least AUTH_SECRET_MIN bytes; absent: none */
	struct span public_key; /* PEM of an RSA, P-256 or Ed25519 public key; absent: none */
	const char *jwks_path;  /* or NULL; read again within a second of a change */
	const char *issuer;     /* `iss` must be it; NULL: any */
	const char *audience;   /* `aud` must hold it; NULL: any */
	int64_t skew_ms;        /* how far the clocks of issuer and gateway may differ */
	const struct clock *clock;
};

/* What a verified token says. */
struct auth_identity {
	char user[AUTH_USER_MAX + 1], tenant[AUTH_TENANT_MAX + 1];
	char roles[AUTH_ROLES_MAX][AUTH_ROLE_MAX + 1]; /* of `role` and `roles`, at least one */
	size_t roles_n;
	int64_t expires_ms; /* wall clock; `exp` and the skew */
};
bool auth_has_role(const struct auth_identity *who, const char *role);

/* Thread-safe. */
struct auth;
/* INVALID when there is no key at all, or one that is too weak or none of ours; err->field: secret, public_key, jwks_path. */
enum status auth_open(const struct auth_options *o, struct auth **ret, struct err *err) must_check;
void auth_close(struct auth *a);
/* UNAUTHORIZED with a sentence for the client; it holds nothing of the token. */
enum status auth_verify(struct auth *a, struct span token, struct auth_identity *ret, struct err *err) must_check;
/* How many usable keys there are now; OK, or what is wrong with the JWKS file while the keys before it stay in use. */
size_t auth_keys(struct auth *a);
enum status auth_keys_check(struct auth *a, struct err *err) must_check;

/*
 * A compact token over `claims` (a JSON object). `key`: a PEM private key (RSA, P-256, Ed25519), else an HS256 secret.
 * `kid` or NULL.
 */
enum status auth_sign(struct span key, const char *kid, struct span claims, struct buf *out, struct err *err) must_check;

#endif
