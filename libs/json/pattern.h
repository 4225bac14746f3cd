/* Regular expressions of JSON Schema, matched in time proportional to text times pattern; for the files of this library
 * only. */
#ifndef GANNET_JSON_PATTERN_H
#define GANNET_JSON_PATTERN_H

#include "core/arena.h"

#define PATTERN_SOURCE_MAX 1024 /* bytes of an expression */
#define PATTERN_CODE_MAX 2048   /* instructions after counted repetitions are written out */

/*
 * K. Thompson, "Regular Expression Search Algorithm"; R. Cox, "Regular Expression Matching: the Virtual Machine
 * Approach". Jumps are relative, so that a piece of program can be copied and moved as it is.
 */
enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_EDGE, OP_NO_EDGE, OP_MATCH };

struct instr {
	enum op op;
	bool negated; /* SET */
	int x, y;     /* SPLIT: both ways; JUMP: x; SET: the first of its ranges, and how many */
};

struct range {
	uint32_t low, high;
};

/* A compiled pattern. Lives in the arena it was compiled into. */
struct pattern {
	const struct instr *code;
	size_t code_n;
	const struct range *ranges;
};

/*
 * The regular part of ECMA-262 with the u flag: . ^ $ \b \B [] [^] \d \w \s and their negations, \t \n \r \f \v \0 \xHH
 * \uHHHH \u{H}, (…) (?:…) (?<name>…), |, * + ? {m} {m,} {m,n} and their lazy forms. Look-around, back-references and \p
 * are refused.
 */
enum status pattern_compile(struct span source, struct arena *a, const struct pattern **ret,
                            struct err *err) must_check;
/*
 * Whether the pattern occurs anywhere in `text`, which is valid UTF-8. Takes what it costs from *steps_left and gives
 * up, with any answer, when that falls below zero. Thread-safe.
 */
bool pattern_search(const struct pattern *p, struct span text, struct arena *scratch, int64_t *steps_left);

#endif
