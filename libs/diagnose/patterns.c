/* Grouping masked lines by a fixed-depth tree: length, first tokens, likeness; and families, where the first tokens vary. */
#include "diagnose/patterns.h"

#include <stdlib.h>

#include "core/arena.h"
#include "core/hash.h"

#define WILD "<*>"
#define GROUPS 4096 /* lists of patterns, a power of two */
#define SIBLINGS 3  /* alike patterns that a further one makes values of a variable */
#define KNOWN 16384 /* masked lines remembered with their pattern, a power of two */

struct pattern {
	struct pattern *next; /* in its group */
	struct pattern *next_loose;
	struct pattern *into; /* the one that it was merged into, or NULL */
	size_t index, n;
	uint64_t group;
	const char **tokens;
	uint64_t *hashes; /* of the tokens; 0 for what varies */
	int64_t count, first_ms, last_ms;
};

/* Patterns that agree in all but one place. */
struct family {
	struct family *next;
	uint64_t hash;
	struct pattern *members[SIBLINGS];
	size_t n;
};

struct patterns {
	struct arena arena;
	struct pattern *all[4 * PATTERNS_MAX]; /* those that were merged included */
	size_t n, merged;
	int64_t left_out;
	struct pattern *groups[GROUPS];
	struct family *families[GROUPS];
	struct pattern *loose[PATTERN_TOKENS_MAX + 1]; /* by length: what varies in them may be what their group is told by */
	struct known {
		uint64_t hash;
		struct pattern *pattern;
	} known[KNOWN];
};

struct patterns *patterns_new(void)
{
	struct patterns *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	return p;
}

void patterns_free(struct patterns *p)
{
	if (!p)
		return;
	arena_free(&p->arena);
	free(p);
}

struct line {
	size_t n;
	const char *tokens[PATTERN_TOKENS_MAX];
	uint64_t hashes[PATTERN_TOKENS_MAX];
	uint64_t whole, group;
};

static bool varies(const char *token)
{
	return strstr(token, WILD) != NULL;
}

static void read_line(struct span text, char buffer[PATTERN_LINE_MAX * 2], struct line *l)
{
	l->n = pattern_mask(text, buffer, l->tokens);
	l->whole = l->n;
	for (size_t i = 0; i < l->n; i++) {
		l->hashes[i] = strcmp(l->tokens[i], WILD) == 0 ? 0 : hash64(span_from(l->tokens[i])) | 1;
		l->whole = (l->whole ^ l->hashes[i]) * 0x9e3779b97f4a7c15ull;
		l->whole ^= l->whole >> 29;
	}
	/* The first two tokens that say something, such as level and first word: what varies comes before them in most logs. */
	l->group = l->n;
	for (size_t i = 0, named = 0; i < l->n && named < 2; i++) {
		if (varies(l->tokens[i]))
			continue;
		l->group = (l->group ^ l->hashes[i]) * 0x9e3779b97f4a7c15ull;
		named++;
	}
	l->group *= 0x9e3779b97f4a7c15ull;
}

/* Short lines have little to agree on, so that they must agree in more of it. */
static double likeness_wanted(size_t n)
{
	return n <= 4 ? 0.75 : n <= 8 ? 0.65 : 0.55;
}

static bool fits(const struct pattern *c, const struct line *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (c->hashes[i] && c->hashes[i] != l->hashes[i])
			return false;
	return true;
}

/* What varies in both says neither yes nor no. */
static double likeness(const struct pattern *c, const struct line *l)
{
	size_t same = 0, both = l->n;
	for (size_t i = 0; i < l->n; i++) {
		same += c->hashes[i] && c->hashes[i] == l->hashes[i];
		both -= !c->hashes[i] && !l->hashes[i];
	}
	return both ? (double)same / (double)both : 1;
}

static void merge(struct pattern *c, size_t n, const uint64_t *hashes)
{
	for (size_t i = 0; i < n; i++) {
		if (c->hashes[i] == hashes[i] || !c->hashes[i])
			continue;
		c->hashes[i] = 0;
		c->tokens[i] = WILD;
	}
}

static void unlink_pattern(struct patterns *p, struct pattern *c)
{
	struct pattern **at = &p->groups[c->group >> 52];
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

static void absorb(struct patterns *p, struct pattern *c, struct pattern *other)
{
	merge(c, c->n, other->hashes);
	c->count += other->count;
	c->first_ms = other->first_ms < c->first_ms ? other->first_ms : c->first_ms;
	c->last_ms = other->last_ms > c->last_ms ? other->last_ms : c->last_ms;
	other->into = c;
	unlink_pattern(p, other);
	p->merged++;
}

/* Patterns that the more general one says, too, are it. */
static void swallow(struct patterns *p, struct pattern *c)
{
	for (size_t i = 0; i < p->n; i++) {
		struct pattern *o = p->all[i];
		bool same = o != c && !o->into && o->n == c->n;
		for (size_t k = 0; same && k < c->n; k++)
			same = !c->hashes[k] || c->hashes[k] == o->hashes[k];
		if (same)
			absorb(p, c, o);
	}
}

/*
 * The pattern that the line fits. Where there is none, patterns alike but for a word or two may be values of a variable:
 * two or three of them may as well be different messages (hit and miss, started and stopped), more are one.
 */
static struct pattern *find(struct patterns *p, const struct line *l)
{
	struct pattern *alike[SIBLINGS], *next;
	size_t n = 0;
	for (struct pattern *c = p->groups[l->group >> 52]; c; c = next) {
		next = c->next;
		if (c->group != l->group || c->n != l->n)
			continue;
		if (fits(c, l))
			return c;
		if (n < SIBLINGS && likeness(c, l) >= likeness_wanted(l->n))
			alike[n++] = c;
	}
	if (n < SIBLINGS)
		return NULL;
	struct pattern *first = alike[0];
	for (size_t i = 1; i < n; i++)
		first = alike[i]->index < first->index ? alike[i] : first;
	for (size_t i = 0; i < n; i++)
		if (alike[i] != first)
			absorb(p, first, alike[i]);
	merge(first, l->n, l->hashes);
	swallow(p, first);
	return first;
}

/* ---- families: a variable may stand in the first words, too, and then its values are in groups of their own */

static struct pattern *settled(struct pattern *c)
{
	while (c->into)
		c = c->into;
	return c;
}

static uint64_t hash_without(const struct pattern *c, size_t left_out)
{
	uint64_t hash = c->n * 67 + left_out;
	for (size_t i = 0; i < c->n; i++) {
		hash = (hash ^ (i == left_out ? 1 : c->hashes[i])) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash;
}

static struct family *family_of(struct patterns *p, uint64_t hash)
{
	struct family **at = &p->families[hash >> 52];
	while (*at && (*at)->hash != hash)
		at = &(*at)->next;
	if (!*at) {
		*at = arena_new(&p->arena, struct family);
		(*at)->hash = hash;
	}
	return *at;
}

/* What was merged since, elsewhere, is no member any more. */
static void review(struct family *f, size_t place)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		if (!f->members[i]->into && f->members[i]->hashes[place] && hash_without(f->members[i], place) == f->hash)
			f->members[n++] = f->members[i];
	f->n = n;
}

static size_t named(const struct pattern *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++)
		n += c->hashes[i] != 0;
	return n;
}

