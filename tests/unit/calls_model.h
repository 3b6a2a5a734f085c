/*
 * System calls against a model: what capabilities, ports and reply objects are, said a second time
 * and as simply as possible.
 *
 * One host thread plays the CPUs (calls_machine.c); threads of several processes make calls through
 * the kernel's own way in. calls_run.c chooses them by bytes; the model says first what will come
 * of each (calls_caps.c, calls_ports.c, calls_threads.c); then the kernel does it, and everything
 * is compared (calls_check.c): every register of every thread, message pages, who waits where in
 * which order, every capability and what it was derived from, and each byte charged to the job.
 *
 * The scheduler is not modelled: which thread runs is looked up. A call that the kernel makes again
 * is told by __wrap_syscall_again, and goes through the model once more.
 */
#ifndef CALLS_MODEL_H
#define CALLS_MODEL_H

#include "cap/slot.h"
#include "ipc/port.h"
#include "obj/job.h"
#include "obj/thread.h"
#include "sched/cpu.h"

#define CALLS_CPUS      2
#define CALLS_NODES     400
#define CALLS_OBJECTS   96
#define CALLS_THREADS   20
#define CALLS_PROCESSES 5
#define CALLS_STORED    24
#define CALLS_SLOTS     1024 /* indices that a table may have */

struct calls_process {
    struct process *kernel;         /* NULL: not found yet */
    struct calls_object *object;    /* NULL: not used */
    uint16_t by_index[CALLS_SLOTS]; /* node + 1 */
};

/* An object that has a capability, or a thread or process that lives. */
struct calls_object {
    enum object_kind kind; /* OBJECT_NONE: not used */
    struct object *kernel; /* NULL: its first capability is not found yet */
    uint64_t identity;     /* of that: another one may come to the same place */
    bool inside;           /* charged to the job of the input; job: what is made in it is */
    uint32_t caps;
    struct calls_thread *thread;   /* thread: itself; reply: waited or bound */
    struct calls_process *process; /* process: itself */
    /* port */
    uint32_t depth, receivers, senders; /* capabilities with such rights */
    bool deaf, ended;
    uint64_t signals;
    /* reply */
    bool bound, dead;
};

struct calls_message {
    enum message_kind kind;
    uint64_t badge, label, words[MESSAGE_WORDS];
    uint32_t bytes, caps, moved;
    uint8_t page[MESSAGE_PAGE];
    struct calls_process *from; /* whose slots the last words are; NULL: it is stored */
    struct calls_node *nodes[MESSAGE_CAPS_MAX]; /* stored: its capabilities; NULL: it went */
};

struct calls_stored {
    struct calls_object *port; /* NULL: not used */
    uint64_t order;
    struct calls_message message;
    struct calls_process transit; /* stands for the table of its capabilities */
};

/* A capability. */
struct calls_node {
    struct calls_process *process; /* NULL: not used */
    struct calls_object *object;
    struct calls_node *parent;
    uint32_t rights;
    uint64_t badge;
    slot_t handle; /* 0: to be found in a register (calls_thread.learn) */
    struct slot *slot;
};

enum calls_state {
    CALLS_NEW,
    CALLS_USER,
    CALLS_AGAIN, /* ready; it makes its call again when it is next on a CPU */
    CALLS_SEND,
    CALLS_RECEIVE,
    CALLS_REPLY,
    CALLS_DEAD,
};

struct calls_thread {
    struct thread *kernel;         /* NULL: not found yet */
    struct calls_process *process; /* NULL: not used */
    struct calls_object *object;
    enum calls_state state;
    bool suspended;
    bool filler; /* keeps a CPU from idling; never waits */
    bool adopt;  /* its call's results are not modelled: they are taken as they are */
    struct trap_frame frame;
    uint8_t page[MESSAGE_PAGE];
    struct calls_node *learn[MESSAGE_WORDS]; /* whose handle has to be in this word */
    struct calls_object *port, *reply;
    enum message_kind sending;
    uint32_t shard, key;
    uint64_t order, deadline;
};

