/* What the parts of the worker framework share; nobody else includes it. */
#ifndef GANNET_WORKER_INTERNAL_H
#define GANNET_WORKER_INTERNAL_H

#include <pthread.h>

#include "bus/kv.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "core/map.h"
#include "worker/queue.h"
#include "worker/worker.h"

/* Where a delivered message stands. Only the loop thread changes it, but for SETTLING, which worker_settle() sets. */
enum entry_state {
	ENTRY_NEW,      /* delivered, not looked at */
	ENTRY_CLAIMING, /* its `started` event is on the way, to learn whether the job id ran before */
	ENTRY_WAITING,  /* in the queue */
	ENTRY_RUNNING,  /* process() was called */
	ENTRY_SETTLING, /* its outcome is being stored */
};

enum ack_kind { ACK_ACK, ACK_NAK, ACK_TERM };

/* One delivered message, from delivery to acknowledgement. */
struct worker_entry {
	struct worker_job job; /* first: a job is its entry */
	struct bus_delivery delivery;
	struct job_subject subject;
	_Atomic enum entry_state state;
	enum ack_kind ack; /* what to answer once the outcome is stored */
	int64_t nak_delay_ms;
	struct worker_entry *next;                        /* inbox, done list or queue */
	struct worker_entry *held_prev, *held_next;       /* under worker->lock: all that need their lease */
	struct worker_entry *running_prev, *running_next; /* loop thread: in order of start */
	int64_t lease_mono_ms;                            /* last delivery or renewal */
	int64_t lease_until_ms;                           /* monotonic; not renewed past it; 0: as long as it takes */
	bool announced;                                   /* its `started` event was published */
	bool redelivered_checked;                         /* history was read */
	bool claim_taken; /* there is a claim on its job id already: an earlier one of its own, or another message's */
	struct job_history {
		bool known;           /* the stream has answered, with an event of this run */
		bool superseded;      /* ended, or on its way again by other means: nothing is left to do */
		bool own_claim;       /* this very message holds the claim on its job id */
		int64_t attempt_used; /* tries used up so far */
		int64_t interrupted;  /* deliveries that began and ended with no outcome */
	} history;
	bool handed_back;
	bool timed_out;
	bool from_overflow;
	int64_t progress_mono_ms;
	int64_t stream_seq_out; /* next number on jobs.stream */
	struct loop_timer timeout;
	enum status stored;
	bool stored_duplicate;
	bool has_traceparent, counted; /* counted: in worker->settling */
	struct trace_context trace_parent;
	struct pending_event *pending; /* what to send once the first message is stored */
	char job_id[JOB_ID_BYTES];
	char sequence[24];
	char reply_to[256]; /* "" when none */
};

struct entry_list {
	struct worker_entry *head, *tail;
};
void entry_list_push(struct entry_list *l, struct worker_entry *e);

struct worker_counts {
	int64_t succeeded, failed, retried, cancelled, duplicates, rejected;
	int64_t processing_ns;
};

#define PULL_COUNT (PRIORITY_COUNT + BUS_OVERFLOW_LANES) /* the priorities' consumers, then the overflow lanes' */

/* One priority's look at who waits behind whom (overflow.c). */
struct overflow_watch {
	bool asked; /* under lock: the recovery thread is to look */
	size_t others_here; /* under lock */
	char tenant[TENANT_ID_MAX + 1], moving[TENANT_ID_MAX + 1]; /* under lock */
	_Atomic int64_t move_until_ms; /* monotonic; 0: nothing moves */
};

/* The worker whose loop this thread runs, NULL elsewhere. */
extern _Thread_local struct worker *worker_of_loop;

struct worker {
	struct worker_kind kind;
	struct worker_options o;
	struct bus *bus;
	struct loop *loop;
	const struct clock *clock;
	char id[128], host[64];
	int64_t stream_created_ms;
	int64_t started_ms;

