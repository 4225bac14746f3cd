/* Signatures of RFC 7515: checked and made. */
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "auth/hmac.h"
#include "auth/internal.h"

#define DER_MAX 80 /* of an ECDSA signature over P-256: 72 */

static bool hmac_holds(const struct auth_key *k, struct span input, struct span signature)
{
	unsigned char mac[32];
	return signature.n == sizeof mac && auth_hmac(buf_span(&k->secret), input, mac) &&
	       CRYPTO_memcmp(mac, signature.p, sizeof mac) == 0;
}

/* ES256 signatures are two numbers side by side; the library wants them in DER. */
static int to_der(struct span signature, unsigned char out[DER_MAX])
{
	if (signature.n != AUTH_ES256_BYTES)
		return 0;
	const unsigned char *p = (const unsigned char *)signature.p;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(p, AUTH_ES256_BYTES / 2, NULL), *s = BN_bin2bn(p + AUTH_ES256_BYTES / 2, AUTH_ES256_BYTES / 2, NULL);
	int n = 0;
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		n = i2d_ECDSA_SIG(sig, &out);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return n;
}

bool auth_signature_holds(const struct auth_key *k, struct span input, struct span signature)
{
	unsigned char der[DER_MAX];
	if (k->algorithm == AUTH_HS256)
		return hmac_holds(k, input, signature);
	if (k->algorithm == AUTH_ES256) {
		int n = to_der(signature, der);
		if (n <= 0)
			return false;
		signature = span_of(der, (size_t)n);
	}
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = k->algorithm == AUTH_EDDSA ? NULL : EVP_sha256();
	bool holds = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, k->pkey) == 1 &&
	             EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n, (const unsigned char *)input.p,
	                              input.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return holds;
}

/* ---- making them */

static bool from_der(struct buf *signature)
{
	unsigned char flat[AUTH_ES256_BYTES];
	const unsigned char *p = (const unsigned char *)signature->data;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)signature->len);
	bool good = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), flat, AUTH_ES256_BYTES / 2) > 0 &&
	            BN_bn2binpad(ECDSA_SIG_get0_s(sig), flat + AUTH_ES256_BYTES / 2, AUTH_ES256_BYTES / 2) > 0;
	ECDSA_SIG_free(sig);
	buf_reset(signature);
	buf_add(signature, flat, sizeof flat);
	return good;
}

static bool sign_with(EVP_PKEY *pkey, enum auth_algorithm algorithm, struct span input, struct buf *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = algorithm == AUTH_EDDSA ? NULL : EVP_sha256();
	size_t n = 0;
	bool good = ctx && EVP_DigestSignInit(ctx, NULL, md, NULL, pkey) == 1 &&
	            EVP_DigestSign(ctx, NULL, &n, (const unsigned char *)input.p, input.n) == 1;
	if (good) {
		char *to = buf_reserve(signature, n);
		good = to && EVP_DigestSign(ctx, (unsigned char *)to, &n, (const unsigned char *)input.p, input.n) == 1;
		buf_commit(signature, good ? n : 0);
	}
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good && (algorithm != AUTH_ES256 || from_der(signature));
}

static void put_header(enum auth_algorithm algorithm, const char *kid, struct buf *out)
{
	scoped_buf header = {0};
	struct json_writer w = {.out = &header};
	json_begin_object(&w);
	json_kv_cstr(&w, "alg", auth_algorithm_names[algorithm]);
	json_kv_cstr(&w, "typ", "JWT");
	if (kid)
		json_kv_cstr(&w, "kid", kid);
	json_end_object(&w);
	auth_base64_encode(buf_span(&header), out);
}

static EVP_PKEY *private_key(struct span pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *pkey = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, (void *)"") : NULL;
	BIO_free(in);
	ERR_clear_error();
	return pkey;
}

enum status auth_sign(struct span key, const char *kid, struct span claims, struct buf *out, struct err *err)
{
	bool is_pem = span_starts(span_trim(key), SPAN("-----BEGIN"));
	enum auth_algorithm algorithm = AUTH_HS256;
	EVP_PKEY *pkey = is_pem ? private_key(key) : NULL;
	if (is_pem && (!pkey || !auth_key_algorithm(pkey, &algorithm))) {
		EVP_PKEY_free(pkey);
		return err_field(err, STATUS_INVALID, "key",
		                 "the key is no private key of RSA of %d bits and more, P-256 or Ed25519, in PEM without a passphrase",
		                 AUTH_RSA_BITS_MIN);
	}
	if (!is_pem && key.n < AUTH_SECRET_MIN)
		return err_field(err, STATUS_INVALID, "key", "the secret has %zu bytes, allowed are %d and more", key.n,
		                 AUTH_SECRET_MIN);
	scoped_buf signature = {0};
	size_t start = out->len;
	put_header(algorithm, kid, out);
	buf_addc(out, '.');
	auth_base64_encode(claims, out);
	struct span input = span_of(out->data + start, out->len - start);
	bool good;
	if (pkey) {
		good = sign_with(pkey, algorithm, input, &signature);
	} else {
		unsigned char mac[32];
		good = auth_hmac(key, input, mac);
		buf_add(&signature, mac, sizeof mac);
	}
	EVP_PKEY_free(pkey);
	if (!good)
		return err_set(err, STATUS_INTERNAL, "signing failed");
	buf_addc(out, '.');
	auth_base64_encode(buf_span(&signature), out);
	return STATUS_OK;
}
