/* The list of all messages. */
#include "contract/registry.h"

#include "contract/analytics.h"
#include "contract/action.h"
#include "contract/finding.h"
#include "contract/job.h"
#include "contract/reasoning.h"
#include "contract/ledger.h"
#include "contract/notifier.h"
#include "contract/requests.h"
#include "contract/signal.h"
#include "contract/watch.h"
#include "contract/watchers.h"
#include "contract/rest.h"
#include "contract/snapshot.h"
#include "contract/watchers_contract.h"

/* More particular subjects come first. */
const struct contract_row contract_rows[] = {
    {"gannet.*.jobs.submit.llm.*", &llm_job_table, NULL},
    {"gannet.*.jobs.submit.*.*", &task_table, NULL},
    {"gannet.*.jobs.delayed.llm.*.*.*", &llm_job_table, NULL},
    {"gannet.*.jobs.delayed.*.*.*.*", &task_table, NULL},
    {"gannet.*.jobs.overflow.llm.*.*", &llm_job_table, NULL},
    {"gannet.*.jobs.overflow.*.*.*", &task_table, NULL},
    {"gannet.*.jobs.event.queued.llm.*", &llm_job_table, NULL},
    {"gannet.*.jobs.event.queued.*.*", &task_table, NULL},
    {"gannet.*.jobs.event.started.*", &job_event_table, NULL},
    {"gannet.*.jobs.event.progressed.*", &job_event_table, NULL},
    {"gannet.*.jobs.event.retrying.*", &job_event_table, NULL},
    {"gannet.*.jobs.event.completed.*", &job_event_table, NULL},
    {"gannet.*.jobs.event.failed.*", &job_event_table, NULL},
    {"gannet.*.jobs.event.cancelled.*", &job_event_table, NULL},
    {"gannet.*.jobs.event.rejected.*", &job_event_table, NULL},
    {"gannet.*.reply.>", &job_event_table, NULL},
    {"gannet.*.jobs.stream.*", &job_stream_table, NULL},
    {"gannet.workers.registered", &worker_info_table, NULL},
    {"gannet.workers.unregistered", &worker_info_table, NULL},
    {"$KV.workers.>", &worker_info_table, NULL},
    {"$KV.cancelled.>", &job_cancel_table, NULL},
    {"gannet.*.jobs.create", &create_request_table, &create_reply_table},
    {"gannet.*.jobs.get", &get_request_table, &get_reply_table},
    {"gannet.*.jobs.list", &list_request_table, &list_reply_table},
    {"gannet.*.jobs.cancel", &cancel_request_table, &cancel_reply_table},
    {"gannet.*.jobs.retry", &retry_request_table, &retry_reply_table},
    {"gannet.*.jobs.bulk_retry", &bulk_retry_request_table, &bulk_retry_reply_table},
    {"gannet.*.jobs.queue_pending", &queue_pending_request_table, &queue_pending_reply_table},
    {"gannet.*.jobs.rerun", &rerun_request_table, &rerun_reply_table},
    {"gannet.*.jobs.regenerate", &regenerate_request_table, &regenerate_reply_table},
    {"gannet.*.jobs.feedback", &feedback_request_table, &feedback_reply_table},
    {"gannet.*.jobs.stats", &stats_request_table, &stats_reply_table},
    {"gannet.*.jobs.feedback_report", &analytics_feedback_query_table, &analytics_feedback_table},
    {"gannet.*.analytics.usage", &analytics_query_table, &analytics_report_table},
    {"gannet.*.analytics.costs", &analytics_query_table, &analytics_report_table},
    {"gannet.*.analytics.performance", &analytics_query_table, &analytics_report_table},
    {"gannet.*.analytics.feedback", &analytics_feedback_query_table, &analytics_feedback_table},
    {"gannet.*.analytics.budget", &analytics_budget_query_table, &analytics_budget_table},
    {"gannet.*.analytics.forecast", &analytics_forecast_query_table, &analytics_forecast_table},
    {"gannet.*.analytics.settings", &analytics_settings_request_table, &analytics_settings_reply_table},
    {"gannet.*.analytics.rebuild", &analytics_rebuild_request_table, &analytics_rebuild_reply_table},
    {"gannet.*.analytics.reconcile", &analytics_reconcile_request_table, &analytics_reconcile_reply_table},
    {"gannet.*.jobs.cleanup", &cleanup_request_table, &cleanup_reply_table},
    {"gannet.*.jobs.retry_failed", &retry_failed_request_table, &retry_failed_reply_table},
    {"gannet.*.signals.deploy", &signal_deploy_table, NULL},
    {"gannet.*.signals.ci_run", &signal_ci_run_table, NULL},
    {"gannet.*.signals.latency", &signal_latency_table, NULL},
    {"gannet.*.signals.error", &signal_error_table, NULL},
    {"gannet.*.watch.run", &watch_run_request_table, &watch_run_reply_table},
    {"gannet.*.watch.list", &watch_list_request_table, &watch_list_reply_table},
    {"gannet.*.watch.history", &watch_history_request_table, &watch_history_reply_table},
    {"gannet.*.watch.get", &watch_get_request_table, &watch_get_reply_table},
    {"gannet.*.watch.progress.*", &watch_progress_table, NULL},
    {"$KV.watches.>", &watch_record_table, NULL},
    {"$KV.watch_profiles.>", &watch_profile_table, NULL},
    {NULL, &diagnosis_table, NULL},
    {NULL, &watchers_config_table, NULL},
    {NULL, &watchers_schedule_table, NULL},
    {NULL, &watchers_watch_table, NULL},
    {NULL, &watchers_integrity_table, NULL},
    {NULL, &watchers_rule_table, NULL},
    {NULL, &watchers_contract_table, NULL},
    {NULL, &watchers_diagnosis_table, NULL},
    {NULL, &watchers_source_table, NULL},
    {"gannet.*.reasoning.completed", &reasoning_table, NULL},
    {"$KV.latest.*.reasoning", &reasoning_table, NULL},
    {"gannet.*.reasoning.run", &reasoning_request_table, &reasoning_table},
    {"gannet.*.reasoning.last", &reasoning_request_table, &reasoning_table},
    {"gannet.*.reasoning.summary", &reasoning_request_table, &reasoning_summary_table},
    {"gannet.*.reasoning.recommendations", &reasoning_request_table, &recommendations_reply_table},
    {"gannet.*.reasoning.action_plan", &reasoning_request_table, &action_plan_table},
    {"gannet.*.reasoning.history", &history_request_table, &history_reply_table},
    {NULL, &recommendation_table, NULL},
    {NULL, &plan_step_table, NULL},
    {NULL, &contribution_table, NULL},
    {"gannet.*.actions.approve", &approve_request_table, &action_record_table},
    {"gannet.*.actions.get", &action_get_request_table, &action_record_table},
    {"gannet.*.actions.list", &action_list_request_table, &action_list_reply_table},
    {"gannet.*.actions.report", &report_request_table, &action_record_table},
    {"gannet.*.actions.run.*", &action_run_table, NULL},
    {"gannet.*.actions.completed", &action_record_table, NULL},
    {"$KV.actions.>", &action_record_table, NULL},
    {"$KV.paused.>", &queue_pause_table, NULL},
    {"gannet.tick.>", &tick_table, NULL},
    {"gannet.*.signals.ledger", &ledger_event_table, NULL},
    {"gannet.*.snapshot.taken", &snapshot_table, NULL},
    {"$KV.latest.*.snapshot", &snapshot_table, NULL},
    {"gannet.*.snapshot.get", &snapshot_get_request_table, &snapshot_table},
    {"gannet.*.snapshot.take", &snapshot_take_request_table, &snapshot_table},
    {"gannet.*.findings.*.*", &finding_table, NULL},
    {"$KV.findings.>", &finding_table, NULL},
    {NULL, &run_reply_table, NULL},
    {NULL, &worker_health_reply_table, NULL},
    {"$KV.notified.>", &notified_table, NULL},
    {"$KV.silences.>", &silence_table, NULL},
    {"gannet.*.findings.list", &findings_list_request_table, &findings_list_reply_table},
    {"gannet.*.findings.get", &findings_get_request_table, &findings_get_reply_table},
    {"gannet.*.findings.silence", &findings_silence_request_table, &findings_silence_reply_table},
    {"gannet.*.findings.unsilence", &findings_unsilence_request_table, &findings_unsilence_reply_table},
    {"gannet.*.findings.maintain", &findings_maintain_request_table, &findings_maintain_reply_table},
    {"gannet.*.findings.maintenance", &findings_maintenance_request_table, &findings_maintenance_reply_table},
    {NULL, &notifier_file_table, NULL},
    {NULL, &notifier_target_table, NULL},
    {NULL, &notifier_route_table, NULL},
    {NULL, &notifier_window_table, NULL},
    {NULL, &error_reply_table, NULL},
};
const size_t contract_rows_n = countof(contract_rows);

static bool subject_matches(struct span subject, struct span pattern)
{
	while (subject.p && pattern.p) {
		struct span token = span_cut(&subject, '.'), wanted = span_cut(&pattern, '.');
		if (span_is(wanted, ">"))
			return true;
		if (!span_is(wanted, "*") && !span_eq(token, wanted))
			return false;
	}
	return !subject.p && !pattern.p;
}

const struct contract_row *contract_find(struct span subject)
{
	for (size_t i = 0; i < contract_rows_n; i++)
		if (contract_rows[i].subject && subject_matches(subject, span_from(contract_rows[i].subject)))
			return &contract_rows[i];
	return NULL;
}
