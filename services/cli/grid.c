/* Lays out and prints a table. */
#include "services/cli/grid.h"

#define GAP 2 /* columns between columns */

void grid_add(struct grid *g, struct span text, enum style style)
{
	if (g->count == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 256;
		struct grid_cell *cells = arena_alloc(g->arena, cap * sizeof *cells);
		if (g->count)
			memcpy(cells, g->cells, g->count * sizeof *cells);
		g->cells = cells;
		g->cap = cap;
	}
	g->cells[g->count++] = (struct grid_cell){arena_dup(g->arena, text), style, text_width(text)};
}

static size_t total_width(const struct grid *g, const size_t *widths)
{
	size_t total = 0;
	for (size_t i = 0; i < g->n; i++)
		if (widths[i])
			total += widths[i] + (total ? GAP : 0);
	return total;
}

/* The widest column that may still shrink, g->n when there is none. */
static size_t widest_soft(const struct grid *g, const size_t *widths)
{
	size_t best = g->n;
	for (size_t i = 0; i < g->n; i++)
		if (g->columns[i].least && widths[i] > g->columns[i].least && (best == g->n || widths[i] > widths[best]))
			best = i;
	return best;
}

static size_t last_spare(const struct grid *g, const size_t *widths)
{
	for (size_t i = g->n; i; i--)
		if (g->columns[i - 1].spare && widths[i - 1])
			return i - 1;
	return g->n;
}

/* A width for each column, 0 for one left out. */
static void lay_out(const struct grid *g, size_t width, size_t *widths)
{
	size_t natural[GRID_COLUMNS_MAX];
	for (size_t i = 0; i < g->n; i++) {
		natural[i] = text_width(span_from(g->columns[i].title));
		for (size_t c = i; c < g->count; c += g->n)
			if (g->cells[c].width > natural[i])
				natural[i] = g->cells[c].width;
	}
	bool left_out[GRID_COLUMNS_MAX] = {false};
	for (;;) {
		for (size_t i = 0; i < g->n; i++)
			widths[i] = left_out[i] ? 0 : natural[i];
		size_t soft;
		while (total_width(g, widths) > width && (soft = widest_soft(g, widths)) < g->n)
			widths[soft]--;
		size_t spare;
		if (total_width(g, widths) <= width || (spare = last_spare(g, widths)) == g->n)
			return;
		left_out[spare] = true;
	}
}

static void print_row(const struct grid *g, const struct grid_cell *cells, const size_t *widths, struct buf *out,
                      bool colour)
{
	scoped_buf fitted = {0};
	size_t line = out->len;
	for (size_t i = 0; i < g->n; i++) {
		if (!widths[i])
			continue;
		text_spaces(out, out->len > line ? GAP : 0);
		buf_reset(&fitted);
		text_fit(&fitted, cells[i].text, widths[i], g->columns[i].align);
		/* Padding stays outside of the style, so that it can be taken away at the end of the line. */
		struct span text = buf_span(&fitted);
		while (text.n && text.p[text.n - 1] == ' ')
			text.n--;
		enum style style = text.n ? cells[i].style : STYLE_PLAIN;
		style_begin(out, style, colour);
		buf_addspan(out, text);
		style_end(out, style, colour);
		text_spaces(out, fitted.len - text.n);
	}
	while (out->len > line && out->data[out->len - 1] == ' ')
		out->len--;
	buf_addc(out, '\n');
}

size_t grid_width(void)
{
	return term_is_tty(1) ? term_columns() : GRID_UNLIMITED;
}

void grid_print(const struct grid *g, struct buf *out, size_t width, bool colour)
{
	size_t widths[GRID_COLUMNS_MAX];
	struct grid_cell titles[GRID_COLUMNS_MAX];
	if (!g->count)
		return;
	lay_out(g, width, widths);
	for (size_t i = 0; i < g->n; i++)
		titles[i] = (struct grid_cell){span_from(g->columns[i].title), STYLE_DIM, 0};
	print_row(g, titles, widths, out, colour);
	for (size_t c = 0; c + g->n <= g->count; c += g->n)
		print_row(g, g->cells + c, widths, out, colour);
}
