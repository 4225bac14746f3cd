-- What is concluded from the ledger: forecasts (A3), the performance of models (A9, A16), and the findings that are open.

CREATE TABLE cost_predictions (
	id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant            text        NOT NULL COLLATE "C",
	at                timestamptz NOT NULL,
	month             date        NOT NULL, -- its first day, in time_zone
	time_zone         text        NOT NULL,
	method            text        NOT NULL, -- regression, run_rate
	current_nanousd   bigint      NOT NULL,
	projected_nanousd bigint      NOT NULL,
	low_nanousd       bigint      NOT NULL,
	high_nanousd      bigint      NOT NULL,
	budget_nanousd    bigint,
	deviation_percent double precision,
	trend             text        NOT NULL,
	recommendation    text        NOT NULL
);
CREATE INDEX cost_predictions_tenant ON cost_predictions (tenant, at);

CREATE TABLE ai_health_metrics (
	at                timestamptz      NOT NULL, -- the window's beginning
	window_s          int              NOT NULL,
	samples           bigint           NOT NULL,
	value             double precision NOT NULL,
	threshold         double precision,          -- beyond which it counts as unusual; NULL: no baseline yet
	baseline          double precision,
	deviation_percent double precision,
	tenant            text             NOT NULL COLLATE "C",
	component         text             NOT NULL COLLATE "C", -- the model
	metric_type       text             NOT NULL COLLATE "C", -- latency_ms, tokens_per_job, cost_per_success, error_rate
	severity          text             NOT NULL COLLATE "C", -- none, low, medium, high, critical
	recommendation    text             NOT NULL,
	PRIMARY KEY (tenant, component, metric_type, at)
);
CREATE INDEX ai_health_metrics_at ON ai_health_metrics (at);

-- One row for all that was ever found and may be found again. `told` is the severity last published, NULL while it is not open.
CREATE TABLE ai_usage_findings (
	tenant      text        NOT NULL COLLATE "C",
	fingerprint text        NOT NULL COLLATE "C",
	beyond      int         NOT NULL DEFAULT 0, -- windows in a row
	calm        int         NOT NULL DEFAULT 0,
	told        text        COLLATE "C",
	occurrences bigint      NOT NULL DEFAULT 0,
	first_seen  timestamptz,
	updated_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant, fingerprint)
);

-- Up to where the windows of the performance watch were judged.
CREATE TABLE ai_usage_watched (
	what  text        PRIMARY KEY COLLATE "C",
	until timestamptz NOT NULL
);
