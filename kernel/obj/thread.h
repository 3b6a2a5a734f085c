/*
 * Threads: registers, a wait record, scheduling state. No kernel stack: a thread that is not on a
 * CPU is this struct.
 *
 *     new --start--> ready <--> running            (sched/: run queues, CPUs)
 *                      ^           |
 *                      |           v
 *                      +--- waiting: send, receive, reply, fault, word     (ipc/)
 *                      |           |
 *                      +-------- parked: stopped by somebody               any --> dead
 *
 * `status` says where it is, `place` what it waits on. A thread leaves a place by being *claimed*:
 * taken out of the place's list, and its status changed, under the place's lock (send: the port's;
 * receive: the shard's; word: the bucket's), or, for reply and fault, taken out of the reply object
 * by compare-and-exchange, or out of parked likewise. Who claimed it owns it alone, and gives it
 * on: to a CPU (sched_ready, or by switching to it), to another place, or parks it. Nobody else
 * writes its frame or status.
 *
 * Stopping one (suspend, kill, freeze, kick): set the bit in `attention` (atomic), then look where
 * it is. Waiting: try to claim it (thread_claim) if the request needs that. Running: interrupt its
 * CPU, which looks at `attention` on its way out. Being given on: who does that looks at
 * `attention` after having set `status` (a full barrier lies between), so one side sees the other.
 *
 * Wait record (exported): *issue* is `resume == RESUME_CALL`: the frame describes a call, which the
 * kernel makes again when the thread is next put on a CPU; *reply* and *fault* are the states of
 * that name; everything else is *running*. Calls write nothing to the frame before they are done,
 * so being claimed from send, receive or word turns into issue without a step in between.
 */
#pragma once

#include "arch/user.h"
#include "lib/list.h"
#include "obj/process.h"
#include "sched/deadline.h"
#include "sched/entity.h"

struct port;
struct reply;

enum thread_status {
    THREAD_NEW,     /* not started */
    THREAD_READY,   /* in a run queue, or on its way there */
    THREAD_RUNNING, /* on CPU `cpu` */
    THREAD_SEND,    /* in port `place`'s queue; port_send, or port_call before it was taken */
    THREAD_RECEIVE, /* in port `place`'s shard `shard`, with reply object `reply` or NULL */
    THREAD_REPLY,   /* its call was taken; reply object `reply` names it */
    THREAD_FAULT,   /* the same for a fault, a foreign call or a kick */
    THREAD_WORD,    /* in a bucket of ipc/word.c */
    THREAD_CLAIMED, /* taken out of its place; on its way to another, by who took it */
    THREAD_PARKED,  /* stopped, in nobody's list */
    THREAD_DEAD,
};

/* What others want of a thread; looked at on its way to user mode. */
enum thread_attention {
    ATTENTION_SUSPEND = 1 << 0, /* park; set until resumed */
    ATTENTION_FREEZE = 1 << 1,  /* park; set until its job is thawed */
    ATTENTION_KILL = 1 << 2,
    ATTENTION_KICK = 1 << 3, /* send a kick to its foreign port */
    ATTENTION_LEND = 1 << 4, /* who lent it priority left, or its parameters changed */
};

/* What to do when it is next on a CPU: go to user mode, or first make the call that the frame
 * describes, or tell the fault that `fault` describes. */
enum thread_resume { RESUME_USER, RESUME_CALL, RESUME_FAULT };

struct thread {
    struct trap_frame frame; /* first: entry code saves here. Its owner's */
    /* What the IPC path touches. */
    _Atomic(uint32_t) status;        /* enum thread_status; its owner's, read by any */
    _Atomic(uint32_t) attention;     /* enum thread_attention, set by any */
    struct process *process;         /* constant; a reference */
    struct slot *_Atomic *directory; /* its process's, or none: where its fast path looks */
    struct reply *reply;             /* receive: to be bound; reply, fault: bound */
    struct reply *serving;           /* the reply object it receives with, linked (ipc/reply.h) */
    struct thread *server;           /* reply: the thread that took the call, and is lent to */
    struct port *place;              /* send, receive: where it waits */
    struct list wait;                /* in the place's list (receive, word) */
    struct deadline queued;          /* in a port's queue (send): key and order (ipc/port.c) */
    uint32_t cpu;                    /* CPU that runs it, ran it last, or whose queue it is in */
    uint32_t shard;                  /* receive */
    uint8_t priority;                /* own; sched/ */
    uint8_t effective;               /* with what callers lend; sched/ */
    uint8_t resume;                  /* enum thread_resume */
    uint8_t sending;                 /* send, reply, fault: enum message_kind of what it sent */
    bool special;           /* its calls are foreign, or restart mode's: `directory` empty */
    uint8_t aborted;        /* syscall/restart.h: what was tried on its present call */
    bool fast;              /* waits by a plain native call or receive: fast path allowed */
    uint64_t foreign_badge; /* for what it sends to its foreign port */
    struct port *foreign;   /* where its system calls and faults go; a reference or NULL */
    struct arch_thread arch;
    struct sched_entity sched; /* sched/entity.h */
    /* The rest. */
    struct object object;
    void *page;                 /* its message page, resident: kernel's address */
    uaddr_t page_user;          /* where its process sees it; 0: nowhere */
    struct memory *page_memory; /* the memory object of that page; a reference */
    struct port *handler;       /* faults and exit of a native thread; a reference or NULL */
    uint64_t handler_badge;
    struct deadline timeout;           /* of the present wait */
    bool timed;                        /* `timeout` is armed, or was and is firing */
    struct memory *asked;              /* in `sending` a page: of which object; a reference */
    _Atomic(bool) late;                /* its timeout came while it was frozen in reply */
    uint64_t word_memory, word_offset; /* word: what it waits on (ipc/word.h) */
    uint64_t order;                    /* frozen in send: its turn there (port_turn); else 0 */
    uint64_t fault[4];                 /* class, address, error, pc of the fault in `sending` */
    uint64_t exit_value;
    _Atomic(uint32_t) exit_reason; /* enum exit_reason; set once */
    struct list sibling;           /* in its process; the process's lock */
};

