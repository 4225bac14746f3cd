/* Which subjects a stream may follow, and from where on. */
#include <stdio.h>

#include "services/gateway/events/stream.h"

static const struct source {
	const char *pattern; /* behind gannet.<tenant>. */
	const char *stored;
	bool for_users; /* role user may, and sees what has its user_id */
	size_t tokens;  /* of every subject of the stream; 0: they differ */
} sources[] = {
    {"jobs.event.>", STREAM_EVENTS, true},   {"jobs.stream.>", NULL, false},
    {"records.result.>", STREAM_EVENTS, false}, {"snapshot.taken", STREAM_STATE, false},
    {"reasoning.completed", STREAM_STATE, false}, {"actions.completed", STREAM_STATE, false},
    {"findings.>", STREAM_FINDINGS, false, 3}, {"signals.>", STREAM_SIGNALS, false},
};

/* A filter as NATS knows it: tokens without blanks and controls, '*' and '>' alone in theirs, '>' at the end. */
static bool is_filter(struct span s)
{
	if (!s.n || s.n > FILTER_BYTES - 48)
		return false;
	for (struct span rest = s; rest.p;) {
		struct span token = span_cut(&rest, '.');
		bool wild = span_is(token, "*") || span_is(token, ">");
		if (!token.n || (span_is(token, ">") && rest.p))
			return false;
		for (size_t i = 0; i < token.n && !wild; i++)
			if ((unsigned char)token.p[i] <= ' ' || (unsigned char)token.p[i] >= 0x7f || token.p[i] == '*' || token.p[i] == '>')
				return false;
	}
	return true;
}

/* Whether every subject that the filter matches is one that the pattern matches. */
static bool lies_within(struct span filter, struct span pattern)
{
	while (filter.p && pattern.p) {
		struct span token = span_cut(&filter, '.'), wanted = span_cut(&pattern, '.');
		if (span_is(wanted, ">"))
			return true;
		if (!span_eq(token, wanted))
			return false;
	}
	return !filter.p && !pattern.p;
}

static const struct source *source_of(struct span filter)
{
	for (size_t i = 0; i < countof(sources); i++)
		if (lies_within(filter, span_from(sources[i].pattern)))
			return &sources[i];
	return NULL;
}

/*
 * A stream takes a filter that lies within its own subjects only, which "findings.>" does not within "findings.*.*": '>' is
 * written as the tokens that it stands for. False when there are no such subjects.
 */
static bool spell_out(struct span filter, size_t tokens, struct buf *out)
{
	size_t n = 0;
	for (struct span rest = filter; rest.p; n++) {
		struct span token = span_cut(&rest, '.');
		if (tokens && span_is(token, ">"))
			break;
		buf_printf(out, "%s%.*s", n ? "." : "", SPAN_ARG(token));
		if (!rest.p && tokens)
			return n + 1 == tokens;
	}
	bool fits = !tokens || n < tokens;
	for (; n < tokens; n++)
		buf_adds(out, ".*");
	return fits;
}

/* "gannet.<tenant>." in front may be there, if the tenant is the caller's own. */
static enum status own_part(struct call *c, struct span *filter, struct err *err)
{
	struct span rest = *filter;
	if (!span_is(span_cut(&rest, '.'), "gannet"))
		return STATUS_OK;
	if (!rest.p || !span_is(span_cut(&rest, '.'), c->who.tenant) || !rest.p)
		return err_field(err, STATUS_FORBIDDEN, "subjects", "only subjects of one's own tenant may be followed");
	*filter = rest;
	return STATUS_OK;
}

static enum status add_feed(struct call *c, struct stream *s, struct span filter, struct err *err)
{
	if (own_part(c, &filter, err) != STATUS_OK)
		return err->status;
	const struct source *source = is_filter(filter) ? source_of(filter) : NULL;
	scoped_buf spelled = {0};
	if (!source || !spell_out(filter, source->tokens, &spelled))
		return err_field(err, STATUS_INVALID, "subjects",
		                 "\"%.60s\" is no filter within jobs.event.>, jobs.stream.>, records.result.>, snapshot.taken, "
		                 "reasoning.completed, actions.completed, findings.> or signals.>",
		                 arena_cstr(&c->arena, filter));
	if (!c->leads && !source->for_users)
		return err_field(err, STATUS_FORBIDDEN, "subjects", "%s needs one of the roles admin, manager", source->pattern);
	if (s->feeds_n == FILTERS_MAX)
		return err_field(err, STATUS_INVALID, "subjects", "there are more than %d subjects", FILTERS_MAX);
	struct feed *f = &s->feeds[s->feeds_n];
	*f = (struct feed){.stream = s, .index = s->feeds_n, .stored = source->stored};
	snprintf(f->subject, sizeof f->subject, "gannet.%s.%.*s", c->who.tenant, SPAN_ARG(buf_span(&spelled)));
	s->feeds_n++;
	return STATUS_OK;
}

/* "e.4711.17": a place for each subject, in their order. */
static enum status read_places(struct stream *s, struct span id, struct err *err)
{
	struct span rest = id;
	bool good = span_is(span_cut(&rest, '.'), "e");
	size_t n = 0;
	for (int64_t place; good && rest.p; n++) {
		good = n < s->feeds_n && span_i64(span_cut(&rest, '.'), &place) && place >= 0;
		if (good)
			s->feeds[n].position = (uint64_t)place;
	}
	if (!good || n != s->feeds_n)
		return err_field(err, STATUS_INVALID, "Last-Event-ID",
		                 "Last-Event-ID is none of a stream of these %zu subjects", s->feeds_n);
	s->resumes = true;
	return STATUS_OK;
}

enum status stream_filters(struct call *c, struct stream *s, struct err *err)
{
	struct span subjects = {0}, id = http_exchange_header(c->x, "Last-Event-ID");
	for (size_t i = 0; i < c->target.pairs_n; i++) {
		const struct http_pair *p = &c->target.pairs[i];
		if (span_is(p->name, "subjects") && !subjects.p)
			subjects = p->value;
		else if (span_is(p->name, "last_event_id"))
			id = p->value;
		else
			return err_field(err, STATUS_INVALID, "query", "known are subjects, once, and last_event_id");
	}
	if (!subjects.n)
		return err_field(err, STATUS_INVALID, "subjects", "subjects is missing: what to follow, comma separated");
	while (subjects.p)
		if (add_feed(c, s, span_trim(span_cut(&subjects, ',')), err) != STATUS_OK)
			return err->status;
	return id.n ? read_places(s, id, err) : STATUS_OK;
}
