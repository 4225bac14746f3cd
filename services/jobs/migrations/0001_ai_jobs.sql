-- Records of jobs (F1) and of their outputs (L3), one row per job, written by the projection of EVENTS.

CREATE TABLE ai_jobs (
	-- Order: fixed width and never NULL first, so that PostgreSQL finds these columns without walking the row.
	created_at         timestamptz NOT NULL,
	updated_at         timestamptz NOT NULL,
	state_rank         bigint      NOT NULL, -- which of two events of a run tells the later state; see services/jobs/record.h
	run                int         NOT NULL, -- 1, and one more for each retry by request
	attempt            int         NOT NULL,
	retry_count        int         NOT NULL,
	tenant             text        NOT NULL COLLATE "C",
	job_id             text        NOT NULL COLLATE "C",
	kind               text        NOT NULL COLLATE "C",
	priority           text        NOT NULL COLLATE "C",
	status             text        NOT NULL COLLATE "C",
	previous_status    text        COLLATE "C", -- before the last merge; what ai_job_counts is kept by
	feedback           text        NOT NULL COLLATE "C" DEFAULT 'none',
	user_id            text        COLLATE "C",
	agent_id           text        COLLATE "C",
	model_name         text        COLLATE "C",
	format             text        COLLATE "C",
	submission_seq     bigint, -- place in JOBS of the first submission; NULL while only later events are known
	started_at         timestamptz,
	completed_at       timestamptz,
	retry_at           timestamptz,
	processing_time_ms bigint,
	tokens_used        bigint,
	cost_nanousd       bigint, -- NULL: the model has no price
	simulated          boolean     NOT NULL DEFAULT false,
	job_type           text        COLLATE "C",
	pipeline           text        COLLATE "C",
	record_id          text        COLLATE "C",
	field_name         text        COLLATE "C",
	ai_provider        text        COLLATE "C",
	result_model       text        COLLATE "C", -- the model that answered, after fallback
	error_code         text        COLLATE "C",
	error_field        text        COLLATE "C",
	error_message      text,
	prompt_template    text        COLLATE "C",
	ai_config          json, -- members of the submission without a column of their own
	input_data         json,
	context            json,
	metadata           json,
	usage              json,
	prompt             text,
	raw_response       text,
	parsed_output      json,
	output_data        json,
	PRIMARY KEY (job_id, tenant) -- the column that differs comes first: comparisons end there
);

-- Each index costs about a microsecond per job. A completed job leaves the last one, so it stays small.
CREATE INDEX ai_jobs_created ON ai_jobs (tenant, created_at, job_id);
CREATE INDEX ai_jobs_user ON ai_jobs (tenant, user_id, created_at, job_id) WHERE user_id IS NOT NULL;
CREATE INDEX ai_jobs_not_completed ON ai_jobs (tenant, status, created_at, job_id) WHERE status <> 'completed';

-- The big columns compress faster with lz4, where the server was built with it.
DO $$
BEGIN
	ALTER TABLE ai_jobs ALTER prompt_template SET COMPRESSION lz4, ALTER context SET COMPRESSION lz4, ALTER prompt SET COMPRESSION lz4,
		ALTER raw_response SET COMPRESSION lz4, ALTER parsed_output SET COMPRESSION lz4, ALTER output_data SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
	NULL;
END
$$;

-- Jobs per tenant and status. `shard` spreads concurrent writers over rows; the sum over shards is exact.
CREATE TABLE ai_job_counts (
	tenant text     NOT NULL COLLATE "C",
	status text     NOT NULL COLLATE "C",
	shard  smallint NOT NULL,
	jobs   bigint   NOT NULL,
	PRIMARY KEY (tenant, status, shard)
) WITH (fillfactor = 50);

-- Every feedback ever given; the last one is also in the job's row.
CREATE TABLE llm_feedback (
	id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant   text        NOT NULL COLLATE "C",
	job_id   text        NOT NULL COLLATE "C",
	feedback text        NOT NULL CHECK (feedback IN ('none', 'thumbs_up', 'thumbs_down')),
	user_id  text,
	comment  text,
	given_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (tenant, job_id) REFERENCES ai_jobs (tenant, job_id) ON DELETE CASCADE
);
CREATE INDEX llm_feedback_job ON llm_feedback (tenant, job_id);

-- L3: outputs of llm jobs under the names that users of them know.
CREATE VIEW llm_outputs AS
SELECT 'out-' || job_id AS id, tenant, job_id, left(prompt_template, 80) AS template_name, prompt_template AS template,
	coalesce(result_model, model_name) AS model_name, context, format, prompt, raw_response, parsed_output, feedback, status, error_message,
	user_id, agent_id, tokens_used, cost_nanousd / 10000000.0 AS cost_cents, processing_time_ms, created_at, updated_at, completed_at
FROM ai_jobs WHERE kind = 'llm';
