-- Fills the tables by psql's variables rows, condition and seed. The same three give the same data, but for its times, which are relative
-- to now. What a snapshot of it has to say is planted beside it, worked out from the plan and not from the rows.

CREATE TABLE plan (name text PRIMARY KEY, healthy numeric NOT NULL, backlog numeric, failing_publisher numeric, clip_shortage numeric,
	alert_storm numeric);
-- Below 1: a share of the rows; from there on a number. Empty: as when healthy.
INSERT INTO plan VALUES
	('queue_pending', 0.012, 0.4, 0.03, NULL, NULL),
	('queue_processing', 3, 8, NULL, NULL, NULL),
	('queue_failed', 0.005, 0.02, 0.1, NULL, NULL),
	('scheduler_pending', 0.03, 0.2, NULL, 0.01, NULL),
	('scheduler_due_soon', 5, 60, NULL, 2, NULL),
	('orchestrator_minutes_ago', 2, 9, 2, 2, 190),
	('orchestrator_actions_last_24h', 61, 20, NULL, NULL, 4),
	('publish_total_24h', 0.1, 0.05, NULL, 0.02, NULL),
	('publish_failed_24h', 0.004, NULL, 0.045, 0.001, NULL),
	('clips_ready', 0.05, NULL, NULL, 3, NULL),
	('clips_pending_analysis', 0.02, 0.1, NULL, 0.25, NULL),
	('jobs_pending', 0.004, 0.25, NULL, NULL, NULL),
	('jobs_failed', 0.002, NULL, NULL, NULL, 0.02),
	('campaigns_active', 5, NULL, NULL, 2, NULL),
	('campaigns_draft', 2, NULL, NULL, 4, NULL),
	('alerts_critical', 0, NULL, 2, 1, 14),
	('alerts_warning', 2, 6, 5, 4, 40);

-- These are written so that the planner puts them into the statements that use them.
CREATE FUNCTION rows() RETURNS bigint IMMUTABLE LANGUAGE sql RETURN :rows::bigint;
CREATE FUNCTION condition() RETURNS text IMMUTABLE LANGUAGE sql RETURN :'condition'::text;
CREATE FUNCTION planned(wanted text) RETURNS bigint STABLE LANGUAGE sql AS $$
	SELECT CASE WHEN n < 1 THEN round(n * rows()) ELSE n END::bigint FROM (
		SELECT coalesce(CASE condition() WHEN 'backlog' THEN backlog WHEN 'failing_publisher' THEN failing_publisher
			WHEN 'clip_shortage' THEN clip_shortage WHEN 'alert_storm' THEN alert_storm END, healthy) AS n FROM plan WHERE name = wanted) AS one $$;
