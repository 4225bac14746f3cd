/* Runs a real stack under load while faults strike it, and then accounts for every submission. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/env.h"
#include "tests/chaos/chaos.h"
#include "tests/lib/process.h"

#define TURN_MS 10
#define SHOW_TERMINAL_MS 1000
#define SHOW_MS 10000
#define READ_LOG_MS 1000
#define READY_MS 60000
#define SETTLE_MS 60000
/* Runs of the noisy tenant come on top of the pace. */
#define SUBMISSIONS_MAX(seconds, rate) ((uint32_t)((seconds) * (rate)*2 + 10000))

static struct {
	int64_t seconds, seed, rate;
	bool plan_only, keep_events;
} config;
#define OPTION(member) (size_t)((char *)&config.member - (char *)&config)
static volatile sig_atomic_t interrupted;

static struct account account;
static struct plan plan;
static struct provider_books books;
static struct bus *bus;
static int64_t begun_ms;

static void on_interrupt(int sig)
{
	(void)sig;
	if (interrupted++)
		_exit(130);
}

static void configure(void)
{
	const struct env_option options[] = {
	    {"CHAOS_SECONDS", ENV_INT, OPTION(seconds), "120", 5, 86400, "how long faults strike"},
	    {"CHAOS_SEED", ENV_INT, OPTION(seed), NULL, 0, INT64_MAX, "for plan and load"},
	    {"CHAOS_RATE", ENV_INT, OPTION(rate), "100", 1, 5000, "submissions a second, without the noisy tenant's"},
	    {"CHAOS_PLAN", ENV_BOOL, OPTION(plan_only), "false", 0, 0, "print the plan and end"},
	    {"CHAOS_EVENTS", ENV_BOOL, OPTION(keep_events), "false", 0, 0, "keep a copy of all events beside the logs"},
	};
	struct err err;
	CHECK(getrandom(&config.seed, sizeof config.seed, 0) == sizeof config.seed);
	config.seed &= 0xffffffff;
	CHECK_OK(env_load(options, countof(options), &config, &err), err);
}

static int64_t now_ms(void)
{
	return clock_mono_ms(&clock_system) - begun_ms;
}

static void show(const char *phase)
{
	char left[120];
	uint32_t submitted, stored;
	settle_describe(bus, left, sizeof left);
	pthread_mutex_lock(&account.lock);
	submitted = account.n;
	stored = account.stored;
	pthread_mutex_unlock(&account.lock);
	printf("%s%6.0f s  %s: %zu faults, %u submitted, %u acknowledged; %s%s", isatty(1) ? "\r\033[K" : "",
	       (double)now_ms() / 1000, phase, plan_struck(&plan), submitted, stored, left, isatty(1) ? "" : "\n");
	fflush(stdout);
}

/* While faults strike: asking the broker may have to wait for an answer, so it is left to the phases after. */
static void show_struck(void)
{
	static int64_t shown_ms;
	if (now_ms() - shown_ms < (isatty(1) ? SHOW_TERMINAL_MS : SHOW_MS))
		return;
	shown_ms = now_ms();
	pthread_mutex_lock(&account.lock);
	printf("%s%6.0f of %" PRId64 " s: %zu faults, %u submitted, %u acknowledged, %zu to be acknowledged, %" PRId64
	       " answers%s",
	       isatty(1) ? "\r\033[K" : "", (double)now_ms() / 1000, config.seconds, plan_struck(&plan), account.n,
	       account.stored, load_unanswered(), books.answers, isatty(1) ? "" : "\n");
	pthread_mutex_unlock(&account.lock);
	fflush(stdout);
}

static void strike(void)
{
	int64_t read_ms = 0;
	begun_ms = clock_mono_ms(&clock_system);
	while (now_ms() < config.seconds * 1000 && !interrupted) {
		plan_turn(&plan, now_ms());
		stack_watch();
		if (now_ms() - read_ms > READ_LOG_MS) {
			provider_read(&account, &books, false);
			read_ms = now_ms();
		}
		show_struck();
		usleep(TURN_MS * 1000);
	}
	plan_end(&plan);
}

static void open_bus(void)
{
	struct err err;
	struct bus_options o = {.url = test_nats_url(), .name = "chaos", .clock = &clock_system};
	CHECK_OK(bus_open(&o, &bus, &err), err);
}

/* Services that start during the wait for the load's last answers have to be watched meanwhile: hence the order. */
static size_t account_for_all(void)
{
	char unsettled[160] = "";
	struct evidence evidence = {0};
	size_t passed;
	if (!stack_is_ready(READY_MS))
		snprintf(unsettled, sizeof unsettled, "a service was not ready within %d s", READY_MS / 1000);
	show("the faults are over");
	load_stop();
	show("the load has ended");
	char left[120];
	if (!settle(bus, SETTLE_MS, left, sizeof left) && !unsettled[0])
		snprintf(unsettled, sizeof unsettled, "after %d s: %s", SETTLE_MS / 1000, left);
	show("settled");
	putchar('\n');
	char copy[600], list_path[600];
	process_path(copy, sizeof copy, test_dir(), "events.txt");
	process_path(list_path, sizeof list_path, test_dir(), "broken.txt");
	evidence_read(&account, bus, config.keep_events ? copy : NULL, &evidence);
	provider_read(&account, &books, true);
	bus_close(bus);
	struct verdict v = {&account, &evidence, &books, unsettled, stack_end()};
	plan_print_summary(&plan);
	FILE *list = fopen(list_path, "we");
	CHECK(list);
	size_t failed = oracle_judge(&v, list, &passed);
	fclose(list);
	for (int m = 0; m < MEMBER_COUNT; m++)
		printf("%s%s %.0f MiB", m ? ", " : "\nmost memory: ", member_names[m], (double)stack_peak_kib(m) / 1024);
	if (stack_disk_missing())
		printf("\nno full disk: %s", stack_disk_missing());
	printf("\nseed %" PRId64 ", %" PRId64 " s, %" PRId64 " submissions a second\n", config.seed, config.seconds,
	       config.rate);
	if (failed)
		printf("logs, and a list of the jobs that break a rule, are kept in %s\n", test_dir());
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed;
}

TEST(every_submission_is_accounted_for)
{
	configure();
	plan_make(&plan, (uint64_t)config.seed, config.seconds * 1000);
	if (config.plan_only) {
		plan_print(&plan);
		return;
	}
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	signal(SIGPIPE, SIG_IGN);
	uint32_t max = SUBMISSIONS_MAX(config.seconds, config.rate);
	printf("seed %" PRId64 ": %zu faults in %" PRId64 " s\n", config.seed, plan.n, config.seconds);
	account_init(&account, (uint64_t)config.seed, max);
	stack_start(max);
	CHECK_MSG(stack_is_ready(READY_MS), "the stack does not start");
	open_bus();
	load_start(&account, config.rate);
	strike();
	if (account_for_all()) {
		fflush(stdout);
		_exit(1); /* without removing the logs */
	}
}
