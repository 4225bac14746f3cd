-- Small sums for common questions about long times. They do not tell apart how jobs ended but count it, and lack most dimensions:
-- total has none, plain has provider and model, task has operation, pipeline and field, person has the user. A year by user reads
-- some thousand rows of them, where those by user, model and status are some hundred thousand.
CREATE TABLE ai_usage_hour_total (
	LIKE ai_usage_minute_model INCLUDING ALL,
	completed bigint NOT NULL,
	failed    bigint NOT NULL,
	cancelled bigint NOT NULL,
	rejected  bigint NOT NULL
) WITH (fillfactor = 80);
CREATE TABLE ai_usage_day_total (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_total (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_hour_plain (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_day_plain (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_plain (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_day_task (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_task (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_day_person (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_person (LIKE ai_usage_hour_total INCLUDING ALL) WITH (fillfactor = 80);

-- What is kept already, when the ledger may be gone: `dims` are the columns of the new table from provider to user_id.
CREATE FUNCTION ai_usage_backfill(grain text, target text, source text, dims text, grouped text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO ai_usage_%s_%s SELECT bucket, sum(jobs), sum(retries), sum(cached), sum(fallbacks), sum(unpriced), '
		'sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), '
		'sum(total_tokens), sum(cost_nanousd), sum(saved_nanousd), sum(prompt_saved_nanousd), sum(processing_ms), sum(processing_n), '
		'sum(queue_ms), sum(queue_n), sum(first_token_ms), sum(first_token_n), sum(speed_tokens), sum(speed_ms), tenant, %L, %s, '
		'coalesce(sum(jobs) FILTER (WHERE status = %L), 0), coalesce(sum(jobs) FILTER (WHERE status = %L), 0), '
		'coalesce(sum(jobs) FILTER (WHERE status = %L), 0), coalesce(sum(jobs) FILTER (WHERE status = %L), 0) '
		'FROM ai_usage_%s_%s GROUP BY tenant, bucket%s ORDER BY tenant, bucket', grain, target, '', dims, 'completed', 'failed',
		'cancelled', 'rejected', grain, source, grouped);
END
$$;
SELECT ai_usage_backfill(grain, 'total', 'model', $$'', '', '', '', '', ''$$, '') FROM unnest(ARRAY['hour', 'day', 'month']) AS grain;
SELECT ai_usage_backfill(grain, 'plain', 'model', $$provider, model, '', '', '', ''$$, ', provider, model')
FROM unnest(ARRAY['hour', 'day', 'month']) AS grain;
SELECT ai_usage_backfill(grain, 'task', 'work', $$'', '', operation, pipeline, field_name, ''$$, ', operation, pipeline, field_name')
FROM unnest(ARRAY['day', 'month']) AS grain;
SELECT ai_usage_backfill(grain, 'person', 'user', $$'', '', '', '', '', user_id$$, ', user_id') FROM unnest(ARRAY['day', 'month']) AS grain;
DROP FUNCTION ai_usage_backfill;

-- One user's year.
CREATE INDEX ai_usage_day_person_user ON ai_usage_day_person (tenant, user_id, bucket);
CREATE INDEX ai_usage_month_user_user ON ai_usage_month_user (tenant, user_id, bucket);