static inline enum thread_status thread_status(const struct thread *thread)
{
    return (enum thread_status)atomic_load_explicit(&thread->status, memory_order_relaxed);
}

/*
 * The port where it waits in `status` (send, receive), or NULL. That stays memory until we leave
 * the kernel, though the thread may have left it since. Only the status, which is set after it,
 * says that the port is one that still was there when we came.
 */
static inline struct port *thread_place(const struct thread *thread, enum thread_status status)
{
    return atomic_load_explicit(&thread->status, memory_order_acquire) == status
               ? __atomic_load_n(&thread->place, __ATOMIC_RELAXED)
               : NULL;
}

/* By its owner alone, or under the lock of its place; readers tell by that what it means. */
static inline void thread_set_status(struct thread *thread, enum thread_status status)
{
    atomic_store_explicit(&thread->status, status, memory_order_relaxed);
}

/* With its message page mapped at `page`; the caller has a reference besides that of being alive.
 * Errors of space_map; dead. */
error_t thread_create(struct process *process, uaddr_t page, struct thread **result);

/* Lets a new thread run. busy if it is not new, dead if its process is. */
error_t thread_start(struct thread *thread, uaddr_t pc, uaddr_t sp, uint64_t argument);

/*
 * Takes the thread out of where it waits, if it waits by a call that can be issued again (send,
 * receive, word); the caller owns it then, with resume == RESUME_CALL. False if it does not.
 */
bool thread_claim(struct thread *thread);

/* The same from reply and fault: whoever would answer finds nobody. */
bool thread_claim_reply(struct thread *thread);

/* The same, and what it asked for is sent again when it is next on a CPU. */
bool thread_recall(struct thread *thread);

/* A thread that was frozen in reply: the timeout that came meanwhile, if there was one. */
void thread_timeout_late(struct thread *thread);

/*
 * Ends a wait of an owned thread with a status: writes it into the frame's control register, and
 * makes the thread ready in user mode.
 */
void thread_finish(struct thread *thread, error_t status);

/* A thread taken from a port by its shard or queue, not by thread_claim: its call is issued again.
 */
void receive_again(struct thread *thread);
void send_again(struct thread *thread);

/* Parks an owned thread. */
void thread_park(struct thread *thread);

/* Arms the timeout of a thread that is about to wait, for `deadline` in its job's clock. */
void thread_timeout_arm(struct thread *thread, uint64_t deadline);
void thread_timeout_cancel(struct thread *thread);

/* An owned thread goes from one wait to the next of its call. False if its time was up meanwhile:
 * nobody could be told, for it waited nowhere. */
bool thread_timeout_renew(struct thread *thread);

/* Sets bits of `attention` and interrupts its CPU if it runs. */
void thread_notify(struct thread *thread, uint32_t attention);

/* Stops; waits until the thread is on no CPU. No locks held. busy: the caller itself must stop. */
error_t thread_suspend(struct thread *thread, uint32_t attention);
void thread_resume(struct thread *thread, uint32_t attention);
void thread_kill(struct thread *thread, uint32_t reason, uint64_t value);

/* See above. bad_argument without a foreign port, busy in reply or fault. */
error_t thread_kick(struct thread *thread);

/*
 * `thread` was given into a place, or bound to a reply object: who wanted to kill it meanwhile may
 * not have found it. The last that is done with it.
 */
void thread_given(struct thread *thread);

/* Ends a thread that the caller owns, or the current one: it tells its handler and is gone. */
void thread_die(struct thread *thread);

/* The same with the reason, unless it was killed before. */
void thread_end(struct thread *thread, uint32_t reason, uint64_t value);

extern const struct object_ops thread_ops;

/*
 * On the way out: does what `attention` asks of the current thread. False if the thread may not
 * go to user mode now (it was parked, died, or waits).
 */
bool thread_attend(struct cpu *self, struct thread *thread);
