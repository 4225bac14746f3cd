/* base64url without padding, in the one form that tokens may have. */
#include "auth/internal.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void auth_base64_encode(struct span bytes, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t have = bytes.n - i < 3 ? bytes.n - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 | (have > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (have > 2 ? p[i + 2] : 0);
		for (size_t k = 0; k <= have; k++)
			buf_addc(out, alphabet[v >> (18 - 6 * k) & 63]);
	}
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool auth_base64_decode(struct span text, struct buf *out)
{
	uint32_t bits = 0;
	unsigned have = 0;
	if (text.n % 4 == 1)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int v = value_of(text.p[i]);
		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_addc(out, (char)(bits >> have & 0xff));
		}
	}
	return (bits & ((1u << have) - 1)) == 0 && !out->overflow; /* bits that no byte holds must be zero */
}
