/* Stops calls to a provider that is down, and lets one through now and then to see whether it is back. */
#include "llm/llm.h"

int64_t breaker_wait_ms(struct breaker *b, int64_t now_mono_ms)
{
	int64_t until = b->hold_until_ms > b->open_until_ms ? b->hold_until_ms : b->open_until_ms;
	if (until > now_mono_ms)
		return until - now_mono_ms;
	b->hold_until_ms = 0;
	if (breaker_is_open(b)) {
		/* A probe may never be heard of again (cancelled, crashed): the next one goes when this wait is over. */
		b->probing = true;
		b->open_until_ms = now_mono_ms + b->backoff_ms;
	}
	return 0;
}

void breaker_success(struct breaker *b)
{
	*b = (struct breaker){.hold_until_ms = b->hold_until_ms};
}

void breaker_failure(struct breaker *b, int64_t now_mono_ms)
{
	if (breaker_is_open(b)) {
		/* Calls that began before the opening fail late: only a probe's failure tells something new. */
		if (!b->probing)
			return;
		b->probing = false;
		b->backoff_ms = b->backoff_ms * 2 > BREAKER_OPEN_MAX_MS ? BREAKER_OPEN_MAX_MS : b->backoff_ms * 2;
	} else if (++b->failures >= BREAKER_FAILURES) {
		b->backoff_ms = BREAKER_OPEN_MS;
	} else {
		return;
	}
	b->open_until_ms = now_mono_ms + b->backoff_ms;
}

void breaker_hold(struct breaker *b, int64_t now_mono_ms, int64_t hold_ms)
{
	if (hold_ms > 0 && now_mono_ms + hold_ms > b->hold_until_ms)
		b->hold_until_ms = now_mono_ms + hold_ms;
}
