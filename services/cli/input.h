/* Values from the command line that may live in files: @file, @- and JSON. */
#ifndef GANNET_CLI_INPUT_H
#define GANNET_CLI_INPUT_H

#include "core/arena.h"
#include "json/json.h"
#include "services/cli/options.h"

/* A whole file, "-" being standard input; TOO_LARGE past `max_bytes`, INVALID when it is not UTF-8. `option` is named
 * in errors. */
enum status input_file(struct arena *a, const char *option, const char *path, size_t max_bytes, struct span *ret,
                       struct err *err) must_check;
/* A JSON object, given as text or as @file. */
enum status input_object(struct arena *a, const char *option, const char *text, size_t max_bytes, struct json *ret,
                         struct err *err) must_check;
/*
 * Writes the object `base` (or {} when absent) with the members `vars` ("name=value" or "name=@file") added as strings;
 * those replace members of the same name.
 */
enum status input_variables(struct arena *a, struct json base, const struct texts *vars, size_t max_bytes,
                            struct json_writer *w, struct err *err) must_check;

#endif
