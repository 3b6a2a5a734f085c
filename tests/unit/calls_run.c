/* Which calls are made: chosen by bytes, six for each (calls_model.h). */
#include "calls_model.h"
#include "caps_model.h"
#include "host.h"
#include "lib/assert.h"
#include "sched/sched.h"
#include <syscall.h>

#include <string.h>

#define PROCESSES     3
#define PER_PROCESS   3
#define PAGES         UINT64_C(0x200000) /* message pages of threads */
#define STEP_BYTES    6
#define PORTS_MAX     10
#define GONE_MAX      16
#define NODES_RESERVE 100 /* left free: a placement or message makes a few */
#define WRONG         240 /* choices from here on are mistakes */

enum { OWN_PROCESS, ROOT_JOB, FIXED_NODES }; /* nodes that stay, as calls_machine.c makes them */

struct step {
    uint8_t cpu, what, first, second, flags, value;
};

static slot_t gone[GONE_MAX]; /* handles that meant something once */
static uint32_t gone_next, pages_made;
static uint64_t root_used, root_pages; /* charged before an input, and pages of the first table */
static bool started;

/* --- making a call --- */

static struct calls_thread *current(uint32_t cpu)
{
    return calls_thread_of(cpu_table[cpu]->current);
}

static void clear(struct calls_thread *thread, uint64_t number)
{
    struct trap_frame frame = {.pc = thread->frame.pc, .sp = thread->frame.sp};
    frame.control = number;
    thread->frame = frame;
}

static void finish(uint32_t cpu, bool drain)
{
    calls_dropped = false;
    calls_make(cpu);
    drain = drain || calls_dropped;
    calls_settle(drain);
    calls_compare(drain);
}

/* In the beginning everything is compared once, at its end. */
static void begin_finish(uint32_t cpu)
{
    calls_make(cpu);
    calls_settle(false);
    calls_learn();
}

/* A call by its words, for the beginning. The capability that came of it, if one does. */
static struct calls_node *make(uint32_t cpu, uint64_t number, uint64_t on, uint64_t word0,
                               uint64_t word1, uint64_t word2, uint64_t word3)
{
    struct calls_thread *thread = current(cpu);
    clear(thread, number);
    frame_set_operand(&thread->frame, 0, on);
    const uint64_t words[] = {word0, word1, word2, word3};
    for (uint32_t i = 0; i < 4; i++)
        frame_set_word(&thread->frame, i, words[i]);
    begin_finish(cpu);
    assert(thread->state != CALLS_USER || frame_control(&thread->frame) == OK);
    return calls_find(thread->process, frame_word(&thread->frame, 0));
}

static uint64_t table_pages(void)
{
    uint64_t pages = 0;
    for (uint32_t i = 0; i < SLOT_CHUNKS_MAX; i++)
        pages += calls_processes[0].kernel->table.directory[i] != slot_no_directory[i];
    return pages;
}

/* --- the beginning of an input --- */

struct family {
    struct job *kernel; /* of `job`, whatever becomes of that */
    struct calls_node *job;
    struct calls_node *processes[PROCESSES];
    struct calls_node *threads[PROCESSES * PER_PROCESS];
    struct calls_node *ports[3];
};

static struct calls_node *create(const struct calls_node *job, enum object_kind kind,
                                 uint64_t parent, uint64_t value)
{
    return make(0, CALL_object_create, job->handle.value, kind, parent, value, 0);
}

/* Copies a capability into a process's table. */
static void place(const struct calls_node *process, const struct calls_node *node, uint64_t rights,
                  uint64_t badge)
{
    struct calls_thread *thread = current(0);
    clear(thread, CALL_cap_place);
    frame_set_operand(&thread->frame, 0, process->handle.value);
    frame_set_word(&thread->frame, 2, node->handle.value);
    frame_set_word(&thread->frame, 3, rights);
    frame_set_word(&thread->frame, 4, badge);
    begin_finish(0);
    assert(frame_control(&thread->frame) == OK);
}

