/* The field table of findings, and what tells them apart. */
#include "contract/finding.h"

#include <stdio.h>

#include "contract/check.h"
#include "contract/job.h"
#include "core/buf.h"
#include "core/hash.h"

const char *const severity_names[] = {"low", "medium", "high", "critical", NULL};
const char *const finding_status_names[] = {"open", "resolved", NULL};

#define F(member, ...) JSON_FIELD(struct finding, member, __VA_ARGS__)
static const struct json_field finding_fields[] = {
    F(fingerprint, .min = 1, .max = FINDING_FINGERPRINT_MAX, .check = check_job_id, .required = true),
    F(source, .min = 1, .max = FINDING_SOURCE_MAX, .check = check_kind, .required = true),
    F(type, .min = 1, .max = 32, .check = check_kind, .required = true),
    F(severity, .names = severity_names, .required = true),
    F(status, .names = finding_status_names, .required = true),
    F(title, .min = 1, .max = FINDING_TITLE_MAX, .required = true),
    F(description, .max = FINDING_TEXT_MAX),
    F(recommendation, .max = FINDING_TEXT_MAX),
    F(evidence, .raw_types = JSON_ALLOW(JSON_OBJECT), .max = FINDING_EVIDENCE_MAX),
    F(occurrences, .min = 1, .max = JOB_COUNT_MAX, .required = true),
    F(first_seen),
    F(timestamp, .required = true),
    F(labels, .raw_types = JSON_ALLOW(JSON_OBJECT), .max = JOB_METADATA_MAX, .check_raw = check_strings),
};
const struct json_table finding_table = {"finding", sizeof(struct finding), finding_fields, countof(finding_fields)};

void finding_fingerprint(const struct span *parts, size_t n, char out[FINDING_FINGERPRINT_BYTES])
{
	scoped_buf text = {0};
	uint64_t hash[2];
	for (size_t i = 0; i < n; i++) {
		buf_addi64(&text, (int64_t)parts[i].n);
		buf_addc(&text, ':');
		buf_addspan(&text, parts[i]);
	}
	hash128(buf_span(&text), hash);
	snprintf(out, FINDING_FINGERPRINT_BYTES, "%016llx%08llx", (unsigned long long)hash[0],
	         (unsigned long long)(hash[1] >> 32));
}

void finding_subject(struct span tenant, const struct finding *f, char out[FINDING_SUBJECT_BYTES])
{
	snprintf(out, FINDING_SUBJECT_BYTES, "gannet.%.*s.findings.%.*s.%s", SPAN_ARG(tenant), SPAN_ARG(f->source),
	         severity_names[f->severity]);
}
