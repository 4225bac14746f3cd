-- Sums by user alone, of days and months: a year by user reads some thousand rows, where models would make it a hundred times as many.
CREATE TABLE ai_usage_day_person (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_person (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);

-- What is kept already, when the ledger may be gone.
DO $$
DECLARE
	grain text;
BEGIN
	FOREACH grain IN ARRAY ARRAY['day', 'month'] LOOP
		EXECUTE format('INSERT INTO ai_usage_%s_person SELECT bucket, sum(jobs), sum(retries), sum(cached), sum(fallbacks), sum(unpriced), '
			'sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), '
			'sum(total_tokens), sum(cost_nanousd), sum(saved_nanousd), sum(prompt_saved_nanousd), sum(processing_ms), '
			'sum(processing_n), sum(queue_ms), sum(queue_n), sum(first_token_ms), sum(first_token_n), sum(speed_tokens), '
			'sum(speed_ms), tenant, status, '''', '''', '''', '''', '''', user_id FROM ai_usage_%s_user '
			'GROUP BY bucket, tenant, status, user_id', grain, grain);
	END LOOP;
END
$$;

-- One user's year.
CREATE INDEX ai_usage_day_person_user ON ai_usage_day_person (tenant, user_id, bucket);
CREATE INDEX ai_usage_day_user_user ON ai_usage_day_user (tenant, user_id, bucket);
CREATE INDEX ai_usage_month_user_user ON ai_usage_month_user (tenant, user_id, bucket);