static struct calls_node *thread_make(const struct family *family, uint32_t process)
{
    return create(family->job, OBJECT_thread, family->processes[process]->handle.value,
                  PAGES + pages_made++ * PAGE_SIZE);
}

/* A thread that never starts keeps its process from ending. */
static void processes_make(struct family *family)
{
    for (uint32_t i = 0; i < PROCESSES; i++) {
        family->processes[i] = create(family->job, OBJECT_process, 0, 0);
        struct calls_node *keeper = thread_make(family, i);
        make(0, CALL_cap_delete, keeper->handle.value, 0, 0, 0, 0);
        for (uint32_t t = 0; t < PER_PROCESS; t++)
            family->threads[i * PER_PROCESS + t] = thread_make(family, i);
    }
    for (uint32_t i = 0; i < 3; i++)
        family->ports[i] = create(family->job, OBJECT_port, 0, i);
}

/* All on the first port; of the others one process alone may receive, or send. */
static uint64_t port_rights(uint32_t port, uint32_t process)
{
    bool receives = (port == 1) == (process == 2);
    uint64_t some = receives ? RIGHT_receive : RIGHT_send | RIGHT_signal;
    return port == 0 ? RIGHTS_ALL : some | RIGHT_grant | RIGHT_revoke;
}

static void process_equip(const struct family *family, uint32_t i)
{
    const struct calls_node *process = family->processes[i];
    for (uint32_t t = 0; t < PROCESSES * PER_PROCESS; t++)
        place(process, family->threads[t], RIGHTS_ALL, 0);
    for (uint32_t p = 0; p < 3; p++)
        place(process, family->ports[p], port_rights(p, i), (p + i) % 3);
    place(process, family->job, RIGHT_create | RIGHT_grant, 0);
    place(process, process, RIGHTS_ALL & ~(uint64_t)RIGHT_space, 0);
    place(process, family->processes[(i + 1) % PROCESSES], RIGHT_table, 0);
    for (uint32_t r = 0; r < 2; r++) {
        struct calls_node *reply = create(family->job, OBJECT_reply, 0, 0);
        place(process, reply, RIGHTS_ALL, 0);
        make(0, CALL_cap_delete, reply->handle.value, 0, 0, 0, 0);
    }
}

static void threads_start(const struct family *family)
{
    for (uint32_t i = 0; i < PROCESSES * PER_PROCESS; i++) {
        struct sched_params params = {
            .policy = {.class = SCHED_high, .priority = (uint8_t)(40 + i % 2)}};
        error_t error = sched_set(family->threads[i]->object->thread->kernel, &params);
        assert(error == OK);
    }
    /* Whoever runs now has capabilities for all of them. */
    for (uint32_t i = 0; i < PROCESSES * PER_PROCESS; i++) {
        const struct calls_thread *starts = current(i % CALLS_CPUS);
        for (uint32_t n = 0; n < CALLS_NODES; n++)
            if (calls_nodes[n].process == starts->process &&
                calls_nodes[n].object == family->threads[i]->object) {
                make(i % CALLS_CPUS, CALL_thread_start, calls_nodes[n].handle.value, PAGE_SIZE, 0,
                     i, 0);
                break;
            }
    }
}

static void begin(struct family *family)
{
    if (!started)
        calls_machine_start();
    started = true;
    pages_made = gone_next = 0;
    memset(gone, 0, sizeof(gone));
    calls_settle(true);
    calls_compare(true);
    root_used = job_memory_used(job_root);
    root_pages = table_pages();
    family->job = create(&calls_nodes[ROOT_JOB], OBJECT_job, 0, 0);
    processes_make(family);
    for (uint32_t i = 0; i < PROCESSES; i++)
        process_equip(family, i);
    for (uint32_t i = 1; i < 3; i++)
        make(0, CALL_cap_delete, family->ports[i]->handle.value, 0, 0, 0, 0);
    calls_settle(true);
    family->kernel = CONTAINER_OF(family->job->object->kernel, struct job, object);
    calls_charge_begin(family->kernel);
    calls_compare(true);
    threads_start(family);
}

/* --- the end --- */

