/* Calls on capabilities, objects and threads, and which call is which (calls_model.h). */
#include "calls_model.h"
#include "lib/assert.h"
#include <space.h>
#include <syscall.h>

struct calls_process calls_processes[CALLS_PROCESSES];
struct calls_thread calls_threads[CALLS_THREADS];

struct calls_thread *calls_thread_of(const struct thread *kernel)
{
    for (uint32_t i = 0; i < CALLS_THREADS; i++)
        if (calls_threads[i].kernel == kernel && calls_threads[i].state != CALLS_DEAD)
            return &calls_threads[i];
    return NULL;
}

/* What the call names by operand 0, with the right that its entry asks for. */
static error_t on(struct calls_thread *thread, uint32_t rights, struct calls_node **node)
{
    return calls_lookup(thread->process, frame_operand(&thread->frame, 0), rights, node);
}

static uint64_t word(const struct calls_thread *thread, uint32_t i)
{
    return frame_word(&thread->frame, i);
}

/* The handle of a new capability comes in word 0. */
static error_t gives(struct calls_thread *thread, struct calls_node *node)
{
    thread->learn[0] = node;
    return OK;
}

static error_t derive(struct calls_thread *thread)
{
    struct calls_node *source, *derived;
    error_t error = on(thread, 0, &source);
    if (error == OK)
        error = calls_derive(thread->process, source, word(thread, 0), word(thread, 1), &derived);
    return error != OK ? error : gives(thread, derived);
}

static error_t delete(struct calls_thread *thread)
{
    struct calls_node *node;
    error_t error = on(thread, 0, &node);
    if (error == OK)
        calls_delete(node);
    return error;
}

static error_t revoke(struct calls_thread *thread)
{
    struct calls_node *node;
    error_t error = on(thread, RIGHT_revoke, &node);
    if (error == OK)
        calls_revoke(node);
    return error;
}

/* A slot that is used by nobody may still wait for its grace period: that is looked up. */
static error_t place_at(const struct calls_process *process, uint64_t wanted)
{
    uint32_t index = (uint32_t)wanted;
    if (wanted == 0)
        return OK;
    if (index % SLOT_CHUNK == 0 || index >= SLOT_MAX || wanted >> 32 == 0)
        return ERR_bad_argument;
    assert(index < CALLS_SLOTS);
    if (process->by_index[index] != 0)
        return ERR_exists;
    const struct slot *chunk = process->kernel->table.directory[index / SLOT_CHUNK];
    return chunk[index % SLOT_CHUNK].state == SLOT_FREE ? OK : ERR_exists;
}

static error_t place(struct calls_thread *thread)
{
    struct calls_node *target, *owner, *source, *placed;
    struct calls_process *from = thread->process;
    error_t error = on(thread, RIGHT_table, &target);
    if (error == OK && word(thread, 1) != 0) {
        error = calls_lookup(thread->process, word(thread, 1), RIGHT_table, &owner);
        if (error == OK)
            from = owner->object->process;
    }
    if (error != OK)
        return error;
    struct calls_process *to = target->object->process;
    error = calls_lookup(from, word(thread, 2), from == to ? 0 : RIGHT_grant, &source);
    if (error == OK)
        error = place_at(to, word(thread, 0));
    if (error == OK)
        error = calls_derive(to, source, word(thread, 3), word(thread, 4), &placed);
    return error != OK ? error : gives(thread, placed);
}

/* The process of a thread that is made. */
static error_t parent_of(struct calls_thread *thread, struct calls_process **process)
{
    struct calls_node *node;
    error_t error =
        calls_lookup(thread->process, word(thread, 1), RIGHT_space | RIGHT_table, &node);
    if (error == OK)
        *process = node->object->process;
    return error;
}

