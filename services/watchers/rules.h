/* The rules of a watch's options and of the file that they name. */
#ifndef GANNET_WATCHERS_RULES_H
#define GANNET_WATCHERS_RULES_H

#include "services/watchers/scan.h"

#define RULES_MAX 500
#define RULES_FILE_MAX ((size_t)1 << 20)

/* Errors name the rule and the member. */
enum status rules_read(const struct integrity_options *o, struct arena *a, struct integrity_rule **ret, size_t *ret_n,
                       struct err *err) must_check;

#endif