	/* shared with client threads, the lease thread and job threads */
	pthread_mutex_t lock;
	struct entry_list inbox;                    /* delivered or recovered */
	struct entry_list done;                     /* outcome stored (or not) */
	struct worker_entry *held_head, *held_tail; /* ordered by lease_mono_ms */
	size_t held;
	struct cancel_note *cancel_notes; /* newest first */
	pthread_cond_t drained;
	bool quiet;    /* nothing held any more, told to worker_stop() */
	bool detached; /* no turn comes any more */

	/* loop thread only */
	struct bus_pull *pulls[PULL_COUNT];
	struct job_queue queue;
	struct worker_entry *running_head, *running_tail;
	size_t running, settling, claiming, recovering;
	size_t lane_waiting[BUS_OVERFLOW_LANES]; /* delivered from a lane, not begun */
	uint64_t pending[PRIORITY_COUNT]; /* behind the last delivery, in the consumer */
	struct {
		int64_t looked_ms;
		struct overflow_watch watch[PRIORITY_COUNT];
	} overflow;
	struct map cancelled;            /* "<tenant>.<id>.<run>" → struct cancel_note */
	struct loop_timer tick, announce;
	bool announce_armed, cancel_news;
	bool ticking;
	int64_t rate_window_ms;
	int64_t rate_started; /* jobs begun in the current window */
	double rate_per_ms;
	size_t prefetch; /* how many jobs of a priority are to be at hand */
	bool draining, handing_back;
	int64_t drain_deadline_ms;
	struct worker_entry *free_entries;
	size_t free_n;

	_Atomic bool stop_requested;
	_Atomic int pulls_left; /* how many of the pulls the broker has noted to be gone */
	_Atomic int64_t stop_deadline_ms;
	_Atomic bool detach_requested;
	_Atomic size_t in_flight_now, waiting_now;
	struct worker_counts counts; /* under lock */

	pthread_t lease_thread;
	pthread_cond_t lease_wake;
	bool lease_running, lease_stop; /* lease_stop under lock */
	struct bus_follow *cancel_watch;
	int64_t cancel_swept_ms;
	bool cancel_ready; /* under lock */
	struct bus_follow *pause_watch;
	_Atomic unsigned paused; /* a bit for each priority */
	struct entry_list on_hold; /* loop thread: delivered while their priority is paused, not looked at */
	size_t lane_on_hold[BUS_OVERFLOW_LANES];
	unsigned held_for; /* loop thread: `paused` as it was when they were put on hold */
	bool pause_ready;        /* under lock */

	pthread_t recover_thread;
	bool recover_running, recover_stop; /* recover_stop under lock */
	struct bus_lookup *lookup;          /* recovery thread only; NULL until something came back */
	struct entry_list recover;          /* under lock */
	pthread_cond_t recover_wake;

	pthread_t *threads; /* threads_n of them */
	size_t threads_n;
	bool threads_stop;      /* under lock */
	struct entry_list jobs; /* under lock: for those threads */
	pthread_cond_t jobs_wake;
};

/* entry.c */
void worker_delivery(void *arg, struct bus_delivery *d);                             /* a bus_delivery_fn */
void worker_post(struct worker *w, struct entry_list *list, struct worker_entry *e); /* any thread */
struct entry_list worker_take(struct worker *w, struct entry_list *list);            /* all of it */
void worker_release(struct worker *w, struct worker_entry *e); /* loop thread: acknowledged, forget it */
void worker_entry_free(struct worker_entry *e);
void worker_running_add(struct worker *w, struct worker_entry *e);
void worker_running_remove(struct worker *w, struct worker_entry *e);

/* turn.c */
void worker_wake(void *arg);

/* admit.c: from bytes to a job that may run */
enum admission { ADMIT_RUN, ADMIT_DONE /* settled or on its way elsewhere */, ADMIT_CLAIM, ADMIT_RECOVER };
enum admission worker_admit(struct worker *w, struct worker_entry *e);

