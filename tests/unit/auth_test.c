/* Tokens: which are taken, which are refused and why, and keys that change. */
#include "auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "json/json.h"
#include "tests/lib/keys.h"
#include "tests/lib/test.h"

#define NOW_S 1800000000LL

/* ---- a clock that stands still until it is told otherwise */

static int64_t wall_ms = NOW_S * 1000, mono_ns = 1000000000;
static int64_t still_wall(const struct clock *c)
{
	(void)c;
	return wall_ms;
}
static int64_t still_mono(const struct clock *c)
{
	(void)c;
	return mono_ns;
}
static const struct clock still = {still_wall, still_mono};

static void pass_s(int64_t s)
{
	wall_ms += s * 1000;
	mono_ns += s * 1000000000;
}

static struct auth *open_with(struct auth_options o)
{
	struct auth *a;
	struct err err;
	o.clock = &still;
	CHECK_OK(auth_open(&o, &a, &err), err);
	return a;
}

static struct auth *open_secret(void)
{
	return open_with((struct auth_options){.secret = span_from(key_secret), .audience = "gannet", .skew_ms = 30000});
}

#define CLAIMS(more) "{\"sub\":\"ada\",\"tenant\":\"acme\",\"aud\":\"gannet\",\"role\":\"admin\"" more "}"
#define VALID CLAIMS(",\"exp\":1800003600")

static const char *sign(const char *key, const char *kid, const char *claims)
{
	static struct arena kept;
	struct buf out = {0};
	struct err err;
	CHECK_OK(auth_sign(span_from(key), kid, span_from(claims), &out, &err), err);
	char *text = arena_cstr(&kept, buf_span(&out));
	buf_free(&out);
	return text;
}

static void check_taken(struct auth *a, const char *token)
{
	struct auth_identity who;
	struct err err;
	CHECK_OK(auth_verify(a, span_from(token), &who, &err), err);
	CHECK_SPAN(span_from(who.user), "ada");
	CHECK_SPAN(span_from(who.tenant), "acme");
	CHECK(auth_has_role(&who, "admin") && !auth_has_role(&who, "manager"));
}

static void check_refused(struct auth *a, const char *token, const char *why)
{
	struct auth_identity who;
	struct err err = {0};
	CHECK_MSG(auth_verify(a, span_from(token), &who, &err) == STATUS_UNAUTHORIZED, "taken, should be: %s", why);
	CHECK_HAS(err.msg, why);
}

TEST(tokens_of_every_algorithm_are_taken_with_their_own_key_only)
{
	static const struct {
		const char *private, *public;
	} pairs[] = {{key_rsa_private, key_rsa_public}, {key_ec_private, key_ec_public}, {key_ed_private, key_ed_public}};
	for (size_t i = 0; i < countof(pairs); i++) {
		struct auth *a = open_with((struct auth_options){.public_key = span_from(pairs[i].public)});
		for (size_t k = 0; k < countof(pairs); k++) {
			const char *token = sign(pairs[k].private, NULL, VALID);
			if (k == i)
				check_taken(a, token);
			else
				check_refused(a, token, "alg is not that of the key");
		}
		auth_close(a);
	}
	struct auth *a = open_secret();
	check_taken(a, sign(key_secret, NULL, VALID));
	check_taken(a, sign(key_secret, "any", VALID));
	auth_close(a);
}

