/* Prometheus: one scrape, out of which each metric sums up the series that its selector names. */
#include "services/collector/prometheus.h"

#include "services/collector/fetch.h"

static const struct json_field fields[] = {FETCH_ROW};
static const struct json_table table = {"collector.sources", sizeof(struct fetch_row), fields, countof(fields)};

struct scrape {
	struct fetch *fetch;
	struct prometheus_selector *selectors;
};

static enum status open_prometheus(struct source *s, const void *row, struct arena *a, struct err *err)
{
	struct scrape *p = arena_new(a, struct scrape);
	p->selectors = arena_zalloc(a, s->fields_n * sizeof *p->selectors);
	for (size_t i = 0; i < s->fields_n; i++) {
		struct err inner;
		if (prometheus_select(span_from(s->fields[i].selector), a, &p->selectors[i], &inner) != STATUS_OK)
			return err_field(err, STATUS_INVALID, "fields", "fields: %s: %.200s", s->fields[i].metric, inner.msg);
	}
	if (fetch_new(row, "text/plain;version=0.0.4", a, &p->fetch, err) != STATUS_OK)
		return err->status;
	s->state = p;
	return STATUS_OK;
}

struct totals {
	const struct source *source;
	struct prometheus_total *all;
};

static void on_sample(void *arg, const struct prometheus_sample *sample)
{
	const struct totals *t = arg;
	const struct scrape *p = t->source->state;
	for (size_t i = 0; i < t->source->fields_n; i++)
		prometheus_add(&p->selectors[i], sample, &t->all[i]);
}

static enum status read_prometheus(const struct source *s, struct reading *r, struct err *err)
{
	const struct scrape *p = s->state;
	scoped_buf body = {0};
	scoped_arena a = {0};
	struct totals t = {s, arena_zalloc(&a, s->fields_n * sizeof *t.all)};
	double value;
	if (fetch_get(p->fetch, r, &body, err) != STATUS_OK)
		return err->status;
	if (prometheus_parse(buf_span(&body), on_sample, &t, err) != STATUS_OK) {
		reading_fail(r, "%s", err->msg); /* our own words, and a number */
		return err->status;
	}
	for (size_t i = 0; i < s->fields_n; i++) {
		if (prometheus_result(&p->selectors[i], &t.all[i], &value))
			reading_put_number(r, i, value);
		else
			reading_bad(r, i, "no such series");
	}
	return STATUS_OK;
}

static void close_prometheus(struct source *s)
{
	(void)s;
}

const struct source_kind source_kind_prometheus = {.name = "prometheus",
                                                   .table = &table,
                                                   .open = open_prometheus,
                                                   .read = read_prometheus,
                                                   .close = close_prometheus};
