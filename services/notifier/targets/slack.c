/* Findings as messages of an incoming webhook of Slack, or of what is compatible with it. */
#include "services/notifier/post.h"

#define TEXT_MAX 2900 /* a section's text has at most 3000 characters */

/* Slack's own escapes; asterisks of Markdown's bold become Slack's. */
static void put_text(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n && out->len < TEXT_MAX; i++) {
		char c = text.p[i];
		if (c == '&')
			buf_adds(out, "&amp;");
		else if (c == '<')
			buf_adds(out, "&lt;");
		else if (c == '>')
			buf_adds(out, "&gt;");
		else if (c == '*' && i + 1 < text.n && text.p[i + 1] == '*')
			buf_addc(out, '*'), i++;
		else
			buf_addc(out, c);
	}
}

static enum status say(struct dealing *d, const struct entry *e, const char *sign, bool whole, struct err *err)
{
	static const char *const colours[] = {"#8a8a8a", "#d9a400", "#d14900", "#b00020"};
	scoped_buf head = {0}, text = {0}, body = {0};
	struct json_writer w = {.out = &body};
	buf_printf(&head, "%s *", sign);
	put_text(&head, e->title);
	buf_addc(&head, '*');
	if (whole)
		put_text(&text, e->body);
	json_begin_object(&w);
	json_kv_text(&w, "text", buf_span(&head));
	json_key(&w, SPAN("attachments"));
	json_begin_array(&w);
	if (whole) {
		json_begin_object(&w);
		json_kv_cstr(&w, "color", colours[e->severity]);
		json_kv_text(&w, "text", buf_span(&text));
		json_key(&w, SPAN("mrkdwn_in"));
		json_begin_array(&w);
		json_put_text(&w, SPAN("text"));
		json_end_array(&w);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	return post_json(d, NULL, 0, buf_span(&body), err);
}

static enum status open_entry(struct dealing *d, const struct entry *e, struct reference *ret, struct err *err)
{
	*ret = (struct reference){0};
	return say(d, e, "\xf0\x9f\x94\xb4", true, err); /* red circle */
}

/* A channel is not told of every new word, only of what got worse. */
static enum status update(struct dealing *d, const struct entry *e, bool worse, const struct reference *at, struct err *err)
{
	(void)at;
	return worse ? say(d, e, "\xf0\x9f\x94\xba", true, err) : STATUS_OK;
}

static enum status close_entry(struct dealing *d, const struct entry *e, bool closed, const struct reference *at,
                               struct err *err)
{
	(void)at;
	const char *over = e->unwatched ? "\xe2\x9a\xaa No longer watched:" : "\xe2\x9c\x85 Recovered:";
	return closed ? say(d, e, over, false, err) : say(d, e, "\xf0\x9f\x94\xb4 Again:", true, err);
}

const struct target_kind target_kind_slack = {
    .kind = "slack",
    .summaries = true,
    .blind = true,
    .check = post_check,
    .open = open_entry,
    .update = update,
    .close = close_entry,
};
