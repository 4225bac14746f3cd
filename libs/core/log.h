/* Structured logs: one JSON object a line on standard error. Programs log; libraries return errors. */
#ifndef GANNET_CORE_LOG_H
#define GANNET_CORE_LOG_H

#include "core/clock.h"
#include "core/span.h"
#include "core/status.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* One field of a line; made by the macros below. `value` is escaped as JSON. */
struct log_field {
	const char *name;
	enum { LOG_TEXT, LOG_NUMBER, LOG_FLAG } kind;
	struct span text;
	int64_t number;
};

#define LOG_S(name, span) ((struct log_field){name, LOG_TEXT, span, 0})
#define LOG_C(name, cstr) ((struct log_field){name, LOG_TEXT, span_from(cstr), 0})
#define LOG_I(name, value) ((struct log_field){name, LOG_NUMBER, {0}, value})
#define LOG_B(name, value) ((struct log_field){name, LOG_FLAG, {0}, value})

/* Call once, before threads. `service` and `instance` appear in every line. Until then lines say service "gannet". */
void log_init(const char *service, const char *instance, enum log_level least, const struct clock *clock);
bool log_parse_level(struct span text, enum log_level *ret); /* DEBUG, INFO, WARN(ING), ERROR, any case */
bool log_enabled(enum log_level level);

/*
 * {"timestamp":…,"level":…,"service":…,"message":…, fields…}. A line is one write(2), cut at LOG_LINE_MAX. Thread-safe.
 * Absent text fields (NULL) are left out. Never pass a secret, a prompt or a provider's answer: lengths and ids only.
 */
#define LOG_LINE_MAX 4096
void log_line(enum log_level level, const char *message, const struct log_field *fields, size_t n);

#define log_fields(level, message, ...)                                                                                \
	do {                                                                                                               \
		if (log_enabled(level)) {                                                                                      \
			const struct log_field log_fields_[] = {__VA_ARGS__};                                                      \
			log_line(level, message, log_fields_, countof(log_fields_));                                               \
		}                                                                                                              \
	} while (0)
/*
 * From now on this thread's lines below WARN wait for log_flush(), or for a line of WARN or above, and are written together:
 * a write(2) costs more than all the rest of a line. For threads that do many small things in a turn. What a thread has
 * gathered is written when the process crashes (SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, where nobody else minds them); one
 * that is killed by SIGKILL loses the lines of that turn. Off again, and before the thread ends: log_gather(false), which flushes.
 */
void log_gather(bool on);
void log_flush(void);

/* The same with an error's code, field and message added. */
void log_error(const char *message, const struct err *e);

#endif
