/* Measures, cuts and wraps UTF-8 by terminal columns. */
#include "services/cli/text.h"

#include <locale.h>
#include <wchar.h>

#include "core/utf8.h"

void text_init(void)
{
	/* What is printed is UTF-8 whatever the user's locale is, so widths are those of UTF-8 too. */
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* What one character of the text looks like on a terminal. */
struct glyph {
	struct span bytes; /* to print */
	size_t columns;
	char first; /* of the original: ' ', '\n' and '\t' mean themselves */
};

/* Takes the next character off *s, which must not be empty. */
static struct glyph next_glyph(struct span *s)
{
	uint32_t codepoint = 0;
	size_t n = utf8_decode(*s, &codepoint);
	struct glyph g = {span_of(s->p, n), 1, s->p[0]};
	int columns = n ? wcwidth((wchar_t)codepoint) : -1;
	if (g.first == '\n' || g.first == '\t')
		g.bytes = SPAN(" ");
	else if (columns < 0)
		g.bytes = SPAN("\uFFFD");
	else
		g.columns = (size_t)columns;
	n = n ? n : 1;
	*s = span_of(s->p + n, s->n - n);
	return g;
}

size_t text_width(struct span s)
{
	size_t columns = 0;
	while (s.n)
		columns += next_glyph(&s).columns;
	return columns;
}

void text_spaces(struct buf *out, size_t n)
{
	for (; n; n--)
		buf_addc(out, ' ');
}

void text_line(struct buf *out, struct span s)
{
	while (s.n)
		buf_addspan(out, next_glyph(&s).bytes);
}

void text_clean(struct buf *out, struct span s)
{
	while (s.n) {
		struct glyph g = next_glyph(&s);
		if (g.first == '\n' || g.first == '\t')
			buf_addc(out, g.first);
		else
			buf_addspan(out, g.bytes);
	}
}

void text_fit(struct buf *out, struct span s, size_t columns, enum align align)
{
	size_t width = text_width(s);
	if (width <= columns) {
		text_spaces(out, align == ALIGN_RIGHT ? columns - width : 0);
		text_line(out, s);
		text_spaces(out, align == ALIGN_LEFT ? columns - width : 0);
		return;
	}
	if (!columns)
		return;
	size_t used = 0;
	while (s.n) {
		struct glyph g = next_glyph(&s);
		if (used + g.columns > columns - 1)
			break;
		used += g.columns;
		buf_addspan(out, g.bytes);
	}
	buf_adds(out, "…");
	text_spaces(out, columns - 1 - used);
}

static void break_line(struct buf *out, size_t indent)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->len--;
	buf_addc(out, '\n');
	text_spaces(out, indent);
}

/* The bytes up to the next space or line break, and how wide they are. */
static struct span next_word(struct span s, size_t *ret_columns)
{
	struct span rest = s;
	*ret_columns = 0;
	while (rest.n && rest.p[0] != ' ' && rest.p[0] != '\n' && rest.p[0] != '\t')
		*ret_columns += next_glyph(&rest).columns;
	return span_of(s.p, s.n - rest.n);
}

void text_wrap(struct buf *out, struct span s, size_t columns, size_t indent)
{
	size_t room = columns > indent + 8 ? columns - indent : 8, used = 0;
	s = span_trim(s);
	while (s.n) {
		size_t wide;
		struct span word = next_word(s, &wide);
		s = span_of(s.p + word.n, s.n - word.n);
		if (used && used + wide > room) {
			break_line(out, indent);
			used = 0;
		}
		while (word.n) {
			struct glyph g = next_glyph(&word);
			if (used + g.columns > room) {
				break_line(out, indent);
				used = 0;
			}
			buf_addspan(out, g.bytes);
			used += g.columns;
		}
		if (!s.n)
			break;
		struct glyph g = next_glyph(&s);
		if (g.first == '\n') {
			break_line(out, indent);
			used = 0;
		} else {
			/* Spaces at the end of a line vanish; those at the beginning of the text's own lines are its indentation.
			 */
			buf_addc(out, ' ');
			used++;
		}
	}
}
