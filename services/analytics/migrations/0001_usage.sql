-- The ledger of usage (F10): one row for each final event of a job, never changed, and what is kept of it for quick answers.

-- How far EVENTS was read. The row changes in the transaction that writes what was read, so neither can be without the other.
CREATE TABLE ai_usage_position (
	stream_id  int    GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- a stream that is made anew begins again, as another one
	stream     text   NOT NULL COLLATE "C",
	created_ms bigint NOT NULL,
	sequence   bigint NOT NULL, -- of the last event that was read
	UNIQUE (stream, created_ms)
);

CREATE TABLE ai_usage_metrics (
	at                   timestamptz NOT NULL, -- when the job ended
	event_seq            bigint      NOT NULL, -- place of the event in EVENTS: what makes a row the only one of its event
	stream_id            int         NOT NULL,
	run                  int         NOT NULL,
	attempt              int         NOT NULL, -- 1 and more: one less are retries; 0: none began
	input_tokens         bigint      NOT NULL, -- uncached; the four classes are disjoint and add up to total_tokens
	cache_read_tokens    bigint      NOT NULL,
	cache_write_tokens   bigint      NOT NULL,
	output_tokens        bigint      NOT NULL,
	reasoning_tokens     bigint      NOT NULL, -- part of output_tokens
	total_tokens         bigint      NOT NULL,
	cost_nanousd         bigint,               -- by the price row price_id; NULL: no price, or nothing was called
	saved_nanousd        bigint      NOT NULL, -- what a result out of our cache would have cost
	prompt_saved_nanousd bigint      NOT NULL, -- what the provider's prompt cache took off; below 0 when writing it cost more
	processing_ms        bigint,
	queue_ms             bigint,
	first_token_ms       bigint,
	priced               boolean     NOT NULL, -- false: a provider was called for tokens that have no price
	cached               boolean     NOT NULL,
	fallback             boolean     NOT NULL, -- another model answered than the one asked for
	estimated            boolean     NOT NULL, -- tokens counted by us
	simulated            boolean     NOT NULL,
	tenant               text        NOT NULL COLLATE "C",
	job_id               text        NOT NULL COLLATE "C",
	status               text        NOT NULL COLLATE "C", -- completed, failed, cancelled, rejected
	kind                 text        NOT NULL COLLATE "C",
	operation            text        NOT NULL COLLATE "C", -- job_type, else kind; what is not known is '' from here on
	user_id              text        NOT NULL COLLATE "C",
	agent_id             text        NOT NULL COLLATE "C",
	provider             text        NOT NULL COLLATE "C",
	model                text        NOT NULL COLLATE "C", -- that answered, else the one asked for
	requested_model      text        NOT NULL COLLATE "C",
	pipeline             text        NOT NULL COLLATE "C",
	record_id            text        NOT NULL COLLATE "C",
	field_name           text        NOT NULL COLLATE "C",
	price_id             text        NOT NULL COLLATE "C", -- "<model>@<start date>"
	error_code           text        NOT NULL COLLATE "C",
	PRIMARY KEY (event_seq, stream_id, at)
) PARTITION BY RANGE (at);
CREATE INDEX ai_usage_metrics_tenant ON ai_usage_metrics (tenant, at);

CREATE FUNCTION ai_usage_refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of ai_usage_metrics are never changed';
END
$$;
CREATE TRIGGER ai_usage_metrics_append_only BEFORE UPDATE ON ai_usage_metrics EXECUTE FUNCTION ai_usage_refuse_update();

