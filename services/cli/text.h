/* Text for terminals: how wide it is, cut to a width, wrapped, and with nothing in it that could command the terminal.
 */
#ifndef GANNET_CLI_TEXT_H
#define GANNET_CLI_TEXT_H

#include "core/buf.h"

/*
 * Widths are terminal columns (wcwidth(3) in a UTF-8 locale, see text_init). What comes from jobs is never printed as
 * it is: control characters and invalid bytes become U+FFFD, and where a line is meant, line breaks and tabs become
 * spaces.
 */
void text_init(void); /* once, before anything else here */

enum align { ALIGN_LEFT, ALIGN_RIGHT };

size_t text_width(struct span s);
/* Exactly `columns` wide: padded, or cut with "…" at the end. */
void text_fit(struct buf *out, struct span s, size_t columns, enum align align);
/* On one line, uncut. */
void text_line(struct buf *out, struct span s);
/* Line breaks and tabs stay, everything else that is not printable is replaced. */
void text_clean(struct buf *out, struct span s);
/*
 * Wrapped at spaces to `columns`, keeping the text's own line breaks; every line but the first is indented by `indent`,
 * so that text beginning at that column stays in it. Words longer than a line are cut. No line break at the end.
 */
void text_wrap(struct buf *out, struct span s, size_t columns, size_t indent);
void text_spaces(struct buf *out, size_t n);

#endif
