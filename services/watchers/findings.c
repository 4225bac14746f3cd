/* Compares what a run found with what was open: publishes what opened, changed and is no more. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "core/utf8.h"
#include "core/wait.h"
#include "services/watchers/watcher.h"

#define LOAD_MS 10000
#define STORE_MS 10000

/* An open finding of this watch, as the bucket has it. */
struct open_finding {
	struct open_finding *next;
	struct finding finding;
	struct span area;
	bool found; /* by this run */
};

/* ---- what was open */

struct loading {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool caught_up;
	struct arena *arena;
	void (*each)(void *arg, const struct finding_kept *k);
	void *arg;
};

/* "$KV.findings.<tenant>.<fingerprint>" */
static struct span tenant_of(struct span subject)
{
	span_cut(&subject, '.');
	if (subject.p)
		span_cut(&subject, '.');
	return subject.p ? span_cut(&subject, '.') : (struct span){0};
}

static void on_finding(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	struct loading *l = arg;
	struct json v, label;
	struct err err;
	(void)stored_ms;
	if (!m->data.n)
		return; /* deleted */
	struct span data = arena_dup(l->arena, m->data);
	struct finding_kept k = {.tenant = arena_dup(l->arena, tenant_of(m->subject)), .revision = sequence};
	if (json_parse(data, &v, &err) != STATUS_OK ||
	    json_decode(&finding_table, v, JSON_LENIENT, l->arena, &k.finding, &err) != STATUS_OK)
		return;
	if (!json_member(k.finding.labels, SPAN("watch"), &label))
		return;
	k.watch = json_text(label, l->arena);
	l->each(l->arg, &k);
}

static void on_caught_up(void *arg)
{
	struct loading *l = arg;
	pthread_mutex_lock(&l->lock);
	l->caught_up = true;
	pthread_cond_signal(&l->done);
	pthread_mutex_unlock(&l->lock);
}

enum status findings_each(struct bus *b, const char *filter, struct arena *a,
                          void (*each)(void *arg, const struct finding_kept *k), void *arg, struct err *err)
{
	struct loading l = {.arena = a, .each = each, .arg = arg};
	struct bus_follow *follow;
	pthread_mutex_init(&l.lock, NULL);
	wait_cond_init(&l.done);
	const struct bus_follow_options o = {.stream = "KV_" BUCKET_FINDINGS,
	                                     .filter = filter,
	                                     .last_per_subject = true,
	                                     .message = on_finding,
	                                     .caught_up = on_caught_up,
	                                     .arg = &l};
	enum status s = bus_follow_open(b, &o, &follow, err);
	if (s == STATUS_OK) {
		struct timespec until = wait_until(LOAD_MS);
		pthread_mutex_lock(&l.lock);
		while (!l.caught_up && pthread_cond_timedwait(&l.done, &l.lock, &until) == 0)
			continue;
		if (!l.caught_up)
			s = err_retry(err, STATUS_TIMEOUT, "the open findings were not read within %d s", LOAD_MS / 1000);
		pthread_mutex_unlock(&l.lock);
		bus_follow_close(follow);
	}
	pthread_cond_destroy(&l.done);
	pthread_mutex_destroy(&l.lock);
	return s;
}

static void load_one(void *arg, const struct finding_kept *k)
{
	struct watch_run *r = arg;
	struct json area;
	if (k->finding.status != FINDING_OPEN || !span_eq(k->watch, r->watch->name))
		return;
	struct open_finding *o = arena_new(r->arena, struct open_finding);
	o->finding = k->finding;
	json_member(o->finding.labels, SPAN("area"), &area);
	o->area = json_text(area, r->arena);
	o->next = r->open;
	r->open = o;
}

enum status findings_load(struct watch_run *r, struct err *err)
{
	char filter[96];
	snprintf(filter, sizeof filter, "$KV." BUCKET_FINDINGS ".%.*s.>", SPAN_ARG(r->watch->tenant));
	return findings_each(r->w->bus, filter, r->arena, load_one, r, err);
}

void findings_free(struct watch_run *r)
{
	free(r->drafts);
	r->drafts = NULL;
}

enum status finding_publish(struct bus *b, struct span tenant, const struct finding *f, const char *turn, struct err *err)
{
	char subject[FINDING_SUBJECT_BYTES], id[200];
	scoped_buf body = {0};
	finding_subject(tenant, f, subject);
	snprintf(id, sizeof id, "finding-%.*s-%s-%u-%u", SPAN_ARG(f->fingerprint), turn, f->status, f->severity);
	json_encode(&finding_table, f, &(struct json_writer){.out = &body});
	const struct bus_header header = {HEADER_MSG_ID, span_from(id)};
	const struct bus_out out = {subject, NULL, buf_span(&body), &header, 1};
	return bus_store_wait(b, &out, STORE_MS, NULL, err);
}

/* ---- comparing */

static void fingerprint_of(const struct watch_run *r, struct span key, char out[FINDING_FINGERPRINT_BYTES])
{
	const struct span parts[] = {r->watch->tenant, r->watch->name, span_from(r->watcher->name), key};
	finding_fingerprint(parts, countof(parts), out);
}

static struct open_finding *open_of(const struct watch_run *r, struct span fingerprint)
{
	for (struct open_finding *o = r->open; o; o = o->next)
		if (span_eq(o->finding.fingerprint, fingerprint))
			return o;
	return NULL;
}

