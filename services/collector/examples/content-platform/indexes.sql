-- What the collector's queries read, and nothing else: each of them is an index-only scan or the look at a few rows.
CREATE INDEX publish_queue_waiting ON publish_queue (platform) WHERE status = 'pending';
CREATE INDEX scheduled_publications_pending ON scheduled_publications (due_at) WHERE status = 'pending';
CREATE INDEX publications_recent ON publications (published_at) INCLUDE (platform, status);
CREATE INDEX clips_ready ON clips (platform) WHERE status = 'ready';
CREATE INDEX clips_pending_analysis ON clips (clip_id) WHERE status = 'pending_analysis';
CREATE INDEX clips_best ON clips (platform, score DESC) WHERE status IN ('ready', 'published');
CREATE INDEX jobs_pending ON jobs (job_id) WHERE status = 'pending';
CREATE INDEX jobs_failed ON jobs (job_id) WHERE status = 'failed';
CREATE INDEX orchestrator_actions_recent ON orchestrator_actions (created_at);
CREATE INDEX alerts_open ON alerts (severity) WHERE closed_at IS NULL;
CREATE INDEX ledger_events_recent ON ledger_events (created_at DESC, event_id DESC);

ALTER TABLE clips ADD FOREIGN KEY (campaign_id) REFERENCES campaigns, ADD FOREIGN KEY (platform) REFERENCES platforms;
