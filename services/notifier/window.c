/* Which findings windows of maintenance hold back. */
#include "window.h"

#include "board.h"

bool globs_match(struct json globs, struct span text)
{
	scoped_arena a = {0};
	struct json key, v;
	if (!json_count(globs))
		return true;
	for (struct json_iter it = json_iter(globs); json_next(&it, &key, &v);)
		if (span_glob(text, json_text(v, &a)))
			return true;
	return false;
}

bool silence_is_window(const struct silence *s)
{
	return s->from.ms != 0;
}

bool window_holds_back(const struct map *silences, struct span tenant, const struct finding *f, int64_t now_ms)
{
	for (struct map_slot *slot = map_next(silences, NULL); slot; slot = map_next(silences, slot)) {
		const struct kept *k = slot->value;
		const struct silence *s = &k->silence;
		if (silence_is_window(s) && span_eq(k->tenant, tenant) && now_ms >= s->from.ms && now_ms < s->until.ms &&
		    globs_match(s->sources, f->source))
			return true;
	}
	return false;
}
