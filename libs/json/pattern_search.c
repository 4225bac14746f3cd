/* All ways through a pattern's program advance together over the text. */
#include "core/utf8.h"
#include "json/pattern.h"

#define NOWHERE UINT32_MAX /* the codepoint before the first and after the last */

struct search {
	const struct pattern *pattern;
	int64_t *steps_left;
	/* Places in the program that wait for a character; each at most once, which `mark` tells by the turn it was last
	 * added in. */
	uint16_t *waiting, *moved, *stack;
	uint32_t *mark;
	size_t waiting_n, moved_n;
	uint32_t turn;
	uint32_t before, next; /* codepoints around the position */
};

static bool is_word(uint32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z');
}

static bool in_set(const struct pattern *p, const struct instr *set, uint32_t c, int64_t *steps_left)
{
	bool found = false;
	*steps_left -= set->y;
	for (int i = 0; i < set->y && !found; i++)
		found = c >= p->ranges[set->x + i].low && c <= p->ranges[set->x + i].high;
	return found != set->negated;
}

static void push(struct search *s, size_t *stack_n, size_t place)
{
	if (s->mark[place] == s->turn)
		return;
	s->mark[place] = s->turn;
	s->stack[(*stack_n)++] = (uint16_t)place;
}

/* Follows everything that needs no character from `place`; true when that is the end of the pattern. */
static bool enter(struct search *s, size_t place)
{
	size_t n = 0;
	push(s, &n, place);
	while (n) {
		size_t at = s->stack[--n];
		const struct instr *i = &s->pattern->code[at];
		bool edge = is_word(s->before) != is_word(s->next);
		--*s->steps_left;
		switch (i->op) {
		case OP_MATCH:
			return true;
		case OP_SET:
			s->waiting[s->waiting_n++] = (uint16_t)at;
			break;
		case OP_SPLIT:
			push(s, &n, at + (size_t)i->y);
			push(s, &n, at + (size_t)i->x);
			break;
		case OP_JUMP:
			push(s, &n, at + (size_t)i->x);
			break;
		case OP_BEGIN:
		case OP_END:
			if ((i->op == OP_BEGIN ? s->before : s->next) == NOWHERE)
				push(s, &n, at + 1);
			break;
		case OP_EDGE:
		case OP_NO_EDGE:
			if (edge == (i->op == OP_EDGE))
				push(s, &n, at + 1);
			break;
		}
	}
	return false;
}

bool pattern_search(const struct pattern *p, struct span text, struct arena *scratch, int64_t *steps_left)
{
	struct search s = {.pattern = p, .steps_left = steps_left, .before = NOWHERE};
	s.waiting = arena_alloc(scratch, p->code_n * sizeof *s.waiting);
	s.moved = arena_alloc(scratch, p->code_n * sizeof *s.moved);
	s.stack = arena_alloc(scratch, p->code_n * sizeof *s.stack);
	s.mark = arena_zalloc(scratch, p->code_n * sizeof *s.mark);
	while (*steps_left >= 0) {
		size_t n = utf8_decode(text, &s.next);
		if (!n)
			s.next = NOWHERE;
		s.turn++;
		s.waiting_n = 0;
		for (size_t i = 0; i < s.moved_n; i++)
			if (enter(&s, s.moved[i]))
				return true;
		if (enter(&s, 0))
			return true;
		if (!n)
			return false;
		s.moved_n = 0;
		for (size_t i = 0; i < s.waiting_n; i++)
			if (in_set(p, &p->code[s.waiting[i]], s.next, steps_left))
				s.moved[s.moved_n++] = (uint16_t)(s.waiting[i] + 1);
		s.before = s.next;
		text = span_of(text.p + n, text.n - n);
	}
	return false;
}
