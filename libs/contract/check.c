/* The identifiers that messages carry. */
#include "contract/check.h"

#include "core/id.h"

const char *check_job_id(struct span s)
{
	return id_is_job(s) ? NULL : "1 to 64 of A-Z a-z 0-9 _ -";
}

const char *check_output_id(struct span s)
{
	return span_starts(s, SPAN("out-")) && id_is_job(span_of(s.p + 4, s.n - 4)) ? NULL : "out- and a job id";
}

const char *check_kind(struct span s)
{
	return id_is_kind(s) ? NULL : "1 to 32 of a-z 0-9 _ -";
}

const char *check_strings(struct json v)
{
	struct json key, value;
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &value);)
		if (value.type != JSON_STRING)
			return v.type == JSON_OBJECT ? "an object of strings" : "an array of strings";
	return NULL;
}