static struct pattern *unite(struct patterns *p, struct family *f, struct pattern *c)
{
	struct pattern *first = c;
	for (size_t i = 0; i < f->n; i++)
		first = f->members[i]->index < first->index ? f->members[i] : first;
	for (size_t i = 0; i < f->n; i++)
		if (f->members[i] != first)
			absorb(p, first, f->members[i]);
	if (c != first)
		absorb(p, first, c);
	f->n = 0;
	swallow(p, first);
	first->next_loose = p->loose[first->n];
	p->loose[first->n] = first;
	return first;
}

/* One place in which the pattern is the fourth of a family makes all of them one; what comes of it may be of one again. */
static struct pattern *join_families(struct patterns *p, struct pattern *c)
{
	size_t words = named(c);
	if ((double)(words - 1) < likeness_wanted(c->n) * (double)words)
		return NULL;
	for (size_t i = 0; i < c->n; i++) {
		if (!c->hashes[i])
			continue;
		struct family *f = family_of(p, hash_without(c, i));
		review(f, i);
		if (f->n == SIBLINGS)
			return unite(p, f, c);
		f->members[f->n++] = c;
	}
	return NULL;
}

static struct pattern *find_loose(const struct patterns *p, const struct line *l)
{
	for (struct pattern *c = p->loose[l->n]; c; c = c->next_loose)
		if (!c->into && fits(c, l))
			return c;
	return NULL;
}

static struct pattern *new_pattern(struct patterns *p, const struct line *l)
{
	if (p->n == PATTERNS_MAX + p->merged || p->n == countof(p->all))
		return NULL;
	struct pattern *c = arena_new(&p->arena, struct pattern);
	c->index = p->n;
	c->n = l->n;
	c->group = l->group;
	c->tokens = arena_alloc(&p->arena, l->n * sizeof *c->tokens);
	c->hashes = arena_alloc(&p->arena, l->n * sizeof *c->hashes);
	memcpy(c->hashes, l->hashes, l->n * sizeof *c->hashes);
	for (size_t i = 0; i < l->n; i++)
		c->tokens[i] = arena_cstr(&p->arena, span_from(l->tokens[i]));
	c->next = p->groups[l->group >> 52];
	p->groups[l->group >> 52] = c;
	p->all[p->n++] = c;
	return c;
}

size_t patterns_add(struct patterns *p, struct span text, int64_t at_ms)
{
	char buffer[PATTERN_LINE_MAX * 2];
	struct line l;
	read_line(text, buffer, &l);
	if (!l.n)
		return PATTERNS_NONE;
	struct known *known = &p->known[l.whole & (KNOWN - 1)];
	struct pattern *c = known->pattern && known->hash == l.whole ? known->pattern : NULL;
	if (!c) {
		c = find(p, &l);
		if (!c)
			c = find_loose(p, &l);
		if (!c) {
			c = new_pattern(p, &l);
			for (struct pattern *next = c; next && named(next);)
				next = join_families(p, next);
		}
		*known = (struct known){l.whole, c};
	}
	if (c)
		c = settled(c);
	if (!c) {
		p->left_out++;
		return PATTERNS_NONE;
	}
	if (!c->count || at_ms < c->first_ms)
		c->first_ms = at_ms;
	if (!c->count || at_ms > c->last_ms)
		c->last_ms = at_ms;
	c->count++;
	return c->index;
}

size_t patterns_count(const struct patterns *p)
{
	return p->n;
}

size_t patterns_now(const struct patterns *p, size_t i)
{
	return settled(p->all[i])->index;
}

struct pattern_view patterns_view(const struct patterns *p, size_t i)
{
	const struct pattern *c = p->all[i];
	return (struct pattern_view){c->count, c->first_ms, c->last_ms};
}

void patterns_text(const struct patterns *p, size_t i, struct buf *out)
{
	const struct pattern *c = p->all[i];
	for (size_t k = 0; k < c->n; k++) {
		if (k)
			buf_addc(out, ' ');
		buf_adds(out, c->tokens[k]);
	}
}

int64_t patterns_left_out(const struct patterns *p)
{
	return p->left_out;
}