static error_t create(struct calls_thread *thread)
{
    struct calls_node *job;
    struct calls_process *process = NULL;
    uint64_t kind = word(thread, 0), value = word(thread, 2);
    error_t error = on(thread, RIGHT_create, &job);
    if (error == OK &&
        (kind == OBJECT_NONE || kind >= OBJECT_KINDS ||
         (kind == OBJECT_port && value > PORT_DEPTH_MAX) || (kind == OBJECT_memory && value == 0)))
        error = ERR_bad_argument;
    if (error == OK && kind == OBJECT_thread)
        error = parent_of(thread, &process);
    if (error != OK)
        return error;
    struct calls_object *object = calls_object_new((enum object_kind)kind);
    assert(object != NULL);
    object->inside = job->object->inside || kind == OBJECT_job;
    object->depth = (uint32_t)value;
    if (kind == OBJECT_thread)
        (void)calls_thread_new(process, object);
    else if (kind == OBJECT_process)
        (void)calls_process_new(object);
    return gives(thread, calls_node_new(thread->process, object, NULL, RIGHTS_ALL, 0));
}

static error_t start(struct calls_thread *thread)
{
    struct calls_node *node;
    error_t error = on(thread, RIGHT_run, &node);
    if (error != OK)
        return error;
    struct calls_thread *target = node->object->thread;
    if (word(thread, 0) >= SPACE_END || word(thread, 1) > SPACE_END)
        return ERR_bad_argument;
    if (target->state != CALLS_NEW)
        return ERR_busy;
    target->state = CALLS_USER;
    target->frame = (struct trap_frame){
        .pc = word(thread, 0), .sp = word(thread, 1), .word = {word(thread, 2)}};
    return OK;
}

static error_t suspend(struct calls_thread *thread, bool suspended)
{
    struct calls_node *node;
    error_t error = on(thread, RIGHT_run, &node);
    if (error == OK)
        node->object->thread->suspended = suspended;
    return error;
}

/* None of the threads has a foreign port. */
static error_t kick(struct calls_thread *thread)
{
    struct calls_node *node;
    error_t error = on(thread, RIGHT_run, &node);
    return error == OK ? ERR_bad_argument : error;
}

static void end(struct calls_thread *thread)
{
    calls_unwait(thread);
    thread->state = CALLS_DEAD;
    if (thread->object->caps == 0)
        thread->object->kind = OBJECT_NONE;
}

/* Of threads only: who holds a process or a job with the right does not call this. */
static error_t kill(struct calls_thread *thread)
{
    struct calls_node *node;
    error_t error = on(thread, 0, &node);
    if (error != OK)
        return error;
    enum object_kind kind = node->object->kind;
    if (kind != OBJECT_thread && kind != OBJECT_process && kind != OBJECT_job)
        return ERR_unsupported;
    if (kind != OBJECT_thread || (node->rights & RIGHT_run) == 0)
        return ERR_denied;
    if (node->object->thread->state != CALLS_DEAD)
        end(node->object->thread);
    return OK;
}

static error_t predict(struct calls_thread *thread, uint64_t number)
{
    switch (number) {
    case CALL_null:
    case CALL_yield:
        return OK;
    case CALL_port_send:
        return calls_send(thread, MESSAGE_send);
    case CALL_port_call:
        return calls_send(thread, MESSAGE_call);
    case CALL_port_receive:
        return calls_receive(thread);
    case CALL_port_reply_receive:
        return calls_reply_receive(thread);
    case CALL_port_reply:
        return calls_reply(thread);
    case CALL_port_signal:
        return calls_signal(thread);
    case CALL_cap_derive:
        return derive(thread);
    case CALL_cap_delete:
        return delete (thread);
    case CALL_cap_revoke:
        return revoke(thread);
    case CALL_cap_place:
        return place(thread);
    case CALL_object_create:
        return create(thread);
    case CALL_thread_start:
        return start(thread);
    case CALL_thread_suspend:
        return suspend(thread, true);
    case CALL_thread_resume:
        return suspend(thread, false);
    case CALL_thread_kick:
        return kick(thread);
    case CALL_object_kill:
        return kill(thread);
    case CALL_thread_exit:
        end(thread);
        return CALLS_WAITS;
    case CALL_clock_read:
        frame_set_word(&thread->frame, 0, calls_now);
        return OK;
    default:
        return ERR_no_call;
    }
}

void calls_predict(struct calls_thread *thread)
{
    uint64_t number = control_number(frame_control(&thread->frame));
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        thread->learn[i] = NULL;
    thread->state = CALLS_USER;
    error_t error = thread->adopt ? CALLS_WAITS : predict(thread, number);
    if (error != CALLS_WAITS)
        frame_set_control(&thread->frame, error);
}
