/* What the parts of the chaos tool share: the stack, the faults, the load and the account of every submission. */
#ifndef GANNET_TESTS_CHAOS_H
#define GANNET_TESTS_CHAOS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "bus/bus.h"
#include "core/map.h"
#include "tests/lib/proxy.h"
#include "tests/lib/servers.h"

/* ---- numbers that follow from the seed (random.c); the same on every machine */
struct random {
	uint64_t state;
};
/* `purpose` and `n` tell streams of the same seed apart. */
struct random random_stream(uint64_t seed, uint64_t purpose, uint64_t n);
uint64_t random_next(struct random *r);
int64_t random_between(struct random *r, int64_t least, int64_t most); /* both included */
bool random_chance(struct random *r, double p);

/* ---- the stack (stack.c); all of it on the main thread */
enum member { RUNNER_1, RUNNER_2, JOBS_1, JOBS_2, BROKER, DATABASE, PROVIDER, MEMBER_COUNT };
extern const char *const member_names[];
/* Connections that pass a proxy: who asks, and whom. */
enum link {
	RUNNER_1_BROKER,
	RUNNER_2_BROKER,
	JOBS_1_BROKER,
	JOBS_2_BROKER,
	JOBS_1_DATABASE,
	JOBS_2_DATABASE,
	RUNNER_1_PROVIDER,
	RUNNER_2_PROVIDER,
	LINK_COUNT
};
extern const char *const link_names[];

/* Sized for so many submissions. */
void stack_start(uint32_t submissions_max);
struct proxy *stack_link(enum link l);
int stack_provider_port(void);
/* SIGKILL or SIGTERM (PostgreSQL: SIGINT); it stays away until stack_run(). After SIGTERM the end is to be an orderly one. */
void stack_stop(enum member m, int signal);
void stack_run(enum member m); /* it is wanted: stack_watch() starts it */
void stack_pause(enum member m, bool pause);
bool stack_is_paused(enum member m);
/* The wall clock of this service is so far ahead from now on (behind when negative), also after a restart. */
void stack_jump(enum member m, int64_t ahead_ms);
/* To be called often: reaps, notes whoever ended badly, starts what is wanted. */
void stack_watch(void);
/* Everything runs and says that it is ready; false after `wait_ms`. */
bool stack_is_ready(int64_t wait_ms);
/* Ends our programs; what was wrong with any end so far, one line each, "" when nothing. */
const char *stack_end(void);
void disk_prepare(uint32_t submissions_max); /* before the broker starts */
/* The disk under the broker's data has no byte left, or room again. False: it cannot be arranged here. */
bool stack_disk_full(bool full);
const char *stack_disk_missing(void);  /* why not, NULL when it can */
int64_t stack_peak_kib(enum member m); /* most memory it was seen to hold */

/* ---- faults (plan.c) */
struct fault {
	int64_t at_ms, for_ms; /* since the load began */
	unsigned kind;         /* row of the table of kinds */
	unsigned target;       /* enum member or enum link */
	int64_t amount;        /* what the kind makes of it */
	bool begun, ended;
};
#define FAULTS_MAX 8192
struct plan {
	struct fault *faults;
	size_t n;
};
void plan_make(struct plan *p, uint64_t seed, int64_t duration_ms);
/* Begins and ends what is due. */
void plan_turn(struct plan *p, int64_t now_ms);
/* Ends everything that is under way. */
void plan_end(struct plan *p);
void plan_print(const struct plan *p);
/* Kinds, targets, and how often each has struck. */
void plan_print_summary(const struct plan *p);
size_t plan_struck(const struct plan *p);
void plan_describe(const struct fault *f, char *out, size_t out_bytes);

/* ---- submissions (submission.c): number n is the same for the same seed */
enum way { WAY_PUBLISHED, WAY_CLAIMED, WAY_UNNAMED, WAY_CREATED, WAY_COUNT };
enum expectation { EXPECT_COMPLETED, EXPECT_FAILED };
struct class
{
	const char *name;
	int weight;
	bool asks; /* the provider; otherwise the simulated one answers at once */
	enum expectation expected;
	const char *members; /* of the submission */
	const char *answer;  /* how the fake provider behaves: options of its script, JSON; NULL without */
};
extern const struct class classes[];
extern const size_t classes_n;
struct submission {
	unsigned class;
	enum way way;
	unsigned priority;
	const char *tenant;
	int64_t delay_ms;     /* run_at ahead; 0: at once */
	int64_t cancel_ms;    /* after the submission; -1 never */
	int64_t duplicate_ms; /* published once more after so long; -1 never */
};
/* Of so many submissions, the first are a run by one noisy tenant, sent at once. */
#define SUBMISSIONS_A_BURST 1500
#define BURST 400
struct submission submission_of(uint64_t seed, uint32_t n);
/* What the template comes to. */
#define PROMPT_BYTES 256
void submission_prompt(uint64_t seed, uint32_t n, char *out, size_t out_bytes);

