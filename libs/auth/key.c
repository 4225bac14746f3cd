/* Keys as configuration gives them: a secret, or a public key in PEM. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "auth/internal.h"

const char *const auth_algorithm_names[] = {"HS256", "RS256", "ES256", "EdDSA"};

void auth_key_set_free(struct auth_key_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		EVP_PKEY_free(s->keys[i].pkey);
		if (s->keys[i].secret.data)
			OPENSSL_cleanse(s->keys[i].secret.data, s->keys[i].secret.cap);
		buf_free(&s->keys[i].secret);
	}
	s->n = 0;
}

enum status auth_key_secret(struct auth_key_set *s, struct span secret, struct err *err)
{
	if (span_starts(span_trim(secret), SPAN("-----BEGIN")))
		return err_field(err, STATUS_INVALID, "secret",
		                 "the secret is a key in PEM form: a public key is no secret, give it as the public key");
	if (secret.n < AUTH_SECRET_MIN)
		return err_field(err, STATUS_INVALID, "secret", "the secret has %zu bytes, allowed are %d and more", secret.n,
		                 AUTH_SECRET_MIN);
	struct auth_key *k = &s->keys[s->n++];
	*k = (struct auth_key){.algorithm = AUTH_HS256};
	buf_addspan(&k->secret, secret);
	return STATUS_OK;
}

bool auth_key_algorithm(const EVP_PKEY *pkey, enum auth_algorithm *ret)
{
	char group[32] = "";
	size_t n;
	if (EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) >= AUTH_RSA_BITS_MIN)
		*ret = AUTH_RS256;
	else if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, &n) == 1 &&
	         (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0))
		*ret = AUTH_ES256;
	else if (EVP_PKEY_is_a(pkey, "ED25519"))
		*ret = AUTH_EDDSA;
	else
		return false;
	return true;
}

enum status auth_key_pem(struct auth_key_set *s, struct span pem, struct err *err)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *pkey = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
	BIO_free(in);
	ERR_clear_error();
	enum auth_algorithm algorithm;
	if (!pkey)
		return err_field(err, STATUS_INVALID, "public_key",
		                 "the public key is none in PEM form (-----BEGIN PUBLIC KEY-----)");
	if (!auth_key_algorithm(pkey, &algorithm)) {
		EVP_PKEY_free(pkey);
		return err_field(err, STATUS_INVALID, "public_key",
		                 "the public key is not RSA of %d bits and more, P-256 or Ed25519", AUTH_RSA_BITS_MIN);
	}
	s->keys[s->n++] = (struct auth_key){.algorithm = algorithm, .pkey = pkey};
	return STATUS_OK;
}
