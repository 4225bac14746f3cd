/* Terminal handling that always puts things back as they were. */
#include "services/cli/term.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static bool colour_on[3], is_tty[3];
static struct termios saved;
static volatile sig_atomic_t screen_on, interrupts, suspended;
static int wake[2] = {-1, -1};

void term_init(bool no_color)
{
	const char *term = getenv("TERM");
	for (int fd = 0; fd <= 2; fd++) {
		is_tty[fd] = isatty(fd);
		colour_on[fd] = is_tty[fd] && !no_color && term && strcmp(term, "dumb") != 0;
	}
}

bool term_is_tty(int fd)
{
	return is_tty[fd];
}

bool term_has_colour(int fd)
{
	return colour_on[fd];
}

static struct winsize window(void)
{
	struct winsize w = {0};
	if (ioctl(1, TIOCGWINSZ, &w) != 0 || !w.ws_col)
		(void)ioctl(2, TIOCGWINSZ, &w);
	return w;
}

size_t term_columns(void)
{
	size_t n = window().ws_col;
	const char *env = getenv("COLUMNS");
	int64_t v;
	if (!n && env && span_i64(span_from(env), &v) && v > 0 && v < 10000)
		n = (size_t)v;
	return n ? n : 80;
}

size_t term_rows(void)
{
	size_t n = window().ws_row;
	return n ? n : 24;
}

static const char *const style_codes[] = {
    [STYLE_PLAIN] = "",         [STYLE_BOLD] = "\x1b[1m",    [STYLE_DIM] = "\x1b[2m",   [STYLE_RED] = "\x1b[31m",
    [STYLE_GREEN] = "\x1b[32m", [STYLE_YELLOW] = "\x1b[33m", [STYLE_BLUE] = "\x1b[34m", [STYLE_CYAN] = "\x1b[36m",
};

void style_begin(struct buf *out, enum style s, bool colour)
{
	if (colour)
		buf_adds(out, style_codes[s]);
}

void style_end(struct buf *out, enum style s, bool colour)
{
	if (colour && s != STYLE_PLAIN)
		buf_adds(out, "\x1b[0m");
}

void style_text(struct buf *out, enum style s, bool colour, const char *text)
{
	style_begin(out, s, colour);
	buf_adds(out, text);
	style_end(out, s, colour);
}

enum style style_of_status(struct span status)
{
	static const struct {
		const char *name;
		enum style style;
	} rows[] = {
	    {"completed", STYLE_GREEN},  {"failed", STYLE_RED},        {"rejected", STYLE_RED},
	    {"cancelled", STYLE_YELLOW}, {"cancelling", STYLE_YELLOW}, {"retrying", STYLE_YELLOW},
	    {"processing", STYLE_CYAN},  {"started", STYLE_CYAN},      {"progressed", STYLE_CYAN},
	    {"running", STYLE_CYAN},     {"pending", STYLE_BLUE},      {"queued", STYLE_BLUE},
	    {"idle", STYLE_DIM},         {"stopping", STYLE_YELLOW},   {"stopped", STYLE_DIM},
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (span_is(status, rows[i].name))
			return rows[i].style;
	return STYLE_PLAIN;
}

/* Safe in a signal handler. */
static void write_all(const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(1, text, n);
		if (done < 0 && errno != EINTR)
			return;
		if (done > 0)
			text += done, n -= (size_t)done;
	}
}

void term_screen_leave(void)
{
	static const char back[] = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
	if (!screen_on)
		return;
	screen_on = 0;
	write_all(back, sizeof back - 1);
	(void)tcsetattr(0, TCSANOW, &saved);
}

static void on_signal(int sig)
{
	int keep = errno;
	if (sig == SIGTSTP) {
		suspended = 1;
	} else if (sig != SIGWINCH && ++interrupts > 1) {
		term_screen_leave();
		_exit(128 + sig);
	}
	/* A full pipe has woken the reader already. */
	ssize_t done = write(wake[1], "", 1);
	(void)done;
	errno = keep;
}

static void catch_signal(int sig)
{
	struct sigaction ask = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigaction(sig, &ask, NULL);
}

void term_screen_enter(void)
{
	static const char enter[] = "\x1b[?1049h\x1b[?25l\x1b[?7l";
	if (tcgetattr(0, &saved) != 0)
		return;
	catch_signal(SIGTSTP);
	struct termios keys = saved;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	screen_on = 1;
	(void)tcsetattr(0, TCSANOW, &keys);
	write_all(enter, sizeof enter - 1);
}

static struct sigaction before_crash[NSIG];

static void on_crash(int sig, siginfo_t *info, void *context)
{
	(void)context;
	term_screen_leave();
	sigaction(sig, &before_crash[sig], NULL);
	/* A fault happens again when the handler returns; a signal that was sent has to be sent again. */
	if (info->si_code <= 0)
		raise(sig);
}

void term_catch_signals(void)
{
	static const int asked[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};
	if (wake[0] >= 0 || pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
		return;
	struct sigaction crash = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO};
	for (size_t i = 0; i < countof(asked); i++)
		catch_signal(asked[i]);
	for (size_t i = 0; i < countof(crashes); i++)
		sigaction(crashes[i], &crash, &before_crash[crashes[i]]);
	atexit(term_screen_leave);
}

bool term_interrupted(void)
{
	return interrupts > 0;
}

unsigned term_wait(int fd, bool keys, int64_t timeout_ms)
{
	struct pollfd fds[] = {
	    {.fd = fd, .events = POLLIN}, {.fd = keys ? 0 : -1, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};
	int timeout = timeout_ms < 0 ? -1 : timeout_ms > 3600000 ? 3600000 : (int)timeout_ms;
	if (poll(fds, countof(fds), timeout) <= 0)
		return 0;
	char drop[64];
	while (fds[2].revents && read(wake[0], drop, sizeof drop) > 0)
		;
	return (fds[0].revents ? TERM_INPUT : 0u) | (fds[1].revents ? TERM_KEY : 0u) | (fds[2].revents ? TERM_SIGNAL : 0u);
}

char term_key(void)
{
	char key = 0;
	return read(0, &key, 1) == 1 ? key : 0;
}

void term_suspend_if_asked(void)
{
	if (!suspended)
		return;
	suspended = 0;
	term_screen_leave();
	raise(SIGSTOP);
	term_screen_enter();
}
