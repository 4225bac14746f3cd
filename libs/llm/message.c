/* Makes a provider's message fit for logs and events: short, one line, and without keys. */
#include "core/utf8.h"
#include "llm/llm.h"
#include "llm/wire.h"

#include <strings.h>

#define KEY_RUN 32 /* letters and digits in a row, mixed, are taken for a key */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
	return is_digit(c) || is_letter(c) || (c && strchr("_-*+/.", c));
}

static bool looks_like_key(struct span word)
{
	static const char *const prefixes[] = {"sk-",  "sk_",  "pk-",  "rk-", "gsk_", "xai-",
	                                       "key-", "AIza", "ghp_", "hf_", "eyJ"};
	for (size_t i = 0; i < countof(prefixes); i++)
		if (word.n > strlen(prefixes[i]) + 3 && span_starts(word, span_from(prefixes[i])))
			return true;
	size_t letters = 0, digits = 0;
	for (size_t i = 0; i < word.n; i++) {
		if (is_digit(word.p[i]))
			digits++;
		else if (is_letter(word.p[i]))
			letters++;
		else
			letters = digits = 0;
		if (letters && digits && letters + digits >= KEY_RUN)
			return true;
	}
	return false;
}

/* Whether the next word is a secret, unless it is plain prose ("Bearer token"). */
static bool names_secret(struct span word)
{
	static const char *const names[] = {"bearer", "x-api-key", "api-key", "api_key", "apikey"};
	for (size_t i = 0; i < countof(names); i++)
		if (word.n == strlen(names[i]) && strncasecmp(word.p, names[i], word.n) == 0)
			return true;
	return false;
}

static bool is_prose(struct span word)
{
	for (size_t i = 0; i < word.n; i++)
		if (!is_letter(word.p[i]))
			return false;
	return word.n < 16;
}

struct span wire_message(struct span text, char out[LLM_MESSAGE_MAX + 1])
{
	size_t n = 0;
	bool secret_next = false;
	for (size_t i = 0, len; i < text.n && n < LLM_MESSAGE_MAX; i += len) {
		struct span rest = span_of(text.p + i, text.n - i), put = SPAN(" ");
		for (len = 0; len < rest.n && is_word(rest.p[len]);)
			len++;
		struct span word = span_of(rest.p, len);
		if (len) {
			put = looks_like_key(word) || (secret_next && !is_prose(word)) ? SPAN("[removed]") : word;
			secret_next = names_secret(word);
		} else if ((len = utf8_sequence(rest)) == 0) {
			len = 1;
		} else if ((unsigned char)rest.p[0] >= ' ' && rest.p[0] != 0x7f) {
			put = span_of(rest.p, len);
		}
		put = utf8_cut(put, LLM_MESSAGE_MAX - n);
		memcpy(out + n, put.p, put.n);
		n += put.n;
	}
	out[n] = 0;
	return span_trim(span_of(out, n));
}
