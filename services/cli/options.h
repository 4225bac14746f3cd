/* Command-line options: one row gives parser, default, environment variable and help text. */
#ifndef GANNET_CLI_OPTIONS_H
#define GANNET_CLI_OPTIONS_H

#include "core/buf.h"
#include "json/table.h"

#define OPTION_REPEAT_MAX 256

/* The values of an option that may be given several times. */
struct texts {
	const char *items[OPTION_REPEAT_MAX];
	size_t n;
};

struct option;
/* Puts `text` into *ret (the row's type); on failure err->msg is what comes after the option's name: "'x' is not …". */
typedef enum status (*option_parser)(const struct option *o, const char *text, void *ret, struct err *err);

struct option {
	const char *name;         /* given as --name */
	const char *letter;       /* "q" for -q, or NULL */
	const char *value;        /* what the help calls the value; NULL for a flag */
	option_parser parse;      /* decides the type at `offset` */
	size_t offset;            /* into the config struct */
	const char *fallback;     /* text form; NULL leaves the member zeroed */
	const char *env;          /* read when the option is not given; or NULL */
	const char *const *names; /* option_choice: what is allowed, NULL-terminated */
	int64_t min, max;         /* option_i64, option_ms; option_f64 in thousandths */
	const char *help;
};

enum status option_flag(const struct option *o, const char *text, void *ret, struct err *err);   /* bool */
enum status option_text(const struct option *o, const char *text, void *ret, struct err *err);   /* const char * */
enum status option_texts(const struct option *o, const char *text, void *ret, struct err *err);  /* struct texts */
enum status option_choice(const struct option *o, const char *text, void *ret, struct err *err); /* const char * */
enum status option_i64(const struct option *o, const char *text, void *ret, struct err *err);    /* struct opt_i64 */
enum status option_f64(const struct option *o, const char *text, void *ret, struct err *err);    /* struct opt_f64 */
/* "250ms", "30s", "5m", "2h", "7d"; a bare number is seconds. struct opt_i64 */
enum status option_ms(const struct option *o, const char *text, void *ret, struct err *err);
/* RFC 3339, or a duration from now on ("+10m"). struct json_time */
enum status option_future(const struct option *o, const char *text, void *ret, struct err *err);
/* RFC 3339, or how long ago ("1h"). struct json_time */
enum status option_past(const struct option *o, const char *text, void *ret, struct err *err);
/* Text that id_is_tenant() accepts. const char * */
enum status option_tenant(const struct option *o, const char *text, void *ret, struct err *err);

/* A table and the struct it fills. */
struct option_set {
	const struct option *options;
	size_t n;
	void *config;
};

/* Fallbacks, then environment. */
enum status options_init(const struct option_set *set, struct err *err) must_check;
/*
 * Reads argv[*at…]: options go to the first set that knows them, everything else is moved to the front of argv and
 * counted in *ret_arguments. With `stop_at_argument` reading ends before the first argument. *at is where reading
 * ended. Values are not copied. err->field names the option as it was given.
 */
enum status options_read(const struct option_set *sets, size_t sets_n, char **argv, int argc, int *at,
                         bool stop_at_argument, size_t *ret_arguments, struct err *err) must_check;

/* The nearest of `candidates` to a misspelt word, NULL when none is near. Feed candidates one by one into *best. */
struct nearest {
	const char *word, *name;
	size_t distance;
};
void nearest_try(struct nearest *best, const char *candidate);

#endif