bool run_was_open(const struct watch_run *r, const char *key)
{
	char fingerprint[FINDING_FINGERPRINT_BYTES];
	fingerprint_of(r, span_from(key), fingerprint);
	return open_of(r, span_from(fingerprint)) != NULL;
}

static struct json labels_of(struct watch_run *r, const struct draft *d)
{
	scoped_buf text = {0};
	struct json_writer w = {.out = &text};
	json_begin_object(&w);
	json_kv_text(&w, "watch", r->watch->name);
	if (d->area.n)
		json_kv_text(&w, "area", d->area);
	if (d->label && d->place.n)
		json_kv_text(&w, d->label, d->place);
	if (r->config->project_ref.n)
		json_kv_text(&w, "project_ref", r->config->project_ref);
	json_end_object(&w);
	return (struct json){arena_dup(r->arena, buf_span(&text)), JSON_OBJECT};
}

static struct finding finding_of(struct watch_run *r, const struct draft *d, const struct open_finding *before,
                                 int64_t now_ms)
{
	char fingerprint[FINDING_FINGERPRINT_BYTES];
	fingerprint_of(r, d->key, fingerprint);
	bool fits = d->evidence.n && d->evidence.n <= FINDING_EVIDENCE_MAX;
	return (struct finding){
	    .fingerprint = arena_dup(r->arena, span_from(fingerprint)),
	    .source = span_from(r->watcher->source ? r->watcher->source : r->watcher->name),
	    .type = span_from(d->type),
	    .severity = d->severity,
	    .status = FINDING_OPEN,
	    .title = utf8_cut(d->title, FINDING_TITLE_MAX),
	    .description = utf8_cut(d->description, FINDING_TEXT_MAX),
	    .recommendation = utf8_cut(d->recommendation, FINDING_TEXT_MAX),
	    .evidence = fits ? (struct json){d->evidence, JSON_OBJECT} : (struct json){0},
	    .occurrences = before ? before->finding.occurrences + 1 : 1,
	    .first_seen = before ? before->finding.first_seen : (struct json_time){now_ms},
	    .timestamp = {now_ms},
	    .labels = labels_of(r, d),
	};
}

static enum status publish(struct watch_run *r, const struct finding *f, struct err *err)
{
	/* The same run done again after a crash says the same under the same id. */
	return finding_publish(r->w->bus, r->watch->tenant, f, r->run_id, err);
}

/* What is resolved stays until targets were told, too: the notifier takes it away. */
static enum status keep(struct watch_run *r, const struct finding *f, struct err *err)
{
	char key[128];
	scoped_buf body = {0};
	uint64_t revision;
	snprintf(key, sizeof key, "%.*s.%.*s", SPAN_ARG(r->watch->tenant), SPAN_ARG(f->fingerprint));
	json_encode(&finding_table, f, &(struct json_writer){.out = &body});
	return bus_kv_put(r->w->bus, BUCKET_FINDINGS, key, buf_span(&body), &revision, err);
}

static enum status settle_draft(struct watch_run *r, const struct draft *d, int64_t now_ms, struct err *err)
{
	char fingerprint[FINDING_FINGERPRINT_BYTES];
	fingerprint_of(r, d->key, fingerprint);
	struct open_finding *before = open_of(r, span_from(fingerprint));
	if (before && before->found)
		return STATUS_OK; /* found twice in one run */
	struct finding f = finding_of(r, d, before, now_ms);
	enum status s = STATUS_OK;
	if (!before) {
		r->record->opened.v++;
		s = publish(r, &f, err);
		/* The next draft of the same key is this one. */
		before = arena_new(r->arena, struct open_finding);
		before->finding = f;
		before->next = r->open;
		r->open = before;
	} else if (before->finding.severity != f.severity) {
		r->record->changed.v++;
		s = publish(r, &f, err);
	}
	before->found = true;
	r->record->open.v++;
	return s == STATUS_OK ? keep(r, &f, err) : s;
}

static bool is_unsure(const struct watch_run *r, struct span area)
{
	for (size_t i = 0; i < r->unsure_n; i++)
		if (span_is(r->unsure[i], "*") || span_eq(r->unsure[i], area))
			return true;
	return r->left_out > 0;
}

static enum status resolve(struct watch_run *r, struct open_finding *o, int64_t now_ms, struct err *err)
{
	struct finding f = o->finding;
	f.status = FINDING_RESOLVED;
	f.timestamp.ms = now_ms;
	r->record->resolved.v++;
	enum status s = publish(r, &f, err);
	return s == STATUS_OK ? keep(r, &f, err) : s;
}

enum status findings_settle(struct watch_run *r, struct err *err)
{
	int64_t now_ms = clock_wall_ms(r->w->clock);
	struct opt_i64 none = {true, 0};
	r->record->opened = r->record->changed = r->record->resolved = r->record->open = none;
	for (size_t i = 0; i < r->drafts_n; i++) {
		if (settle_draft(r, &r->drafts[i], now_ms, err) != STATUS_OK)
			return err->status;
		if (run_pause(r))
			return err_set(err, STATUS_CANCELLED, "told to end");
	}
	for (struct open_finding *o = r->open; o; o = o->next) {
		if (o->found)
			continue;
		if (is_unsure(r, o->area))
			r->record->open.v++;
		else if (resolve(r, o, now_ms, err) != STATUS_OK)
			return err->status;
	}
	return STATUS_OK;
}
