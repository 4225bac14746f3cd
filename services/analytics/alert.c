/* One row of memory a finding, locked while it is judged, so that no two replicas tell the same. */
#include "alert.h"

#include <stdio.h>

#include "bus/store.h"
#include "core/log.h"

#define PUBLISH_DEADLINE_MS 10000

static void fingerprint_of(const char *type, struct span subject, char out[FINDING_FINGERPRINT_BYTES])
{
	const struct span parts[] = {SPAN(ALERT_SOURCE), span_from(type), subject};
	finding_fingerprint(parts, countof(parts), out);
}

static bool read_number(const struct store_result *r, int column, unsigned *ret)
{
	int64_t v;
	if (!span_i64(store_value(r, 0, column), &v) || v < 0)
		return false;
	*ret = v > 1000000 ? 1000000 : (unsigned)v;
	return true;
}

static enum status lock_memory(struct store *s, struct span tenant, struct span fingerprint, struct alert_memory *ret,
                               struct err *err)
{
	const struct span params[] = {tenant, fingerprint};
	scoped_result r = {0};
	enum status status = store_exec(
	    s, "INSERT INTO ai_usage_findings (tenant, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING", params, 2, err);
	if (status == STATUS_OK)
		status = store_query(
		    s, "SELECT beyond, calm, told FROM ai_usage_findings WHERE tenant = $1 AND fingerprint = $2 FOR UPDATE",
		    params, 2, &r, err);
	if (status != STATUS_OK)
		return status;
	struct alert_memory m = {.told = store_value(&r, 0, 2).p != NULL};
	if (!read_number(&r, 0, &m.state.beyond) || !read_number(&r, 1, &m.state.calm))
		return err_set(err, STATUS_INTERNAL, "ai_usage_findings has a row that cannot be read");
	m.state.open = m.told;
	*ret = m;
	return STATUS_OK;
}

enum status alert_recall(struct store *s, struct span tenant, const char *type, struct span subject,
                         struct alert_memory *ret, struct err *err)
{
	char fingerprint[FINDING_FINGERPRINT_BYTES];
	fingerprint_of(type, subject, fingerprint);
	enum status status = store_begin(s, err);
	if (status == STATUS_OK)
		status = lock_memory(s, tenant, span_from(fingerprint), ret, err);
	if (status != STATUS_OK)
		store_rollback(s);
	return status;
}

/* The memory after this: what was told last decides whether there is news. */
#define REMEMBER_SQL                                                                                                   \
	"WITH before AS (SELECT told, occurrences, first_seen FROM ai_usage_findings WHERE tenant = $1 AND fingerprint = " \
	"$2) UPDATE ai_usage_findings AS f SET beyond = $3::int, calm = $4::int, told = $5, updated_at = now(), "          \
	"occurrences = f.occurrences + CASE WHEN $5::text IS NOT NULL AND f.told IS NULL THEN 1 ELSE 0 END, "              \
	"first_seen = CASE WHEN $5::text IS NOT NULL AND f.told IS NULL THEN $6::timestamptz ELSE f.first_seen END "       \
	"FROM before WHERE f.tenant = $1 AND f.fingerprint = $2 "                                                          \
	"RETURNING f.occurrences, (extract(epoch FROM f.first_seen) * 1000)::bigint, before.told IS DISTINCT FROM f.told"

static enum status publish(struct analytics *a, struct span tenant, const struct finding *f, struct err *err)
{
	scoped_buf body = {0};
	char subject[FINDING_SUBJECT_BYTES], id[128];
	finding_subject(tenant, f, subject);
	snprintf(id, sizeof id, "finding:%.*s.%.*s:%s:%s:%lld", SPAN_ARG(tenant), SPAN_ARG(f->fingerprint),
	         finding_status_names[f->status], severity_names[f->severity], (long long)f->occurrences);
	json_encode(&finding_table, f, &(struct json_writer){.out = &body});
	const struct bus_header header = {"Nats-Msg-Id", span_from(id)};
	const struct bus_out m = {.subject = subject, .data = buf_span(&body), .headers = &header, .headers_n = 1};
	log_fields(LOG_INFO, "finding", LOG_S("tenant", tenant), LOG_S("type", f->type), LOG_S("fingerprint", f->fingerprint),
	           LOG_C("severity", severity_names[f->severity]), LOG_C("status", finding_status_names[f->status]));
	return bus_store_wait(a->bus, &m, PUBLISH_DEADLINE_MS, NULL, err);
}

static enum status remember(struct analytics *a, struct store *s, struct span tenant, const struct alert *what,
                            const struct alert_memory *m, struct err *err)
{
	char fingerprint[FINDING_FINGERPRINT_BYTES], beyond[16], calm[16], at[RFC3339_BYTES];
	scoped_result r = {0};
	fingerprint_of(what->type, what->subject, fingerprint);
	snprintf(beyond, sizeof beyond, "%u", m->state.beyond);
	snprintf(calm, sizeof calm, "%u", m->state.calm);
	const struct span told = what->open ? span_from(severity_names[what->severity]) : (struct span){0};
	const struct span params[] = {tenant,          span_from(fingerprint), span_from(beyond),
	                              span_from(calm), told,                   span_from(rfc3339_format(what->at_ms, at))};
	enum status status = store_query(s, REMEMBER_SQL, params, countof(params), &r, err);
	if (status != STATUS_OK || !span_is(store_value(&r, 0, 2), "t"))
		return status;
	struct finding f = {
	    .fingerprint = span_from(fingerprint),
	    .source = SPAN(ALERT_SOURCE),
	    .type = span_from(what->type),
	    .severity = what->severity,
	    .status = what->open ? FINDING_OPEN : FINDING_RESOLVED,
	    .title = what->title,
	    .description = what->description,
	    .recommendation = what->recommendation,
	    .evidence = what->evidence,
	    .occurrences = 1,
	    .timestamp = {what->at_ms},
	    .labels = what->labels,
	};
	if (!span_i64(store_value(&r, 0, 0), &f.occurrences) || f.occurrences < 1)
		f.occurrences = 1;
	int64_t first_ms;
	if (span_i64(store_value(&r, 0, 1), &first_ms))
		f.first_seen.ms = first_ms;
	return publish(a, tenant, &f, err);
}

enum status alert_tell(struct analytics *a, struct store *s, struct span tenant, const struct alert *what,
                       const struct alert_memory *m, struct err *err)
{
	enum status status = remember(a, s, tenant, what, m, err);
	if (status == STATUS_OK)
		status = store_commit(s, err);
	if (status != STATUS_OK)
		store_rollback(s);
	return status;
}