static void model_forget(void)
{
    for (uint32_t i = FIXED_NODES; i < CALLS_NODES; i++) {
        if (calls_nodes[i].process == &calls_processes[0]) {
            calls_processes[0].by_index[(uint32_t)calls_nodes[i].handle.value] = 0;
            error_t error = cap_delete(calls_nodes[i].slot);
            assert(error == OK);
        }
        calls_nodes[i].process = NULL;
    }
    for (uint32_t i = 1; i < CALLS_PROCESSES; i++)
        memset(&calls_processes[i], 0, sizeof(calls_processes[i]));
    for (uint32_t i = 0; i < CALLS_THREADS; i++)
        if (!calls_threads[i].filler)
            memset(&calls_threads[i], 0, sizeof(calls_threads[i]));
    for (uint32_t i = 0; i < CALLS_STORED; i++)
        calls_stored[i].port = NULL;
    for (uint32_t i = 0; i < CALLS_OBJECTS; i++) {
        struct calls_object *object = &calls_objects[i];
        bool stays = object == calls_nodes[OWN_PROCESS].object ||
                     object == calls_nodes[ROOT_JOB].object ||
                     (object->kind == OBJECT_thread && object->thread->filler);
        if (!stays)
            object->kind = OBJECT_NONE;
        object->caps = object->kind == OBJECT_thread ? 0 : 1;
    }
}

/* Whatever state the input left: when the job is killed, nothing of it stays. */
static void end(const struct family *family)
{
    calls_charge_begin(NULL);
    (void)calls_be(0);
    job_kill(family->kernel);
    /* Nobody is asked any more what is to come of calls that are made again. */
    for (uint32_t i = 0; i < CALLS_THREADS; i++)
        if (!calls_threads[i].filler)
            calls_threads[i].state = CALLS_DEAD;
    calls_settle(true);
    model_forget();
    calls_settle(true);
    calls_compare(true);
    assert(job_memory_used(job_root) == root_used + (table_pages() - root_pages) * PAGE_SIZE);
}

/* --- steps --- */

/* A handle of the thread's for that kind; or a mistake. */
static uint64_t pick(const struct calls_thread *thread, enum object_kind kind, uint8_t choice)
{
    uint64_t found[CALLS_NODES];
    uint32_t count = 0;
    if (choice == UINT8_MAX)
        return 0;
    if (choice >= WRONG + 8)
        return gone[choice % GONE_MAX].value;
    for (uint32_t i = FIXED_NODES; i < CALLS_NODES; i++)
        if (calls_nodes[i].process == thread->process && calls_nodes[i].handle.value != 0 &&
            (kind == OBJECT_NONE || choice >= WRONG || calls_nodes[i].object->kind == kind))
            found[count++] = calls_nodes[i].handle.value;
    return count == 0 ? 0 : found[choice % count];
}

static uint64_t deadline_of(const struct calls_thread *thread, uint8_t flags)
{
    if (thread->filler || flags % 8 == 0)
        return DEADLINE_POLL;
    return flags % 8 < 4 ? DEADLINE_NEVER : calls_now - 1000 + (uint64_t)flags * 40000;
}

static void message_choose(struct calls_thread *thread, const struct step *step)
{
    static const uint16_t sizes[] = {0, 0, 0, 8, 61, 512, 4096, 4097};
    uint64_t bytes = sizes[step->value % 8], caps = 0, moved = step->flags >> 4;
    if (step->value >= 160)
        caps = 1 + step->value / 8 % 4;
    if (step->value == 255)
        caps = 5;
    thread->frame.control |=
        bytes << CONTROL_BYTES_SHIFT | caps << CONTROL_CAPS_SHIFT | moved << CONTROL_MOVE_SHIFT;
    if (step->flags % 32 == 9)
        thread->frame.control |= CONTROL_RANGE;
    frame_set_label(&thread->frame, (uint64_t)step->value << 32 | step->first);
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        frame_set_word(&thread->frame, i, (uint64_t)step->second << 8 | i);
    for (uint64_t i = MESSAGE_WORDS - (caps < 5 ? caps : 0); i < MESSAGE_WORDS; i++)
        frame_set_word(&thread->frame, (uint32_t)i,
                       pick(thread, OBJECT_NONE, (uint8_t)(step->second + 5 * i)));
    memset(thread->page, step->first ^ step->value, bytes <= MESSAGE_PAGE ? bytes : 0);
}