/* event.c */
#define EVENT_SUBJECT_MAX 256
#define EVENT_NAME_MAX 192
/* A result that cost money is kept and offered to the broker for this long before its job is left to a redelivery. */
#define EVENT_DEADLINE_MS (10 * 60 * 1000)
struct job_event event_of(const struct worker *w, const struct worker_entry *e, enum job_state state);
void event_subject(const struct worker_entry *e, enum job_state state, char out[EVENT_SUBJECT_MAX]);
struct span event_encode(const struct worker_entry *e, struct job_event *ev); /* until this thread encodes the next */
/*
 * Stores any message for this entry, once under the same name (see bus/private_id.h); the answer, also a refusal, reaches the
 * loop by the done list.
 */
void event_store(struct worker *w, struct worker_entry *e, const char *subject, const char *name, struct span data);
void event_store_within(struct worker *w, struct worker_entry *e, const char *subject, const char *name, struct span data,
                        int64_t deadline_ms);
void event_stored(void *arg, const struct bus_stored *s); /* what event_store() has called; `arg` is the entry */
void event_publish(struct worker *w, const struct worker_entry *e, const char *subject, struct span data); /* may be lost */
void event_announce(struct worker *w, struct worker_entry *e, bool claim); /* the `started` event */

/* settle.c */
void settle_reject(struct worker *w, struct worker_entry *e, const struct err *err);
void settle_delay(struct worker *w, struct worker_entry *e, int64_t due_wall_ms);
void settle_poison(struct worker *w, struct worker_entry *e);
void settle_overflow(struct worker *w, struct worker_entry *e); /* moves a job to its tenant's lane */
void settle_duplicate(struct worker *w, struct worker_entry *e);
void settle_silently(struct worker *w, struct worker_entry *e, enum ack_kind ack); /* acknowledges without an event */
void settle_hand_back(struct worker *w, struct worker_entry *e); /* this worker ends: another one is to have the job */
void settle_stored(struct worker *w,
                   struct worker_entry *e); /* loop thread: the outcome is in the stream; acknowledge */

/* lease.c */
void held_add(struct worker *w, struct worker_entry *e);    /* with worker->lock held */
void held_remove(struct worker *w, struct worker_entry *e); /* with worker->lock held */
enum status lease_start(struct worker *w, struct err *err) must_check;
void lease_stop(struct worker *w);
void lease_announce(struct worker *w, const char *subject, const char *status);

/* recover.c: what the stream knows of a redelivered job */
enum status recover_start(struct worker *w, struct err *err) must_check;
void recover_stop(struct worker *w);

/* overflow.c */
unsigned overflow_lane(struct span tenant);
void overflow_consider(struct worker *w);                                  /* loop thread */
bool overflow_applies(struct worker *w, const struct worker_entry *e);     /* loop thread: this job is to be moved */
void overflow_look(struct worker *w);                                      /* recovery thread */
bool overflow_asked(const struct worker *w);                               /* with worker->lock held */

/* worker.c */
/* TIMEOUT, naming the bucket, when its reader has not set *read (guarded by worker->lock) in time. */
enum status worker_wait_read(struct worker *w, const char *bucket, const bool *read, struct err *err) must_check;

/* cancel.c */
struct cancel_note {
	struct cancel_note *next;
	int64_t at_mono_ms;
	bool removed;
	char key[TENANT_ID_MAX + JOB_ID_MAX + 24];
};
enum status cancel_start(struct worker *w, struct err *err) must_check;
void cancel_stop(struct worker *w);
void cancel_free(struct worker *w);
void cancel_take_notes(struct worker *w); /* loop thread */
bool cancel_is_requested(const struct worker *w, const struct worker_entry *e);

/* pause.c: priorities of which no job begins */
enum status pause_start(struct worker *w, struct err *err) must_check;
void pause_stop(struct worker *w);
bool pause_applies(const struct worker *w, enum priority p);
bool pause_holds(struct worker *w, struct worker_entry *e); /* loop thread: takes it if its priority is paused */
void pause_let_go(struct worker *w);                        /* loop thread: what need not be held any more goes to the inbox */

/* threads.c: kinds that block */
void threads_give(struct worker *w, struct worker_entry *e);
enum status threads_start(struct worker *w, struct err *err) must_check;
void threads_stop(struct worker *w);

#endif