TEST(a_token_that_another_tool_made_is_taken)
{
	/* RFC 7515, appendix A.4: an ES256 signature over its own payload, with its own key. */
	static const char jwks[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	                           "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
	static const char token[] = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
	                            "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8"
	                            "ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
	char path[600];
	snprintf(path, sizeof path, "%s/jwks.json", test_dir());
	FILE *f = fopen(path, "we");
	CHECK(f && fputs(jwks, f) >= 0 && fclose(f) == 0);
	struct auth *a = open_with((struct auth_options){.jwks_path = path});
	/* The signature holds; only the claims, which are of 2011, do not. */
	check_refused(a, token, "has expired");
	auth_close(a);
}

TEST(what_was_changed_after_signing_is_refused)
{
	struct auth *a = open_secret();
	const char *good = sign(key_secret, NULL, VALID), *other = sign("another secret, which is just as long as it", NULL, VALID);
	check_refused(a, other, "signature is wrong");
	for (size_t i = 0; good[i]; i++) {
		scoped_buf broken = {0};
		buf_adds(&broken, good);
		broken.data[i] = broken.data[i] == 'A' ? 'B' : 'A';
		struct auth_identity who;
		struct err err;
		CHECK_MSG(auth_verify(a, buf_span(&broken), &who, &err) == STATUS_UNAUTHORIZED, "byte %zu", i);
	}
	check_taken(a, good);
	auth_close(a);
}

static const char *encoded(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	static struct arena kept;
	scoped_buf out = {0};
	size_t n = strlen(text);
	const unsigned char *p = (const unsigned char *)text;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
		for (size_t k = 0; k < 4 && i + k <= n; k++)
			buf_addc(&out, digits[v >> (18 - 6 * k) & 63]);
	}
	return arena_cstr(&kept, buf_span(&out));
}

