/* Key sets of RFC 7517: every key of a kind we know, with the algorithm that its kind decides. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "auth/internal.h"

#define EC_COORDINATE_BYTES 32
#define RSA_PART_MAX 2048 /* bytes of a modulus: 16384 bits */

/* A base64url member; false when it is missing, malformed or not of `bytes` bytes (0: any number but none). */
static bool member_bytes(struct json jwk, struct span name, size_t bytes, struct buf *out)
{
	scoped_arena a = {0};
	struct json v;
	buf_reset(out);
	if (!json_member(jwk, name, &v) || v.type != JSON_STRING || !auth_base64_decode(json_text(v, &a), out))
		return false;
	return out->len > 0 && out->len <= RSA_PART_MAX && (!bytes || out->len == bytes);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (ctx && params && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *rsa_key(struct json jwk)
{
	scoped_buf n = {0}, e = {0};
	if (!member_bytes(jwk, SPAN("n"), 0, &n) || !member_bytes(jwk, SPAN("e"), 0, &e))
		return NULL;
	BIGNUM *modulus = BN_bin2bn((unsigned char *)n.data, (int)n.len, NULL);
	BIGNUM *exponent = BN_bin2bn((unsigned char *)e.data, (int)e.len, NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	if (modulus && exponent && bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent))
		params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *pkey = from_params("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(modulus);
	BN_free(exponent);
	return pkey;
}

static EVP_PKEY *ec_key(struct json jwk)
{
	scoped_buf x = {0}, y = {0};
	char group[] = "prime256v1";
	unsigned char point[1 + 2 * EC_COORDINATE_BYTES] = {4}; /* uncompressed */
	if (!member_bytes(jwk, SPAN("x"), EC_COORDINATE_BYTES, &x) || !member_bytes(jwk, SPAN("y"), EC_COORDINATE_BYTES, &y))
		return NULL;
	memcpy(point + 1, x.data, EC_COORDINATE_BYTES);
	memcpy(point + 1 + EC_COORDINATE_BYTES, y.data, EC_COORDINATE_BYTES);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	                       OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
	                       OSSL_PARAM_construct_end()};
	return from_params("EC", params);
}

static EVP_PKEY *ed25519_key(struct json jwk)
{
	scoped_buf x = {0};
	if (!member_bytes(jwk, SPAN("x"), 32, &x))
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (unsigned char *)x.data, x.len);
}

static bool member_is(struct json jwk, struct span name, const char *text)
{
	struct json v;
	return json_member(jwk, name, &v) && json_text_is(v, span_from(text));
}

static bool is_for_signatures(struct json jwk)
{
	struct json use, ops, key, op;
	if (json_member(jwk, SPAN("use"), &use) && !json_text_is(use, SPAN("sig")))
		return false;
	if (!json_member(jwk, SPAN("key_ops"), &ops))
		return true;
	for (struct json_iter it = json_iter(ops); json_next(&it, &key, &op);)
		if (json_text_is(op, SPAN("verify")))
			return true;
	return false;
}

/* False: a key that we pass over. */
static bool read_key(struct json jwk, struct auth_key *k)
{
	struct json kid, algorithm;
	scoped_arena a = {0};
	if (jwk.type != JSON_OBJECT || !is_for_signatures(jwk))
		return false;
	if (json_member(jwk, SPAN("kid"), &kid) &&
	    (kid.type != JSON_STRING || !span_copy(json_text(kid, &a), k->kid, sizeof k->kid)))
		return false;
	if (member_is(jwk, SPAN("kty"), "oct")) {
		k->algorithm = AUTH_HS256;
		if (!member_bytes(jwk, SPAN("k"), 0, &k->secret) || k->secret.len < AUTH_SECRET_MIN)
			return false;
	} else {
		if (member_is(jwk, SPAN("kty"), "RSA"))
			k->pkey = rsa_key(jwk);
		else if (member_is(jwk, SPAN("kty"), "EC") && member_is(jwk, SPAN("crv"), "P-256"))
			k->pkey = ec_key(jwk);
		else if (member_is(jwk, SPAN("kty"), "OKP") && member_is(jwk, SPAN("crv"), "Ed25519"))
			k->pkey = ed25519_key(jwk);
		if (!k->pkey || !auth_key_algorithm(k->pkey, &k->algorithm))
			return false;
	}
	return !json_member(jwk, SPAN("alg"), &algorithm) ||
	       json_text_is(algorithm, span_from(auth_algorithm_names[k->algorithm]));
}

enum status auth_jwks_add(struct auth_key_set *s, struct span document, struct err *err)
{
	struct json doc, keys, key, jwk;
	struct err bad;
	if (document.n > AUTH_JWKS_MAX)
		return err_field(err, STATUS_INVALID, "jwks_path", "the key set has %zu bytes, at most %zu are allowed",
		                 document.n, AUTH_JWKS_MAX);
	if (json_parse(document, &doc, &bad) != STATUS_OK)
		return err_field(err, STATUS_INVALID, "jwks_path", "the key set is not JSON: %s", bad.msg);
	if (!json_member(doc, SPAN("keys"), &keys) || keys.type != JSON_ARRAY)
		return err_field(err, STATUS_INVALID, "jwks_path", "the key set has no array \"keys\"");
	if (json_count(keys) > AUTH_KEYS_MAX)
		return err_field(err, STATUS_INVALID, "jwks_path", "the key set has %zu keys, at most %d are allowed",
		                 json_count(keys), AUTH_KEYS_MAX);
	size_t before = s->n;
	for (struct json_iter it = json_iter(keys); json_next(&it, &key, &jwk);) {
		struct auth_key *k = &s->keys[s->n++];
		*k = (struct auth_key){0};
		if (!read_key(jwk, k)) {
			struct auth_key_set dropped = {.keys = {*k}, .n = 1};
			auth_key_set_free(&dropped);
			*k = (struct auth_key){0};
			s->n--;
		}
	}
	if (s->n == before)
		return err_field(err, STATUS_INVALID, "jwks_path",
		                 "the key set has no usable key: RSA of %d bits and more, P-256, Ed25519 or oct of %d bytes and more",
		                 AUTH_RSA_BITS_MIN, AUTH_SECRET_MIN);
	return STATUS_OK;
}
