/* Tables for terminals: columns as wide as their content, and narrower where the terminal is. */
#ifndef GANNET_CLI_GRID_H
#define GANNET_CLI_GRID_H

#include "core/arena.h"
#include "services/cli/term.h"
#include "services/cli/text.h"

#define GRID_COLUMNS_MAX 16
#define GRID_UNLIMITED ((size_t)1 << 20)

/* `least`: how narrow the column may become; 0 never narrower than its content. `spare`: left out altogether when it is
 * too tight. */
struct grid_column {
	const char *title;
	enum align align;
	size_t least;
	bool spare;
};

struct grid_cell {
	struct span text;
	enum style style;
	size_t width;
};

/* Zero it, set `columns`, `n` and `arena`; cells are added row by row and copied into the arena. */
struct grid {
	const struct grid_column *columns;
	size_t n;
	struct arena *arena;
	struct grid_cell *cells;
	size_t count, cap;
};

void grid_add(struct grid *g, struct span text, enum style style);
/* A cell of numbers and words made by the show_ functions. */
#define grid_add_buf(g, b, style)                                                                                      \
	do {                                                                                                               \
		grid_add((g), buf_span(b), (style));                                                                           \
		buf_reset(b);                                                                                                  \
	} while (0)
/* That of the terminal; GRID_UNLIMITED where standard output is none. */
size_t grid_width(void);
/* Title row and rows, each line at most `width` wide. Nothing at all when there are no rows. */
void grid_print(const struct grid *g, struct buf *out, size_t width, bool colour);

#endif
