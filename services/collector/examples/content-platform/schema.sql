-- A platform that makes short clips of long videos and publishes them on several social networks.

CREATE TABLE platforms (
	platform text PRIMARY KEY,
	number   int NOT NULL UNIQUE
);

CREATE TABLE campaigns (
	campaign_id  bigint PRIMARY KEY,
	name         text NOT NULL,
	status       text NOT NULL CHECK (status IN ('draft', 'active', 'paused', 'completed')),
	budget_cents bigint NOT NULL,
	created_at   timestamptz NOT NULL
);

-- A clip waits for its analysis, then it can be published or was found wanting.
CREATE TABLE clips (
	clip_id     bigint PRIMARY KEY,
	campaign_id bigint NOT NULL,
	platform    text NOT NULL,
	title       text NOT NULL,
	duration_s  int NOT NULL,
	status      text NOT NULL CHECK (status IN ('pending_analysis', 'ready', 'published', 'rejected')),
	score       real NOT NULL, -- of the visual analysis, 0 to 1
	created_at  timestamptz NOT NULL
);

-- What is to be published now, one row for each clip and attempt.
CREATE TABLE publish_queue (
	item_id    bigint PRIMARY KEY,
	clip_id    bigint NOT NULL,
	platform   text NOT NULL,
	status     text NOT NULL CHECK (status IN ('pending', 'processing', 'failed', 'success')),
	attempts   int NOT NULL,
	created_at timestamptz NOT NULL
);

-- What is to be published later.
CREATE TABLE scheduled_publications (
	schedule_id bigint PRIMARY KEY,
	clip_id     bigint NOT NULL,
	platform    text NOT NULL,
	status      text NOT NULL CHECK (status IN ('pending', 'done', 'cancelled')),
	due_at      timestamptz NOT NULL
);

-- What was published, or should have been.
CREATE TABLE publications (
	publication_id bigint PRIMARY KEY,
	clip_id        bigint NOT NULL,
	platform       text NOT NULL,
	status         text NOT NULL CHECK (status IN ('succeeded', 'failed')),
	error          text,
	views          bigint NOT NULL,
	published_at   timestamptz NOT NULL
);

-- Cutting, captioning and analysing of videos.
CREATE TABLE jobs (
	job_id     bigint PRIMARY KEY,
	kind       text NOT NULL CHECK (kind IN ('cut', 'caption', 'analyse')),
	status     text NOT NULL CHECK (status IN ('pending', 'running', 'failed', 'done')),
	created_at timestamptz NOT NULL
);

-- Decides what is published where; one row.
CREATE TABLE orchestrator (
	running     boolean NOT NULL,
	last_run_at timestamptz
);
CREATE TABLE orchestrator_actions (
	action_id  bigint PRIMARY KEY,
	action     text NOT NULL,
	created_at timestamptz NOT NULL
);

-- The weights by which its rules count.
CREATE TABLE rule_weights (
	rule   text PRIMARY KEY,
	weight double precision NOT NULL
);

CREATE TABLE alerts (
	alert_id   bigint PRIMARY KEY,
	severity   text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
	message    text NOT NULL,
	created_at timestamptz NOT NULL,
	closed_at  timestamptz
);

-- Everything that happened, in order.
CREATE TABLE ledger_events (
	event_id   bigint PRIMARY KEY,
	event_type text NOT NULL,
	entity     text NOT NULL,
	entity_id  bigint NOT NULL,
	details    jsonb NOT NULL,
	created_at timestamptz NOT NULL
);

-- How many queue items are in each state: kept by statement, so that nobody counts the whole queue.
CREATE TABLE publish_queue_counts (
	status text PRIMARY KEY,
	items  bigint NOT NULL
);

CREATE FUNCTION count_publish_queue() RETURNS trigger LANGUAGE plpgsql SET search_path = content_platform, pg_temp AS $$
BEGIN
	IF TG_OP <> 'INSERT' THEN
		UPDATE publish_queue_counts c SET items = items - gone.n
		FROM (SELECT status, count(*) AS n FROM old_rows GROUP BY status) AS gone WHERE c.status = gone.status;
	END IF;
	IF TG_OP <> 'DELETE' THEN
		INSERT INTO publish_queue_counts AS c SELECT status, count(*) FROM new_rows GROUP BY status ORDER BY status
		ON CONFLICT (status) DO UPDATE SET items = c.items + excluded.items;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER publish_queue_inserted AFTER INSERT ON publish_queue
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_publish_queue();
CREATE TRIGGER publish_queue_updated AFTER UPDATE ON publish_queue
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_publish_queue();
CREATE TRIGGER publish_queue_deleted AFTER DELETE ON publish_queue
	REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_publish_queue();