static void port_choose(struct calls_thread *thread, const struct step *step, uint64_t number)
{
    clear(thread, number);
    frame_set_operand(&thread->frame, 0, pick(thread, OBJECT_port, step->first));
    frame_set_operand(&thread->frame, 2, deadline_of(thread, step->flags));
    bool receives = number == CALL_port_receive || number == CALL_port_reply_receive;
    if (number == CALL_port_reply || (receives && step->flags % 16 != 3))
        frame_set_operand(&thread->frame, 1, pick(thread, OBJECT_reply, step->second));
    if (number == CALL_port_signal)
        frame_set_word(&thread->frame, 0, step->value);
    else if (number != CALL_port_receive)
        message_choose(thread, step);
}

/* The nodes that the machine needs stay; a capability that goes is tried again later. */
static void one_choose(struct calls_thread *thread, uint64_t number, uint64_t handle)
{
    const struct calls_node *node = calls_find(thread->process, handle);
    clear(thread, number);
    if (node == NULL || node >= calls_nodes + FIXED_NODES || number != CALL_cap_delete)
        frame_set_operand(&thread->frame, 0, handle);
    gone[gone_next++ % GONE_MAX] = (slot_t){handle};
}

static void derive_choose(struct calls_thread *thread, const struct step *step)
{
    clear(thread, CALL_cap_derive);
    frame_set_operand(&thread->frame, 0, pick(thread, OBJECT_NONE, step->first));
    uint64_t rights = RIGHTS_ALL;
    if (step->second < 64)
        rights = (step->second % 2 == 0 ? RIGHT_receive : RIGHT_send) | RIGHT_grant;
    else if (step->second < 128)
        rights = ~(UINT64_C(1) << step->second % 20);
    frame_set_word(&thread->frame, 0, rights);
    frame_set_word(&thread->frame, 1, step->value % 4);
}

static void place_choose_call(struct calls_thread *thread, const struct step *step)
{
    clear(thread, CALL_cap_place);
    frame_set_operand(&thread->frame, 0, pick(thread, OBJECT_process, step->first));
    uint64_t index = (uint64_t)step->flags * 3 % 512, generation = step->value % 5 + 1;
    if (step->flags >= 128)
        frame_set_word(&thread->frame, 0, (step->value == 7 ? 0 : generation) << 32 | index);
    if (step->value >= 200)
        frame_set_word(&thread->frame, 1, pick(thread, OBJECT_process, step->value));
    frame_set_word(&thread->frame, 2, pick(thread, OBJECT_NONE, step->second));
    frame_set_word(&thread->frame, 3, step->value < 100 ? RIGHTS_ALL : step->value * 0x2041u);
    frame_set_word(&thread->frame, 4, step->value % 16 == 3);
}

static uint32_t objects_of(enum object_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < CALLS_OBJECTS; i++)
        count += calls_objects[i].kind == kind;
    return count;
}

static void create_choose(struct calls_thread *thread, const struct step *step)
{
    static const enum object_kind kinds[] = {OBJECT_port, OBJECT_reply, OBJECT_reply,
                                             OBJECT_memory};
    uint64_t kind =
        step->value >= WRONG ? OBJECT_KINDS + (uint64_t)step->value : kinds[step->value % 4];
    clear(thread, CALL_object_create);
    if (objects_of(OBJECT_port) >= PORTS_MAX && kind == OBJECT_port)
        kind = OBJECT_NONE;
    if (objects_of(OBJECT_NONE) < 8)
        kind = OBJECT_NONE;
    frame_set_operand(&thread->frame, 0, pick(thread, OBJECT_job, step->first));
    frame_set_word(&thread->frame, 0, kind);
    uint64_t depth = step->flags == 9 ? PORT_DEPTH_MAX + 1 : step->flags % 2;
    frame_set_word(&thread->frame, 2, kind == OBJECT_memory ? PAGE_SIZE * step->flags : depth);
}