-- Makes the month's partition that holds `moment`, if there is none.
CREATE FUNCTION ai_usage_partition(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	first timestamptz := date_trunc('month', moment, 'UTC');
	name  text := 'ai_usage_metrics_' || to_char(moment AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
	IF to_regclass(name) IS NULL THEN
		PERFORM pg_advisory_xact_lock(7449356679075097962);
		EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF ai_usage_metrics FOR VALUES FROM (%L) TO (%L)', name, first,
			(first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
	END IF;
END
$$;

-- F10 under the names that users of it know.
CREATE VIEW ai_usage_analytics AS
SELECT tenant, nullif(user_id, '') AS user_id, nullif(provider, '') AS ai_provider, nullif(model, '') AS model_name, operation AS operation_type,
	total_tokens AS tokens_used, cost_nanousd / 10000000.0 AS cost_cents, processing_ms AS response_time_ms, nullif(pipeline, '') AS pipeline,
	nullif(record_id, '') AS record_id, (at AT TIME ZONE 'UTC')::date AS date, at AS created_at
FROM ai_usage_metrics;

-- Sums of the ledger. One table for each length of bucket and each set of dimensions; dimensions that are not in the set are ''.
-- They are kept by the statement of services/analytics/rollup.c, in the ledger's own transactions.
CREATE TABLE ai_usage_minute_model (
	bucket               timestamptz NOT NULL, -- its beginning, UTC
	jobs                 bigint NOT NULL,
	retries              bigint NOT NULL,
	cached               bigint NOT NULL,
	fallbacks            bigint NOT NULL,
	unpriced             bigint NOT NULL,
	input_tokens         bigint NOT NULL,
	cache_read_tokens    bigint NOT NULL,
	cache_write_tokens   bigint NOT NULL,
	output_tokens        bigint NOT NULL,
	reasoning_tokens     bigint NOT NULL,
	total_tokens         bigint NOT NULL,
	cost_nanousd         bigint NOT NULL,
	saved_nanousd        bigint NOT NULL,
	prompt_saved_nanousd bigint NOT NULL,
	processing_ms        bigint NOT NULL,
	processing_n         bigint NOT NULL,
	queue_ms             bigint NOT NULL,
	queue_n              bigint NOT NULL,
	first_token_ms       bigint NOT NULL,
	first_token_n        bigint NOT NULL,
	speed_tokens         bigint NOT NULL, -- output of calls that took time,
	speed_ms             bigint NOT NULL, -- and that time
	tenant               text NOT NULL COLLATE "C",
	status               text NOT NULL COLLATE "C",
	provider             text NOT NULL COLLATE "C",
	model                text NOT NULL COLLATE "C",
	operation            text NOT NULL COLLATE "C",
	pipeline             text NOT NULL COLLATE "C",
	field_name           text NOT NULL COLLATE "C",
	user_id              text NOT NULL COLLATE "C",
	PRIMARY KEY (tenant, bucket, model, provider, status, operation, pipeline, field_name, user_id)
) WITH (fillfactor = 80);
CREATE TABLE ai_usage_minute_work (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_minute_user (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_hour_model (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_hour_work (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_hour_user (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_day_model (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_day_work (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_day_user (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_model (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_work (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_user (LIKE ai_usage_minute_model INCLUDING ALL) WITH (fillfactor = 80);
CREATE INDEX ai_usage_minute_model_bucket ON ai_usage_minute_model USING brin (bucket); -- a window of all tenants

-- Times of calls, counted in logarithmic bins, by model; libs/stats/bins.h has the same edges.
CREATE FUNCTION ai_usage_bin(ms bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT width_bucket(ms, '{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,18,20,21,23,25,27,30,32,35,39,42,46,50,54,59,64,70,77,83,91,99,108,118,128,140,
		153,166,182,198,216,235,256,280,305,332,363,395,431,470,512,559,609,664,725,790,862,940,1024,1117,1218,1328,1449,1580,
		1723,1879,2048,2234,2436,2656,2897,3159,3445,3757,4096,4467,4871,5312,5793,6317,6889,7513,8192,8934,9742,10624,11586,
		12634,13778,15025,16384,17867,19484,21248,23171,25268,27555,30049,32768,35734,38968,42495,46341,50536,55109,60097,65536,
		71468,77936,84990,92682,101071,110218,120194,131072,142936,155872,169980,185364,202141,220436,240388,262144,285871,
		311744,339959,370728,404282,440872,480775,524288,571741,623488,679918,741456,808563,881744,961549,1048576,1143481,
		1246975,1359835,1482911,1617126,1763488,1923097,2097152,2286961,2493949,2719670,2965821,3234251,3526976,3846194,4194304,
		4573921,4987897,5439340,5931642,6468502,7053951,7692388,8388608}'::bigint[])
$$;
CREATE TABLE ai_usage_minute_bins (
	bucket   timestamptz NOT NULL,
	n        bigint      NOT NULL,
	metric   smallint    NOT NULL, -- 1 processing, 2 first token, 3 queue
	bin      smallint    NOT NULL,
	tenant   text        NOT NULL COLLATE "C",
	provider text        NOT NULL COLLATE "C",
	model    text        NOT NULL COLLATE "C",
	PRIMARY KEY (tenant, bucket, metric, model, provider, bin)
) WITH (fillfactor = 80);
CREATE TABLE ai_usage_hour_bins (LIKE ai_usage_minute_bins INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_day_bins (LIKE ai_usage_minute_bins INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE ai_usage_month_bins (LIKE ai_usage_minute_bins INCLUDING ALL) WITH (fillfactor = 80);

-- What a tenant chose; what is NULL is as the service's options say.
CREATE TABLE ai_usage_settings (
	tenant                 text PRIMARY KEY COLLATE "C",
	time_zone              text,
	monthly_budget_nanousd bigint,
	ledger_days            int,
	updated_at             timestamptz NOT NULL DEFAULT now()
);
