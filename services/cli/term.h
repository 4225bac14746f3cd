/* The terminal: its size, colours, signals, and the full screen of live views. */
#ifndef GANNET_CLI_TERM_H
#define GANNET_CLI_TERM_H

#include "core/buf.h"

/* Decides about colours: on where the stream is a terminal, NO_COLOR and TERM=dumb say no. */
void term_init(bool no_color);
/* Of standard input, output and error: 0, 1, 2. */
bool term_is_tty(int fd);
bool term_has_colour(int fd);
/* Of the terminal at standard output, else at standard error, else COLUMNS, else 80. */
size_t term_columns(void);
size_t term_rows(void);

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_BLUE, STYLE_CYAN };
/* Text between begin and end has the style; nothing is written when `colour` is false or the style is plain. */
void style_begin(struct buf *out, enum style s, bool colour);
void style_end(struct buf *out, enum style s, bool colour);
void style_text(struct buf *out, enum style s, bool colour, const char *text);
/* The style of a job's status or event name: completed green, failed red … */
enum style style_of_status(struct span status);

/*
 * From now on SIGINT, SIGTERM and SIGHUP end term_wait() instead of the process; the second one ends the process at
 * once. SIGWINCH and SIGTSTP are noticed too. Every way out of the process, a crash included, leaves the full screen
 * first.
 */
void term_catch_signals(void);
bool term_interrupted(void);

/* The alternate screen, without cursor, echo and line wrapping; keys arrive one by one. */
void term_screen_enter(void);
void term_screen_leave(void); /* may be called at any time, any number of times */

enum { TERM_INPUT = 1, TERM_KEY = 2, TERM_SIGNAL = 4 }; /* nothing set: time passed */
/* Waits until `fd` is readable, a signal came, with `keys` a key was pressed, or the time is up (< 0: never). */
unsigned term_wait(int fd, bool keys, int64_t timeout_ms);
/* The key pressed; 0 when standard input has ended. */
char term_key(void);
/* After a Ctrl-Z in the full screen: stops the process as the user wished, with the terminal in order, and comes back
 * with it. */
void term_suspend_if_asked(void);

#endif
