-- Fewer and larger rows for questions that read many. Bins of a metric become one row, and there are those of all models
-- together; what a user has of each model is kept without status by month and by quarter. Of minutes there are sums by model
-- only: the others had nearly as many rows as the ledger, which answers as well.
DROP TABLE ai_usage_minute_work, ai_usage_minute_user, ai_usage_minute_bins;

-- sum() of bigint works in numeric, and needs several times as long and as much memory. This one fails when it overflows.
CREATE AGGREGATE ai_usage_sum(bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE);

CREATE FUNCTION ai_usage_pack_bins(grain text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE ai_usage_%s_bins RENAME TO ai_usage_old_bins', grain);
	EXECUTE format('ALTER INDEX ai_usage_%s_bins_pkey RENAME TO ai_usage_old_bins_pkey', grain);
	EXECUTE format('CREATE TABLE ai_usage_%s_bins ('
		'bucket timestamptz NOT NULL, '
		'metric smallint NOT NULL, ' -- 1 processing, 2 first token, 3 queue
		'bins smallint[] NOT NULL, ' -- ascending, those that hold anything
		'counts bigint[] NOT NULL, ' -- as many
		'tenant text NOT NULL COLLATE "C", '
		'provider text NOT NULL COLLATE "C", '
		'model text NOT NULL COLLATE "C", '
		'PRIMARY KEY (tenant, bucket, metric, model, provider)) WITH (fillfactor = 80)', grain);
	EXECUTE format('INSERT INTO ai_usage_%s_bins SELECT bucket, metric, array_agg(bin ORDER BY bin), array_agg(n ORDER BY bin), tenant, '
		'provider, model FROM ai_usage_old_bins GROUP BY tenant, bucket, metric, model, provider ORDER BY tenant, bucket', grain);
	DROP TABLE ai_usage_old_bins;
END
$$;
SELECT ai_usage_pack_bins(grain) FROM unnest(ARRAY['hour', 'day', 'month']) AS grain;
DROP FUNCTION ai_usage_pack_bins;

CREATE FUNCTION ai_usage_total_bins(grain text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE ai_usage_%s_bins_total (LIKE ai_usage_%s_bins INCLUDING ALL) WITH (fillfactor = 80)', grain, grain);
	EXECUTE format('INSERT INTO ai_usage_%s_bins_total SELECT bucket, metric, array_agg(bin ORDER BY bin), array_agg(n ORDER BY bin), '
		'tenant, %L, %L FROM (SELECT bucket, metric, bin, sum(n)::bigint AS n, tenant FROM ai_usage_%s_bins CROSS JOIN LATERAL '
		'unnest(bins, counts) AS u (bin, n) GROUP BY bucket, metric, bin, tenant) AS counted GROUP BY tenant, bucket, metric '
		'ORDER BY tenant, bucket', grain, '', '', grain);
END
$$;
SELECT ai_usage_total_bins(grain) FROM unnest(ARRAY['hour', 'day', 'month']) AS grain;
DROP FUNCTION ai_usage_total_bins;

CREATE TABLE ai_usage_month_habit (LIKE ai_usage_month_person INCLUDING ALL) WITH (fillfactor = 80);
INSERT INTO ai_usage_month_habit
SELECT bucket, sum(jobs), sum(retries), sum(cached), sum(fallbacks), sum(unpriced), sum(input_tokens), sum(cache_read_tokens),
	sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), sum(total_tokens), sum(cost_nanousd), sum(saved_nanousd),
	sum(prompt_saved_nanousd), sum(processing_ms), sum(processing_n), sum(queue_ms), sum(queue_n), sum(first_token_ms),
	sum(first_token_n), sum(speed_tokens), sum(speed_ms), tenant, '', provider, model, '', '', '', user_id,
	coalesce(sum(jobs) FILTER (WHERE status = 'completed'), 0), coalesce(sum(jobs) FILTER (WHERE status = 'failed'), 0),
	coalesce(sum(jobs) FILTER (WHERE status = 'cancelled'), 0), coalesce(sum(jobs) FILTER (WHERE status = 'rejected'), 0)
FROM ai_usage_month_user GROUP BY tenant, bucket, provider, model, user_id ORDER BY tenant, bucket;
-- One user's year.
CREATE INDEX ai_usage_month_habit_user ON ai_usage_month_habit (tenant, user_id, bucket);

CREATE TABLE ai_usage_quarter_habit (LIKE ai_usage_month_habit INCLUDING ALL) WITH (fillfactor = 80);
INSERT INTO ai_usage_quarter_habit
SELECT date_trunc('quarter', bucket, 'UTC') AS quarter, sum(jobs), sum(retries), sum(cached), sum(fallbacks), sum(unpriced),
	sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens),
	sum(total_tokens), sum(cost_nanousd), sum(saved_nanousd), sum(prompt_saved_nanousd), sum(processing_ms), sum(processing_n),
	sum(queue_ms), sum(queue_n), sum(first_token_ms), sum(first_token_n), sum(speed_tokens), sum(speed_ms), tenant, '', provider,
	model, '', '', '', user_id, sum(completed), sum(failed), sum(cancelled), sum(rejected)
FROM ai_usage_month_habit GROUP BY tenant, quarter, provider, model, user_id ORDER BY tenant, quarter;
