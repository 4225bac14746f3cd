/* Findings: what tells two of them apart. */
#include "contract/finding.h"
#include "tests/lib/test.h"

static const char *print_of(const char *a, const char *b)
{
	static char out[FINDING_FINGERPRINT_BYTES];
	finding_fingerprint((const struct span[]){span_from(a), span_from(b)}, 2, out);
	return out;
}

TEST(a_fingerprint_is_the_same_for_the_same_parts_on_every_machine)
{
	char first[FINDING_FINGERPRINT_BYTES];
	strcpy(first, print_of("orphaned_rows", "clips"));
	CHECK(strcmp(first, print_of("orphaned_rows", "clips")) == 0);
	CHECK_INT(strlen(first), FINDING_FINGERPRINT_BYTES - 1);
	CHECK(id_is_job(span_from(first)));
	CHECK_MSG(strcmp(first, "78ab6d6491908dae5ff7f384") == 0, "is %s", first);
}

TEST(a_fingerprint_tells_apart_what_only_differs_in_where_a_part_ends)
{
	char first[FINDING_FINGERPRINT_BYTES];
	strcpy(first, print_of("ab", "c"));
	CHECK(strcmp(first, print_of("a", "bc")) != 0);
	CHECK(strcmp(first, print_of("abc", "")) != 0);
}

TEST(a_finding_goes_to_the_subject_of_its_source_and_severity)
{
	char subject[FINDING_SUBJECT_BYTES];
	const struct finding f = {.source = SPAN("integrity"), .severity = SEVERITY_HIGH};
	finding_subject(SPAN("acme"), &f, subject);
	CHECK(strcmp(subject, "gannet.acme.findings.integrity.high") == 0);
}
