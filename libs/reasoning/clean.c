/* Takes out of a text what nobody can see. */
#include "reasoning/clean.h"

#include "core/buf.h"
#include "core/utf8.h"

static bool is_space(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || c == ' ' || c == 0xA0 || c == 0x2028 || c == 0x2029 || c == 0x3000 ||
	       (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F;
}

static bool is_hidden(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} hidden[] = {
	    {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},         {0x034F, 0x034F},     {0x061C, 0x061C},
	    {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},     {0x200B, 0x200F},     {0x202A, 0x202E},
	    {0x2060, 0x206F}, {0x3164, 0x3164}, {0xE000, 0xF8FF},     {0xFE00, 0xFE0F},     {0xFEFF, 0xFEFF},
	    {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1D173, 0x1D17A},   {0xE0000, 0xE0FFF},   {0xF0000, 0x10FFFF},
	};
	for (size_t i = 0; i < countof(hidden); i++)
		if (c >= hidden[i].from && c <= hidden[i].to)
			return true;
	return false;
}

struct span clean_line(struct span s, size_t max_bytes, struct arena *a)
{
	scoped_buf out = {0};
	while (s.n && out.len <= max_bytes) {
		uint32_t c;
		size_t n = utf8_decode(s, &c);
		if (!n)
			n = 1;
		else if (is_space(c) && out.len && out.data[out.len - 1] != ' ')
			buf_addc(&out, ' ');
		else if (!is_space(c) && !is_hidden(c))
			buf_add(&out, s.p, n);
		s = span_of(s.p + n, s.n - n);
	}
	return arena_dup(a, span_trim(utf8_cut(buf_span(&out), max_bytes)));
}