/* ---- the account (account.c): what is known of each submission */
enum cancel_reply { CANCEL_NOT_ASKED, CANCEL_ASKED, CANCEL_DONE };
#define ENTRY_ID_BYTES 28
struct entry {
	/* what the publisher knows */
	bool sent, stored; /* handed over; acknowledged */
	bool refused;      /* answered with an error that does not pass */
	uint8_t cancel;    /* enum cancel_reply */
	int64_t stored_ms; /* monotonic: the first acknowledgement */
	bool late;         /* acknowledged again after the de-duplication horizon: it may run twice */
	/* what EVENTS says */
	uint16_t finals;         /* final events of the job id that came first */
	uint16_t other_ids;      /* final events under other ids */
	uint8_t state;           /* enum job_state of the first final event */
	bool poison;             /* given up after it had run and not ended too often */
	char id[ENTRY_ID_BYTES]; /* of that event */
	int32_t input, output;   /* tokens of its usage; -1 none */
	int64_t cost_nanousd;    /* -1 none */
	/* what PostgreSQL says */
	uint16_t rows;
	uint8_t row_status; /* enum job_status */
	int32_t row_tokens; /* -1 none */
	int64_t row_cost_nanousd;
	/* what the provider says */
	uint16_t answers; /* complete ones */
	int32_t answer_input, answer_output;
	bool answers_differ;
};
struct account {
	pthread_mutex_t lock; /* guards all but the seed and the size */
	uint64_t seed;
	uint32_t max, n; /* entries there may be; numbers given out */
	struct entry *entries;
	struct map prompts; /* hash of a prompt, 8 bytes → number + 1 as a pointer */
	uint32_t stored, duplicates, cancels, refused;
	char complaint[200]; /* the first refusal */
};
void account_init(struct account *a, uint64_t seed, uint32_t max);
/* The job's id in the submission; its events carry the number in their metadata. */
void account_job_id(uint32_t n, char out[ENTRY_ID_BYTES]);
void account_add_prompt(struct account *a, uint32_t n);
/* False when nobody submitted such a prompt. Call with the lock held. */
bool account_find_prompt(const struct account *a, uint64_t hash, uint32_t *ret_n);

/* ---- the load (load.c, asker.c): threads of its own; straight to the broker, not through a proxy */
void load_start(struct account *a, int64_t rate_per_s);
/* Submits nothing more and waits until every submission has been answered. */
void load_stop(void);
size_t load_unanswered(void);
/* Requests to the jobs service: creations and cancellations. asker_add() waits while too many are waiting. */
void asker_start(struct account *a, struct bus *b);
void asker_create(uint32_t n);
void asker_cancel(uint32_t n, int64_t due_mono_ms);
void asker_stop(void);
/* The JSON of a submission; `create` adds what is part of the subject otherwise. */
void load_body(const struct account *a, uint32_t n, bool create, struct buf *out);

/* ---- the provider's own log (provider.c), read while it runs */
struct provider_books {
	int64_t next;                      /* first entry not read yet, less one */
	int64_t calls, answers, lost;      /* lost: entries its ring had forgotten */
	int64_t unknown;                   /* answers to prompts that nobody submitted */
	int64_t input, output;             /* tokens of complete answers */
	int64_t spilt_input, spilt_output; /* tokens of broken ones */
};
/* Takes in what has ended; with `all`, what is still running counts as never answered. */
void provider_read(struct account *a, struct provider_books *p, bool all);

/* ---- the end (settle.c, oracle.c) */
/* Waits until queue, delayed jobs and projection are empty; false, with what is left in `out`, after `wait_ms`. */
bool settle(struct bus *b, int64_t wait_ms, char *out, size_t out_bytes);
/* One line of how far everything is. */
void settle_describe(struct bus *b, char *out, size_t out_bytes);
/* Reads EVENTS and PostgreSQL into the account; what cannot belong to it is counted. Each event is also written to the
 * file `copy`, unless that is NULL. */
struct evidence {
	int64_t events, finals, rows;
	int64_t unknown_events, unknown_rows;
	int64_t counted[8]; /* enum job_status: sums of ai_job_counts */
	char unknown[160];  /* the first of them */
};
void evidence_read(struct account *a, struct bus *b, const char *copy, struct evidence *ret);
struct verdict {
	const struct account *account;
	const struct evidence *evidence;
	const struct provider_books *books;
	const char *unsettled, *bad_ends; /* "" when all is well */
};
/* Prints every rule with its outcome, and each job that breaks one into `list`; returns how many failed, and how many held. */
size_t oracle_judge(const struct verdict *v, FILE *list, size_t *ret_passed);

#endif
