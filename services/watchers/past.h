/* What a column used to be like, for the checks that compare. */
#ifndef GANNET_WATCHERS_PAST_H
#define GANNET_WATCHERS_PAST_H

#include "services/watchers/scan.h"

/*
 * Which past run to begin with: the last one; but the oldest while a finding of this type is open at the place, so that
 * what is wrong does not become usual by being seen twice.
 */
size_t past_first(struct scan *s, const struct profile *p, const char *type, struct span where);

double past_nulls(const struct column_profile *c);  /* share of rows */
double past_misses(const struct column_profile *c); /* share of texts */
/* The median of a share over the past runs that count; false when there are none. */
bool past_share(struct scan *s, const struct profile *p, size_t column, const char *type, struct span where,
                double (*share)(const struct column_profile *c), double *ret);

#endif