TEST(no_algorithm_and_a_confused_one_are_refused)
{
	struct auth *a = open_with((struct auth_options){.public_key = span_from(key_rsa_public)});
	static const char *const names[] = {"none", "None", "NONE", "nOnE", "", "HS512", "RS1"};
	for (size_t i = 0; i < countof(names); i++) {
		scoped_buf token = {0};
		char header[64];
		snprintf(header, sizeof header, "{\"alg\":\"%s\"}", names[i]);
		buf_printf(&token, "%s.%s.", encoded(header), encoded(VALID));
		check_refused(a, token.data, "alg is not that of the key");
		buf_adds(&token, "AAAA");
		check_refused(a, token.data, "alg is not that of the key");
	}
	/* The public key, which everybody knows, taken as the secret of an HMAC. */
	struct buf forged = {0};
	struct err err;
	CHECK_STATUS(auth_sign(span_from(key_rsa_public), NULL, span_from(VALID), &forged, &err), STATUS_INVALID);
	scoped_buf padded = {0};
	buf_printf(&padded, "x%s", key_rsa_public); /* not PEM any more, so that it can sign at all */
	check_refused(a, sign(padded.data, NULL, VALID), "alg is not that of the key");
	auth_close(a);
	struct auth *none;
	const struct auth_options pem_as_secret = {.secret = span_from(key_rsa_public), .clock = &still};
	CHECK_STATUS(auth_open(&pem_as_secret, &none, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "a public key is no secret");
}

TEST(times_are_looked_at_with_the_skew)
{
	struct auth *a = open_secret();
	check_taken(a, sign(key_secret, NULL, CLAIMS(",\"exp\":1799999971")));
	check_refused(a, sign(key_secret, NULL, CLAIMS(",\"exp\":1799999970")), "has expired");
	check_taken(a, sign(key_secret, NULL, CLAIMS(",\"exp\":1800003600,\"nbf\":1800000030")));
	check_refused(a, sign(key_secret, NULL, CLAIMS(",\"exp\":1800003600,\"nbf\":1800000031")), "not valid yet");
	check_refused(a, sign(key_secret, NULL, CLAIMS(",\"exp\":1800003600,\"iat\":1800000031")), "not valid yet");
	check_refused(a, sign(key_secret, NULL, CLAIMS("")), "no exp");
	check_refused(a, sign(key_secret, NULL, CLAIMS(",\"exp\":\"1800003600\"")), "a date that is none");
	check_refused(a, sign(key_secret, NULL, CLAIMS(",\"exp\":-1")), "a date that is none");
	check_refused(a, sign(key_secret, NULL, CLAIMS(",\"exp\":1e300")), "a date that is none");
	auth_close(a);
}

TEST(a_remembered_token_expires_all_the_same)
{
	struct auth *a = open_secret();
	const char *token = sign(key_secret, NULL, CLAIMS(",\"exp\":1800000010"));
	check_taken(a, token);
	pass_s(39);
	check_taken(a, token);
	pass_s(1);
	check_refused(a, token, "has expired");
	auth_close(a);
}

TEST(claims_that_are_missing_or_odd_are_refused_by_name)
{
	struct auth *a = open_with((struct auth_options){
	    .secret = span_from(key_secret), .audience = "gannet", .issuer = "https://id.example"});
#define ISS ",\"iss\":\"https://id.example\",\"exp\":1800003600"
	check_taken(a, sign(key_secret, NULL, CLAIMS(ISS)));
	check_taken(a, sign(key_secret, NULL, "{\"sub\":\"ada\",\"tenant\":\"acme\",\"aud\":[\"x\",\"gannet\"],\"roles\":[\"admin\",\"x\"]" ISS "}"));
	static const struct {
		const char *claims, *why;
	} bad[] = {
	    {CLAIMS(",\"exp\":1800003600"), "another issuer"},
	    {CLAIMS(",\"iss\":\"https://evil.example\",\"exp\":1800003600"), "another issuer"},
	    {"{\"sub\":\"ada\",\"tenant\":\"acme\",\"aud\":\"other\",\"role\":\"admin\"" ISS "}", "another audience"},
	    {"{\"sub\":\"ada\",\"tenant\":\"acme\",\"role\":\"admin\"" ISS "}", "another audience"},
	    {"{\"tenant\":\"acme\",\"aud\":\"gannet\",\"role\":\"admin\"" ISS "}", "sub"},
	    {"{\"sub\":17,\"tenant\":\"acme\",\"aud\":\"gannet\",\"role\":\"admin\"" ISS "}", "sub"},
	    {"{\"sub\":\"a\\nb\",\"tenant\":\"acme\",\"aud\":\"gannet\",\"role\":\"admin\"" ISS "}", "sub"},
	    {"{\"sub\":\"ada\",\"aud\":\"gannet\",\"role\":\"admin\"" ISS "}", "tenant"},
	    {"{\"sub\":\"ada\",\"tenant\":\"ac.me\",\"aud\":\"gannet\",\"role\":\"admin\"" ISS "}", "tenant"},
	    {"{\"sub\":\"ada\",\"tenant\":\"*\",\"aud\":\"gannet\",\"role\":\"admin\"" ISS "}", "tenant"},
	    {"{\"sub\":\"ada\",\"tenant\":\"acme\",\"aud\":\"gannet\"" ISS "}", "role"},
	    {"{\"sub\":\"ada\",\"tenant\":\"acme\",\"aud\":\"gannet\",\"roles\":\"admin\"" ISS "}", "role"},
	    {"{\"sub\":\"ada\",\"tenant\":\"acme\",\"aud\":\"gannet\",\"roles\":[1]" ISS "}", "role"},
	    {"{\"sub\":\"ada\",\"sub\":\"eve\",\"tenant\":\"acme\",\"aud\":\"gannet\",\"role\":\"admin\"" ISS "}", "no JSON"},
	    {"[]", "no JSON object"},
	};
	for (size_t i = 0; i < countof(bad); i++)
		check_refused(a, sign(key_secret, NULL, bad[i].claims), bad[i].why);
	auth_close(a);
}

TEST(text_that_is_no_token_is_refused)
{
	struct auth *a = open_secret();
	static const char *const odd[] = {"", ".", "..", "...", "a.b", "a.b.c.d", "e30.e30.", "a b.c.d", "e30=.e30.AA", "****.e30.AA",
	                                  "e31.e30.AA"};
	for (size_t i = 0; i < countof(odd); i++) {
		struct auth_identity who;
		struct err err;
		CHECK_STATUS(auth_verify(a, span_from(odd[i]), &who, &err), STATUS_UNAUTHORIZED);
	}
	scoped_buf large = {0};
	for (size_t i = 0; i <= AUTH_TOKEN_MAX; i++)
		buf_addc(&large, 'A');
	check_refused(a, large.data, "bytes long");
	scoped_buf critical = {0};
	buf_printf(&critical, "%s.%s.AAAA", encoded("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}"), encoded(VALID));
	check_refused(a, critical.data, "extensions");
	auth_close(a);
}

/* ---- key sets */

static void write_jwks(const char *path, const char *first, const char *second)
{
	char fresh[640];
	snprintf(fresh, sizeof fresh, "%s.new", path);
	FILE *f = fopen(fresh, "we");
	CHECK(f && fprintf(f, "{\"keys\":[%s%s%s]}", first, *second ? "," : "", second) > 0 && fclose(f) == 0);
	CHECK(rename(fresh, path) == 0);
}

TEST(keys_are_found_by_kid_and_rotated_by_the_file)
{
	char path[600];
	struct err err;
	snprintf(path, sizeof path, "%s/jwks.json", test_dir());
	write_jwks(path, key_rsa_jwk, key_ec_jwk);
	struct auth *a = open_with((struct auth_options){.jwks_path = path});
	CHECK_INT(auth_keys(a), 2);
	const char *of_rsa = sign(key_rsa_private, "rsa-1", VALID), *of_ed = sign(key_ed_private, "ed-1", VALID);
	check_taken(a, of_rsa);
	check_taken(a, sign(key_ec_private, "ec-1", VALID));
	check_taken(a, sign(key_ec_private, NULL, VALID));
	check_refused(a, sign(key_ec_private, "rsa-1", VALID), "alg is not that of the key");
	check_refused(a, of_ed, "kid names no key");

	write_jwks(path, key_ec_jwk, key_ed_jwk);
	check_taken(a, of_rsa); /* not looked at again yet */
	pass_s(1);
	check_refused(a, of_rsa, "kid names no key"); /* although it was remembered */
	check_taken(a, of_ed);

	FILE *f = fopen(path, "we");
	CHECK(f && fputs("{\"keys\":[]}", f) >= 0 && fclose(f) == 0);
	pass_s(1);
	CHECK_STATUS(auth_keys_check(a, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "no usable key");
	check_taken(a, of_ed); /* the keys before stay */
	CHECK(unlink(path) == 0);
	pass_s(1);
	CHECK_STATUS(auth_keys_check(a, &err), STATUS_INVALID);
	write_jwks(path, key_rsa_jwk, "");
	pass_s(1);
	CHECK_OK(auth_keys_check(a, &err), err);
	check_taken(a, of_rsa);
	check_refused(a, of_ed, "kid names no key");
	auth_close(a);
}

TEST(keys_that_are_too_weak_or_none_are_named)
{
	static const struct {
		struct auth_options o;
		const char *field, *why;
	} bad[] = {
	    {{.clock = &still}, "", "no key"},
	    {{.secret = {"short", 5}, .clock = &still}, "secret", "5 bytes"},
	    {{.public_key = {"nonsense", 8}, .clock = &still}, "public_key", "PEM"},
	    {{.public_key = {key_weak_public, sizeof key_weak_public - 1}, .clock = &still}, "public_key", "2048"},
	    {{.jwks_path = "/nonexistent/jwks.json", .clock = &still}, "jwks_path", "cannot read"},
	};
	for (size_t i = 0; i < countof(bad); i++) {
		struct auth *a;
		struct err err = {0};
		CHECK_STATUS(auth_open(&bad[i].o, &a, &err), STATUS_INVALID);
		CHECK_SPAN(span_from(err.field), bad[i].field);
		CHECK_HAS(err.msg, bad[i].why);
	}
}

TEST(keys_of_a_set_that_are_not_for_us_are_passed_over)
{
	static const char *const odd[] = {
	    "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
	    "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"}",
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
	    "{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}",
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}",
	    "{\"kty\":\"new\"}",
	    "17",
	};
	char path[600];
	snprintf(path, sizeof path, "%s/jwks.json", test_dir());
	for (size_t i = 0; i < countof(odd); i++) {
		write_jwks(path, odd[i], key_ed_jwk);
		struct auth *a = open_with((struct auth_options){.jwks_path = path});
		CHECK_INT(auth_keys(a), 1);
		auth_close(a);
	}
	scoped_buf encrypting = {0};
	buf_printf(&encrypting, "{\"use\":\"enc\",%s", key_rsa_jwk + 1);
	char *use = strstr(encrypting.data, "\"use\":\"sig\",");
	memmove(use, use + 12, strlen(use + 12) + 1);
	write_jwks(path, encrypting.data, key_ed_jwk);
	struct auth *a = open_with((struct auth_options){.jwks_path = path});
	CHECK_INT(auth_keys(a), 1);
	auth_close(a);
}
