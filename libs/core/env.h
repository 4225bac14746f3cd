/* Configuration from the environment: a table of options that parses, checks, documents and prints itself. */
#ifndef GANNET_CORE_ENV_H
#define GANNET_CORE_ENV_H

#include "core/buf.h"
#include "core/status.h"

enum env_kind { ENV_TEXT, ENV_INT, ENV_BOOL, ENV_MS /* "250ms", "5s", "2m", "1h", a bare number is `unit` */ };

/*
 * One option. `offset` is into the caller's config struct: const char * for ENV_TEXT, int64_t for ENV_INT and ENV_MS,
 * bool for ENV_BOOL. NAME_FILE is read too when NAME is not set (a secret mounted as a file of up to ENV_FILE_MAX
 * bytes; one trailing newline is dropped), and for a secret also the file NAME in the folder that GANNET_SECRETS names.
 * A variable or a file without a text in it counts as unset.
 */
#define ENV_FILE_MAX 65536
#define ENV_PATH_MAX 4096
struct env_option {
	const char *name;
	enum env_kind kind;
	size_t offset;
	const char *fallback; /* text form; NULL means unset: the member stays as it is */
	int64_t min, max;     /* ENV_INT, ENV_MS; both 0 means any (of ENV_MS: none below 0) */
	const char *help;
	bool secret;  /* never printed */
	int64_t unit; /* ENV_MS: what a bare number means, in ms; 0 means 1 */
};

/*
 * Fills `config` from `options` and the process environment. Fails on the first bad value, naming the variable, the
 * value (unless secret) and what is allowed; what came before it is set already. Text values live until the process
 * ends. Call before threads start.
 */
enum status env_load(const struct env_option *options, size_t n, void *config, struct err *err) must_check;
/*
 * Where the secret NAME is when the variable is not set: the file that NAME_FILE names, else NAME in GANNET_SECRETS if it
 * is there and NAME is of A-Z 0-9 _. False when neither is; the file need not be readable.
 */
bool env_secret_path(const char *name, char ret[ENV_PATH_MAX]);
/* A table of names, defaults and help texts for --help. */
void env_help(const struct env_option *options, size_t n, struct buf *out);

#endif
