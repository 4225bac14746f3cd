/* The commands snapshot, reason and plan against the real service. */
#include "reasoning_helpers.h"

struct cli_result {
	int status;
	struct {
		const char *data;
		size_t len;
	} out; /* kept */
};

static struct cli_result cli(const char *const *args)
{
	struct cli_result r = {0};
	scoped_buf out = {0};
	r.status = test_run("gannet", args, (const char *[]){"GANNET_TENANT=acme", "GANNET_USER=maria", NULL}, &out);
	r.out.data = arena_cstr(&kept, buf_span(&out));
	r.out.len = out.len;
	return r;
}
#define CLI(...) cli((const char *const[]){__VA_ARGS__, NULL})

static void answer_get(void *arg, const struct bus_in *m)
{
	struct err err;
	(void)arg;
	const struct bus_out reply = {.subject = arena_cstr(&kept, m->reply), .data = snapshot_json(&played, &kept).text};
	CHECK_OK(bus_publish(bus, &reply, &err), err);
}

TEST(reason_shows_health_score_explanation_and_recommendations)
{
	start_reasoning(NULL);
	CHECK_INT(CLI("reason").status, 6);
	play_collector();
	played.clips_ready = (struct opt_i64){true, 8};
	struct cli_result r = CLI("reason", "--run");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "health      good  ");
	CHECK_HAS(r.out.data, "of 100");
	CHECK_HAS(r.out.data, "█");
	CHECK_HAS(r.out.data, "Only 8 clips are ready");
	CHECK_HAS(r.out.data, "clips_low");
	CHECK_HAS(r.out.data, "Make more clips");
	CHECK(!strchr(r.out.data, '\x1b'));
	r = CLI("reason", "--json");
	CHECK_JSON(r.out.data, "/summary/overall_health", "good");
	r = CLI("reason", "--history");
	CHECK_HAS(r.out.data, "FIRST CONCERN");
	CHECK_INT(CLI("reason", "--history", "--run").status, 2);
}

TEST(plan_shows_steps_and_approves_one)
{
	start_reasoning(NULL);
	play_collector();
	played.metrics.text = SPAN("{\"queue_pending\":{\"status\":\"stale\",\"age_ms\":7200000,\"source\":\"queue\"}}");
	played.alerts_critical = (struct opt_i64){true, 1};
	CHECK_INT(CLI("reason", "--run").status, 0);
	struct cli_result r = CLI("plan");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "review_alerts");
	CHECK_HAS(r.out.data, "for people");
	CHECK_HAS(r.out.data, "can be approved");
	CHECK_INT(CLI("plan", "--approve", "1").status, 1);
	r = CLI("plan", "--approve", "2");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "succeeded  take_snapshot: snapshot ");
	CHECK_INT(CLI("plan", "--approve", "9").status, 6);
	r = CLI("plan", "--json");
	CHECK(test_json(r.out.data, "/plan_id")[0]);
}

TEST(snapshot_shows_figures_and_what_failed)
{
	struct bus_sub *sub;
	struct err err;
	bus = test_bus();
	play_collector();
	CHECK_OK(bus_subscribe(bus, "gannet.acme.snapshot.get", NULL, answer_get, NULL, &sub, &err), err);
	CHECK_OK(bus_flush(bus, 5000, &err), err);
	played.clips_ready.set = false;
	played.metrics.text = SPAN("{\"clips_ready\":{\"status\":\"error\",\"source\":\"content\"}}");
	played.additional_metrics.text = SPAN("{\"content_error\":\"no answer within 2000 ms\"}");
	struct cli_result r = CLI("snapshot");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "queue       12 waiting  3 in work  10 failed  940 succeeded\n");
	CHECK_HAS(r.out.data, "clips       ? ready  6 to be analysed\n");
	CHECK_HAS(r.out.data, "content  no answer within 2000 ms\n");
	CHECK_HAS(r.out.data, "instagram");
	CHECK_INT(CLI("snapshot", "--take", "--json").status, 0);
	CHECK_INT(atomic_load(&played_n), 1);
}