-- Where row i stands in a shuffled order of n: a prime that does not divide n makes each place come once.
CREATE FUNCTION place(i bigint, n bigint, prime bigint) RETURNS bigint IMMUTABLE LANGUAGE sql RETURN (i * prime + :seed) % n;
CREATE FUNCTION prime_for(n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
	SELECT p FROM unnest(ARRAY[7919, 104729, 1299709, 15485863]::bigint[]) AS p WHERE n % p <> 0 LIMIT 1 $$;
-- A number from 0 to n - 1 that looks random.
CREATE FUNCTION pick(i bigint, salt bigint, n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
	RETURN (((i * 2654435761 + salt * 40503 + :seed * 97) # (i * 40503 >> 7)) & 2147483647) % n;

INSERT INTO platforms VALUES ('instagram', 0), ('tiktok', 1), ('youtube', 2), ('facebook', 3);

INSERT INTO campaigns
SELECT i, 'Campaign ' || i, CASE WHEN i <= planned('campaigns_active') THEN 'active'
	WHEN i <= planned('campaigns_active') + planned('campaigns_draft') THEN 'draft' WHEN i % 3 = 0 THEN 'paused' ELSE 'completed' END,
	10000 + pick(i, 1, 90000), now() - i * interval '3 days'
FROM generate_series(1, 20) AS i;

-- The best clip of each platform is at the last places, of which each platform has one.
WITH p AS MATERIALIZED (SELECT rows() AS n, prime_for(rows()) AS prime, planned('clips_ready') AS ready,
	planned('clips_ready') + planned('clips_pending_analysis') AS waiting)
INSERT INTO clips
SELECT i, 1 + pick(i, 2, 20), (ARRAY['instagram', 'tiktok', 'youtube', 'facebook'])[1 + at % 4],
	(ARRAY['Tides', 'Volcanoes', 'Sourdough', 'Chess', 'Bees', 'Glass'])[1 + pick(i, 3, 6)] || ' in '
		|| (ARRAY['one minute', 'thirty seconds', 'three steps'])[1 + pick(i, 4, 3)],
	15 + pick(i, 5, 45), CASE WHEN at < ready THEN 'ready' WHEN at < waiting THEN 'pending_analysis'
		WHEN at % 50 = 0 AND at < n - 4 THEN 'rejected' ELSE 'published' END,
	CASE WHEN at >= n - 4 THEN 0.99 ELSE 0.2 + pick(i, 6, 7000) / 10000.0 END, now() - (1 + pick(i, 7, 7776000)) * interval '1 s'
FROM (SELECT i, place(i, n, prime) AS at, n, ready, waiting FROM p, generate_series(1, n) AS i) AS shuffled;

WITH p AS MATERIALIZED (SELECT rows() AS n, prime_for(rows()) AS prime, planned('queue_pending') AS pending,
	planned('queue_pending') + planned('queue_processing') AS processing,
	planned('queue_pending') + planned('queue_processing') + planned('queue_failed') AS failed)
INSERT INTO publish_queue
SELECT i, 1 + pick(i, 8, n), (ARRAY['instagram', 'tiktok', 'youtube', 'facebook'])[1 + at % 4],
	CASE WHEN at < pending THEN 'pending' WHEN at < processing THEN 'processing' WHEN at < failed THEN 'failed' ELSE 'success' END,
	CASE WHEN at < pending THEN 0 WHEN at < processing THEN 1 WHEN at < failed THEN 5 ELSE 1 + pick(i, 9, 3) END,
	now() - pick(i, 10, CASE WHEN at < processing THEN 7200 ELSE 7776000 END) * interval '1 s'
FROM (SELECT i, place(i, n, prime) AS at, n, pending, processing, failed FROM p, generate_series(1, n) AS i) AS shuffled;

WITH p AS MATERIALIZED (SELECT rows() / 2 AS n, prime_for(rows() / 2) AS prime, planned('scheduler_pending') AS pending,
	planned('scheduler_due_soon') AS soon)
INSERT INTO scheduled_publications
SELECT i, 1 + pick(i, 11, 2 * n), (ARRAY['instagram', 'tiktok', 'youtube', 'facebook'])[1 + at % 4],
	CASE WHEN at < pending THEN 'pending' WHEN at % 20 = 0 THEN 'cancelled' ELSE 'done' END,
	CASE WHEN at < soon THEN now() + (5 + at % 50) * interval '1 min' WHEN at < pending THEN now() + (180 + pick(i, 12, 20000)) * interval '1 min'
		ELSE now() - (1 + pick(i, 12, 129600)) * interval '1 min' END
FROM (SELECT i, place(i, n, prime) AS at, n, pending, soon FROM p, generate_series(1, n) AS i) AS shuffled;

WITH p AS MATERIALIZED (SELECT rows() AS n, prime_for(rows()) AS prime, planned('publish_total_24h') AS recent,
	planned('publish_failed_24h') AS failed)
INSERT INTO publications
SELECT i, 1 + pick(i, 13, n), (ARRAY['instagram', 'tiktok', 'youtube', 'facebook'])[1 + at % 4],
	CASE WHEN at < failed OR (at >= recent AND at % 25 = 0) THEN 'failed' ELSE 'succeeded' END,
	CASE WHEN at < failed OR (at >= recent AND at % 25 = 0) THEN (ARRAY['token expired', 'upload timed out', 'rate limited'])[1 + pick(i, 14, 3)] END,
	pick(i, 15, 200000),
	CASE WHEN at < recent THEN now() - interval '82800 s' * at / recent ELSE now() - (90000 + pick(i, 16, 7776000)) * interval '1 s' END
FROM (SELECT i, place(i, n, prime) AS at, n, recent, failed FROM p, generate_series(1, n) AS i) AS shuffled;

WITH p AS MATERIALIZED (SELECT rows() / 2 AS n, prime_for(rows() / 2) AS prime, planned('jobs_pending') AS pending,
	planned('jobs_pending') + planned('jobs_failed') AS failed)
INSERT INTO jobs
SELECT i, (ARRAY['cut', 'caption', 'analyse'])[1 + pick(i, 17, 3)],
	CASE WHEN at < pending THEN 'pending' WHEN at < failed THEN 'failed' WHEN at < failed + 2 THEN 'running' ELSE 'done' END,
	now() - pick(i, 18, 2592000) * interval '1 s'
FROM (SELECT i, place(i, n, prime) AS at, pending, failed FROM p, generate_series(1, n) AS i) AS shuffled;

INSERT INTO orchestrator SELECT condition() <> 'alert_storm',
	date_trunc('milliseconds', now()) - planned('orchestrator_minutes_ago') * interval '1 min';
INSERT INTO orchestrator_actions
SELECT i, (ARRAY['publish', 'reschedule', 'boost', 'retire'])[1 + pick(i, 19, 4)],
	CASE WHEN i <= recent THEN now() - i * interval '20 min' ELSE now() - interval '25 h' - i * interval '10 min' END
FROM (SELECT planned('orchestrator_actions_last_24h') AS recent, rows() / 10 AS n) AS p, generate_series(1, n) AS i;

INSERT INTO rule_weights VALUES ('engagement', 0.35), ('freshness', 0.25), ('visual_score', 0.2), ('platform_fit', 0.15), ('cost', 0.05);

INSERT INTO alerts
SELECT i, CASE WHEN i <= critical THEN 'critical' WHEN i <= critical + warning THEN 'warning'
		ELSE (ARRAY['info', 'warning', 'critical'])[1 + i % 3] END,
	(ARRAY['publishing fails', 'queue grows', 'no clips left', 'token expires soon'])[1 + pick(i, 20, 4)], now() - i * interval '7 min',
	CASE WHEN i > critical + warning AND i % 3 > 0 THEN now() - i * interval '5 min' END
FROM (SELECT planned('alerts_critical') AS critical, planned('alerts_warning') AS warning, 100 + rows() / 100 AS n) AS p,
	generate_series(1, n) AS i;

-- The last one has the highest number and happened now; five seconds lie between two. Of publications as many fail as planned.
INSERT INTO ledger_events
SELECT i, CASE WHEN pick(i, 21, 5) >= 2 THEN (ARRAY['clip_ready', 'job_done', 'schedule_changed'])[pick(i, 21, 5) - 1]
		WHEN pick(i, 25, 1000) < 1000 * planned('publish_failed_24h') / planned('publish_total_24h') THEN 'publication_failed'
		ELSE 'publication_succeeded' END,
	(ARRAY['publication', 'clip', 'job'])[1 + pick(i, 22, 3)], 1 + pick(i, 23, n),
	jsonb_build_object('by', (ARRAY['orchestrator', 'scheduler', 'editor'])[1 + pick(i, 24, 3)]), now() - (n - i) * interval '5 s'
FROM (SELECT rows() AS n) AS p, generate_series(1, n) AS i;

-- ---- what a snapshot has to say

CREATE TABLE planted (metric text PRIMARY KEY, value jsonb NOT NULL);
-- How many of the places from a to b - 1 are a platform's.
CREATE FUNCTION places(a bigint, b bigint, platform_number int) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
	SELECT (b - platform_number + 3) / 4 - (a - platform_number + 3) / 4 $$;

INSERT INTO planted SELECT name, to_jsonb(planned(name)) FROM plan WHERE name <> 'orchestrator_minutes_ago';
INSERT INTO planted VALUES
	('queue_success', to_jsonb(rows() - planned('queue_pending') - planned('queue_processing') - planned('queue_failed'))),
	('publish_success_rate',
		to_jsonb((planned('publish_total_24h') - planned('publish_failed_24h'))::double precision / planned('publish_total_24h'))),
	('orchestrator_running', to_jsonb(condition() <> 'alert_storm')),
	('rule_weights', '{"cost": 0.05, "engagement": 0.35, "freshness": 0.25, "platform_fit": 0.15, "visual_score": 0.2}'),
	('ledger_events_total', to_jsonb(rows()));
INSERT INTO planted SELECT 'orchestrator_last_run', to_jsonb(to_char(last_run_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
	FROM orchestrator;
INSERT INTO planted SELECT 'platform_stats', jsonb_object_agg(platform, jsonb_build_object(
	'published_24h', places(0, planned('publish_total_24h'), number), 'failed_24h', places(0, planned('publish_failed_24h'), number),
	'clips_ready', places(0, planned('clips_ready'), number), 'queue_pending', places(0, planned('queue_pending'), number))) FROM platforms;
-- Which clip stands at a place: the shuffling, the other way round.
INSERT INTO planted SELECT 'best_clips', jsonb_object_agg(platform, clip_id::text) FROM (
	SELECT platform, i AS clip_id
	FROM (SELECT rows() AS n, prime_for(rows()) AS prime) AS p, generate_series(1, n) AS i, platforms
	WHERE place(i, n, prime) >= n - 4 AND number = place(i, n, prime) % 4) AS best;
INSERT INTO planted SELECT 'recent_events', jsonb_agg(rows() - i) FROM generate_series(0, 49) AS i;
DROP FUNCTION places, pick, prime_for, place, planned, condition, rows;
