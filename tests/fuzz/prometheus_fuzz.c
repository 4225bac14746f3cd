/* Fuzzes the Prometheus text parser and its selectors: the first line is a selector, the rest a page. */
#include <stdlib.h>

#include "services/collector/prometheus.c"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct page {
	const struct prometheus_selector *selector;
	struct prometheus_total total;
	size_t samples;
};

/* Every text lies in readable memory, and a sample's own name selects it. */
static void on_sample(void *arg, const struct prometheus_sample *s)
{
	struct page *p = arg;
	volatile char sink = 0;
	require(s->name.n > 0 && s->labels_n <= PROMETHEUS_LABELS_MAX);
	for (size_t i = 0; i < s->labels_n; i++) {
		require(s->labels[i].name.n > 0);
		for (size_t j = 0; j < s->labels[i].value.n; j++)
			sink ^= s->labels[i].value.p[j];
	}
	const struct prometheus_selector itself = {PROMETHEUS_COUNT, s->name, (struct prometheus_label *)s->labels, s->labels_n};
	struct prometheus_total one = {0};
	prometheus_add(&itself, s, &one);
	require(one.n == 1);
	if (p->selector)
		prometheus_add(p->selector, s, &p->total);
	p->samples++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	scoped_arena a = {0};
	struct err err = {0};
	struct prometheus_selector selector;
	struct span page = span_of(data, n), first = span_cut(&page, '\n');
	struct page p = {0};
	if (prometheus_select(first, &a, &selector, &err) == STATUS_OK)
		p.selector = &selector;
	else
		require(err.msg[0]);
	if (page.p && prometheus_parse(page, on_sample, &p, &err) != STATUS_OK)
		require(err.status == STATUS_INVALID);
	double value;
	if (p.selector)
		require(prometheus_result(&selector, &p.total, &value) || p.total.n == 0);
	require(p.total.n <= p.samples);
	return 0;
}