static void thread_choose(struct calls_thread *thread, const struct step *step)
{
    static const uint8_t numbers[] = {CALL_thread_suspend, CALL_thread_resume, CALL_thread_resume,
                                      CALL_thread_kick,    CALL_thread_start,  CALL_thread_resume};
    one_choose(thread, numbers[step->value % 6], pick(thread, OBJECT_thread, step->first));
    frame_set_word(&thread->frame, 0, step->flags < WRONG ? PAGE_SIZE : UINT64_MAX);
}

/* A process or job that could be killed is let live: the model's processes do. */
static void kill_choose(struct calls_thread *thread, const struct step *step)
{
    uint64_t handle = pick(thread, OBJECT_thread, step->first);
    const struct calls_node *node = calls_find(thread->process, handle);
    bool live = node != NULL && (node->rights & (RIGHT_table | RIGHT_control)) != 0;
    if (step->value >= 160 && !thread->filler)
        clear(thread, CALL_thread_exit);
    else
        one_choose(thread, live ? CALL_null : CALL_object_kill, handle);
}

/* What is not modelled must leave all else alone. */
static void other_choose(struct calls_thread *thread, const struct step *step)
{
    static const uint8_t numbers[] = {CALL_null,        CALL_yield,       CALL_clock_read,
                                      CALL_object_info, CALL_object_info, 200};
    uint64_t number = numbers[step->value % 6];
    one_choose(thread, number, pick(thread, OBJECT_NONE, step->first));
    frame_set_word(&thread->frame, 0, step->second % 4);
    frame_set_word(&thread->frame, 1, step->flags);
    thread->adopt = number == CALL_object_info;
}

static void call_choose(struct calls_thread *thread, const struct step *step)
{
    static const uint8_t ports[] = {
        CALL_port_call,          CALL_port_call,    CALL_port_call,
        CALL_port_call,          CALL_port_send,    CALL_port_send,
        CALL_port_send,          CALL_port_receive, CALL_port_receive,
        CALL_port_receive,       CALL_port_receive, CALL_port_reply_receive,
        CALL_port_reply_receive, CALL_port_reply,   CALL_port_reply_receive,
        CALL_port_signal,        CALL_port_signal,  CALL_port_reply,
    };
    uint32_t what = step->what % 32;
    if (thread->filler && (what < 4 || (what == 22 && step->value >= 32)))
        what = 29; /* they do not wait; and they start and resume others */
    if (calls_nodes_free() < NODES_RESERVE && what >= 18)
        what = 20;
    if (what < 18)
        port_choose(thread, step, ports[what]);
    else if (what < 20)
        derive_choose(thread, step);
    else if (what < 22)
        one_choose(thread, CALL_cap_delete, pick(thread, OBJECT_NONE, step->first));
    else if (what == 22)
        one_choose(thread, CALL_cap_revoke, pick(thread, OBJECT_NONE, step->first));
    else if (what < 25)
        place_choose_call(thread, step);
    else if (what < 27)
        create_choose(thread, step);
    else if (what < 30)
        thread_choose(thread, step);
    else if (what == 30 && step->flags < 64)
        kill_choose(thread, step);
    else
        other_choose(thread, step);
}

static void step_run(const struct step *step)
{
    uint32_t cpu = step->cpu % CALLS_CPUS;
    bool drain = step->cpu >= 192;
    if (step->cpu / 2 % 16 < 2) {
        calls_now += (uint64_t)step->value * 50000;
        host_time_set(calls_now);
        drain = true;
        calls_settle(drain);
        calls_compare(drain);
        return;
    }
    call_choose(current(cpu), step);
    finish(cpu, drain);
}

void calls_model_run(const uint8_t *bytes, size_t size)
{
    struct family family;
    begin(&family);
    for (; size >= STEP_BYTES; bytes += STEP_BYTES, size -= STEP_BYTES) {
        struct step step;
        memcpy(&step, bytes, sizeof(step));
        step_run(&step);
    }
    end(&family);
}