extern struct calls_process calls_processes[CALLS_PROCESSES];
extern struct calls_object calls_objects[CALLS_OBJECTS];
extern struct calls_node calls_nodes[CALLS_NODES];
extern struct calls_thread calls_threads[CALLS_THREADS];
extern struct calls_stored calls_stored[CALLS_STORED];
extern uint64_t calls_now; /* machine time, nanoseconds */

/* --- calls_caps.c --- */

/* Unused ones; NULL (calls_object_new: fails) if there is none. */
struct calls_object *calls_object_new(enum object_kind kind);
struct calls_node *calls_node_new(struct calls_process *process, struct calls_object *object,
                                  struct calls_node *parent, uint32_t rights, uint64_t badge);
uint32_t calls_nodes_free(void);

/* The handle of a new one is known from now on. */
void calls_node_found(struct calls_node *node, slot_t handle);

/* What a lookup says. */
struct calls_node *calls_find(struct calls_process *process, uint64_t handle);
error_t calls_lookup(struct calls_process *process, uint64_t handle, uint32_t rights,
                     struct calls_node **node);

error_t calls_derive(struct calls_process *process, struct calls_node *source, uint64_t rights,
                     uint64_t badge, struct calls_node **derived);
void calls_move(struct calls_node *node, struct calls_process *process);
void calls_delete(struct calls_node *node);
void calls_revoke(struct calls_node *node);

/* --- calls_ports.c --- */

/* The stored messages of a port, the first first: the next behind `order`, or NULL. */
struct calls_stored *calls_stored_behind(const struct calls_object *port, uint64_t order);

/* The thread whose message is taken next when none is stored, or NULL. */
struct calls_thread *calls_sender(const struct calls_object *port);

/* Messages with capabilities were dropped: these go when the reaper comes to it. */
extern bool calls_dropped;

/* The end of a wait: with a status, or to make the call again. */
void calls_finish(struct calls_thread *thread, error_t status);
void calls_again(struct calls_thread *thread);

/* Out of wherever it waits, without a result. */
void calls_unwait(struct calls_thread *thread);

/* After capabilities of it went. */
void calls_cap_gone(struct calls_object *object);

error_t calls_send(struct calls_thread *thread, enum message_kind kind);
error_t calls_receive(struct calls_thread *thread);
error_t calls_reply(struct calls_thread *thread);
error_t calls_reply_receive(struct calls_thread *thread);
error_t calls_signal(struct calls_thread *thread);

/* Waits whose time is up. */
void calls_expire(void);

#define CALLS_WAITS ((error_t) - 1) /* it waits, or is gone: nothing is written */

/* --- calls_threads.c --- */

/* What comes of the call in the thread's registers, now and on this CPU. */
void calls_predict(struct calls_thread *thread);

/* The model's thread of a kernel's; NULL for none. */
struct calls_thread *calls_thread_of(const struct thread *kernel);

/* --- calls_machine.c --- */

/* Once: CPUs, the first job, and a process with a thread for each CPU that is always ready. */
void calls_machine_start(void);

/* The host thread is that CPU. */
struct cpu *calls_be(uint32_t number);

/* The current thread of the CPU makes the call that its registers (in the model) describe; all
 * is compared afterwards. */
void calls_make(uint32_t number);

/* Interrupts and requests are taken until there are none; with `drain` all that waits to be freed
 * is. */
void calls_settle(bool drain);

/* A thread and a process of the model; the kernel's are found with their first capability. */
struct calls_thread *calls_thread_new(struct calls_process *process, struct calls_object *object);
struct calls_process *calls_process_new(struct calls_object *object);

/* --- calls_check.c --- */

/* Finds the handles that are to be learned. */
void calls_learn(void);

/* The same, and compares; `drained`: also what is charged. */
void calls_compare(bool drained);

/* From now on what is charged to the job is compared with what was there now. */
void calls_charge_begin(struct job *job);

/* --- calls_run.c --- */

/* Makes calls by bytes, and ends all that was made. */
void calls_model_run(const uint8_t *bytes, size_t size);

#endif
