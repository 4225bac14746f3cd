/* Numbers as JSON writes them: exact decimals of any length; for the files of this library only. */
#ifndef GANNET_JSON_NUMBER_H
#define GANNET_JSON_NUMBER_H

#include "json/json.h"

/*
 * A checked number taken apart: its value is 0.d₁d₂…dₙ × 10^exponent with d₁ and dₙ not zero; zero has no digits.
 * `digits` is the slice of the document from d₁ to dₙ and may hold the decimal point.
 */
struct decimal {
	bool negative;
	struct span digits;
	int64_t n;
	int64_t exponent; /* saturates far beyond what a document can hold in digits */
};

struct decimal decimal_of(struct json number);
/* -1, 0, 1; exact. */
int decimal_compare(struct decimal a, struct decimal b);
bool decimal_is_integer(struct decimal d);
/* Whether `d` is a whole multiple of `divisor`, which must have 1 to DECIMAL_DIVISOR_DIGITS digits; exact. */
#define DECIMAL_DIVISOR_DIGITS 18
bool decimal_is_multiple(struct decimal d, struct decimal divisor);

#endif
