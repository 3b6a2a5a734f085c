/* The model against the kernel (calls_model.h). */
#include "calls_model.h"
#include "ipc/queue.h"
#include "ipc/stored.h"
#include "lib/assert.h"
#include "mem/mapping.h"
#include "mem/memory.h"
#include "obj/process.h"
#include "sched/run_queue.h"
#include "selftest/check.h"
#include <syscall.h>

#include <string.h>

static struct job *charged_job;
static uint64_t charged_first;

/* --- learning --- */

static void learn(struct calls_thread *thread)
{
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++) {
        struct calls_node *node = thread->learn[i];
        thread->learn[i] = NULL;
        if (node == NULL)
            continue;
        slot_t handle = {frame_word(&thread->kernel->frame, i)};
        frame_set_word(&thread->frame, i, handle.value);
        calls_node_found(node, handle);
        struct object *object = slot_object(node->slot);
        assert(node->object->kernel == NULL || node->object->kernel == object);
        assert(object->kind == node->object->kind);
        node->object->kernel = object;
        node->object->identity = object->identity;
        if (object->kind == OBJECT_thread)
            node->object->thread->kernel = CONTAINER_OF(object, struct thread, object);
        else if (object->kind == OBJECT_process)
            node->object->process->kernel = CONTAINER_OF(object, struct process, object);
    }
    if (thread->adopt) {
        thread->frame = thread->kernel->frame;
        memcpy(thread->page, thread->kernel->page, MESSAGE_PAGE);
        thread->adopt = false;
    }
}

/* --- threads --- */

static bool status_right(const struct calls_thread *thread)
{
    static const enum thread_status waits[] = {[CALLS_NEW] = THREAD_NEW,
                                               [CALLS_SEND] = THREAD_SEND,
                                               [CALLS_RECEIVE] = THREAD_RECEIVE,
                                               [CALLS_REPLY] = THREAD_REPLY,
                                               [CALLS_DEAD] = THREAD_DEAD};
    enum thread_status status = thread_status(thread->kernel);
    if (thread->state != CALLS_USER && thread->state != CALLS_AGAIN)
        return status == waits[thread->state];
    uint8_t resume = thread->state == CALLS_AGAIN ? RESUME_CALL : RESUME_USER;
    if (thread->kernel->resume != resume)
        return false;
    return thread->suspended ? status == THREAD_PARKED
                             : status == THREAD_READY || status == THREAD_RUNNING;
}

/* One that waits after its answer, by the fast path: reply_receive still stands in its frame. */
static uint64_t control_of(const struct calls_thread *thread)
{
    uint64_t control = frame_control(&thread->kernel->frame);
    bool answered = thread->state == CALLS_RECEIVE &&
                    frame_control(&thread->frame) == CALL_port_receive &&
                    control_number(control) == CALL_port_reply_receive;
    return answered ? CALL_port_receive : control;
}

static void check_frame(const struct calls_thread *thread)
{
    const struct trap_frame *frame = &thread->kernel->frame;
    assert(control_of(thread) == frame_control(&thread->frame));
    assert(frame_label(frame) == frame_label(&thread->frame));
    for (uint32_t i = 0; i < 4; i++)
        assert(frame_operand(frame, i) == frame_operand(&thread->frame, i));
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        assert(frame_word(frame, i) == frame_word(&thread->frame, i));
    assert(frame->pc == thread->frame.pc && frame->sp == thread->frame.sp);
    assert(memcmp(thread->kernel->page, thread->page, MESSAGE_PAGE) == 0);
}

static void check_thread(const struct calls_thread *thread)
{
    const struct thread *kernel = thread->kernel;
    assert(kernel->process == thread->process->kernel && status_right(thread));
    if (thread->state == CALLS_DEAD)
        return;
    check_frame(thread);
    if (thread->state == CALLS_SEND || thread->state == CALLS_RECEIVE)
        assert(kernel->place == CONTAINER_OF(thread->port->kernel, struct port, object));
    if (thread->state == CALLS_RECEIVE)
        assert(kernel->shard == thread->shard);
    assert(kernel->effective >= kernel->priority);
    assert(((kernel->attention & ATTENTION_SUSPEND) != 0) == thread->suspended);
}

static void check_threads(void)
{
    for (uint32_t i = 0; i < CALLS_THREADS; i++) {
        struct calls_thread *thread = &calls_threads[i];
        if (thread->kernel == NULL)
            continue;
        bool kept = thread->object->kind == OBJECT_thread && thread->object->thread == thread;
        if (thread->state == CALLS_DEAD && !kept)
            memset(thread, 0, sizeof(*thread));
        else
            check_thread(thread);
    }
}

/* --- ports and reply objects --- */

static uint32_t check_receivers(struct port *kernel, const struct calls_object *port)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < kernel->shard_count; i++) {
        uint64_t order = UINT64_MAX;
        LIST_EACH(node, &kernel->shards[i].receivers)
        {
            struct calls_thread *thread = calls_thread_of(CONTAINER_OF(node, struct thread, wait));
            assert(thread != NULL && thread->state == CALLS_RECEIVE && thread->port == port);
            assert(thread->shard == i && thread->order < order);
            order = thread->order;
            count++;
        }
    }
    return count;
}

static void check_counts(struct port *kernel, const struct calls_object *port)
{
    uint32_t receivers = 0, senders = 0, stored = 0;
    for (uint32_t i = 0; i < CALLS_THREADS; i++) {
        const struct calls_thread *thread = &calls_threads[i];
        receivers += thread->state == CALLS_RECEIVE && thread->port == port;
        senders += thread->state == CALLS_SEND && thread->port == port;
    }
    for (uint32_t i = 0; i < CALLS_STORED; i++)
        stored += calls_stored[i].port == port;
    uint32_t flags = (port->signals != 0 ? PORT_SIGNALLED : 0) | (port->ended ? PORT_CLOSED : 0);
    assert(check_receivers(kernel, port) == receivers);
    assert(kernel->stored == stored && kernel->pending == (stored + senders) + flags);
    assert(receivers == 0 || (stored == 0 && senders == 0));
}

/* Stored messages in the order of their coming; then who waits, the one to be taken next first. */
static void check_queue(struct port *kernel, const struct calls_object *port)
{
    const struct calls_stored *stored = calls_stored_behind(port, 0);
    const struct calls_thread *sender = calls_sender(port);
    bool first = true;
    for (struct deadline *node = deadline_first(&kernel->queue); node != NULL;
         node = deadline_behind(&kernel->queue, node->time_ns, node->sequence)) {
        const struct thread *thread = queue_thread(node);
        assert((thread == NULL) == (stored != NULL));
        if (stored != NULL) {
            stored = calls_stored_behind(port, stored->order);
            continue;
        }
        assert(calls_thread_of(thread)->port == port);
        assert(!first || calls_thread_of(thread) == sender);
        first = false;
    }
    assert(stored == NULL && first == (sender == NULL));
}

static void check_port(const struct calls_object *port)
{
    struct port *kernel = CONTAINER_OF(port->kernel, struct port, object);
    assert(kernel->depth == port->depth && kernel->signals == port->signals);
    assert(kernel->receiver_caps == port->receivers && kernel->sender_caps == port->senders);
    assert(kernel->sources == 0);
    assert(((kernel->closed & CLOSED_RECEIVERS) != 0) == port->deaf);
    check_counts(kernel, port);
    check_queue(kernel, port);
}

static void check_reply(const struct calls_object *reply)
{
    struct reply *kernel = CONTAINER_OF(reply->kernel, struct reply, object);
    uintptr_t thread = reply->thread == NULL ? 0 : (uintptr_t)reply->thread->kernel;
    uintptr_t word = reply->dead    ? (uintptr_t)REPLY_DEAD
                     : thread == 0  ? (uintptr_t)REPLY_FREE
                     : reply->bound ? thread
                                    : thread | REPLY_WAITED_TAG;
    assert(kernel->word == word);
    struct thread *server = kernel->server;
    assert(server == NULL || server->serving == kernel);
}

/* One without capabilities lives on while a thread is linked with it. */
static void forget_dead_reply(struct calls_object *reply)
{
    for (uint32_t i = 0; i < CALLS_THREADS; i++)
        if (calls_threads[i].kernel != NULL && calls_threads[i].state != CALLS_DEAD &&
            calls_threads[i].kernel->serving != NULL &&
            calls_threads[i].kernel->serving->object.identity == reply->identity)
            return;
    reply->kind = OBJECT_NONE;
}

/* --- capabilities --- */

static struct calls_node *node_of(const struct slot *slot)
{
    const struct slot_table *table = slot_table_of(slot);
    for (uint32_t i = 0; i < CALLS_PROCESSES; i++) {
        const struct calls_process *process = &calls_processes[i];
        if (process->kernel == NULL || &process->kernel->table != table)
            continue;
        assert(slot->index < CALLS_SLOTS && process->by_index[slot->index] != 0);
        return &calls_nodes[process->by_index[slot->index] - 1];
    }
    struct calls_node *node = calls_nodes;
    while (node->process == NULL || node->slot != slot)
        assert(++node < calls_nodes + CALLS_NODES);
    return node;
}

/* The brackets of an object, read as a tree, are the model's. */
static void check_tree(const struct calls_object *object)
{
    struct calls_node *parent = NULL;
    uint32_t count = 0;
    LIST_EACH(bracket, &object->kernel->caps)
    {
        if ((uintptr_t)bracket % sizeof(struct slot) == offsetof(struct slot, open)) {
            struct calls_node *node = node_of(CONTAINER_OF(bracket, struct slot, open));
            assert(node->parent == parent && node->object == object);
            parent = node;
            count++;
        } else {
            assert(parent == node_of(CONTAINER_OF(bracket, struct slot, close)));
            parent = parent->parent;
        }
    }
    assert(count == object->caps);
}

static void check_node(const struct calls_node *node)
{
    struct slot *slot = node->slot;
    bool stored = node->process->kernel == NULL;
    error_t error =
        stored ? OK : slot_lookup(&node->process->kernel->table, node->handle, node->rights, &slot);
    assert(error == OK && slot == node->slot && slot_object(slot) == node->object->kernel);
    assert(slot->rights == node->rights && slot->badge == node->badge);
}

static void check_table(struct calls_process *process)
{
    uint32_t used = 0, known = 0;
    for (uint32_t index = 0; slot_next(&process->kernel->table, &index) != NULL; index++)
        used++;
    for (uint32_t i = 0; i < CALLS_NODES; i++)
        known += calls_nodes[i].process == process;
    assert(used == known);
    slot_table_check(&process->kernel->table);
    space_check(&process->kernel->space);
}

static void check_object(struct calls_object *object)
{
    assert(!object_retiring(object->kernel) || object->kind == OBJECT_reply);
    assert(object->kernel->kind == object->kind);
    cap_check_object(object->kernel);
    check_tree(object);
    if (object->kind == OBJECT_port)
        check_port(object);
    else if (object->kind == OBJECT_reply)
        check_reply(object);
    else if (object->kind == OBJECT_memory)
        memory_check(CONTAINER_OF(object->kernel, struct memory, object));
    else if (object->kind == OBJECT_thread && object->thread->state != CALLS_DEAD)
        memory_check(object->thread->kernel->page_memory);
}

/* --- what is charged --- */

static uint64_t chunks_charged(const struct calls_process *process)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < SLOT_CHUNKS_MAX; i++)
        if (process->kernel->table.directory[i] != slot_no_directory[i])
            bytes += PAGE_SIZE;
    return bytes;
}

static uint64_t charged(void)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < CALLS_OBJECTS; i++)
        if (calls_objects[i].kind > OBJECT_job && calls_objects[i].inside)
            bytes += calls_objects[i].kernel->charged;
    for (uint32_t i = 0; i < CALLS_STORED; i++)
        if (calls_stored[i].port != NULL && calls_stored[i].port->inside)
            bytes += sizeof(struct stored_message) + calls_stored[i].message.bytes +
                     (calls_stored[i].message.caps != 0 ? PAGE_SIZE : 0);
    for (uint32_t i = 0; i < CALLS_PROCESSES; i++)
        if (calls_processes[i].kernel != NULL && calls_processes[i].object->inside)
            bytes += chunks_charged(&calls_processes[i]);
    return bytes;
}

void calls_charge_begin(struct job *job)
{
    charged_job = job;
    if (job != NULL)
        charged_first = job_memory_used(job) - charged();
}

static void check_charges(void)
{
    if (charged_job == NULL)
        return;
    assert(job_memory_used(charged_job) == charged_first + charged());
    assert(job_memory_used(charged_job) <= job_memory_used(charged_job->parent));
}

/* The slots of capabilities that are stored with a port's messages. */
static void learn_stored(const struct calls_object *port)
{
    struct port *kernel = CONTAINER_OF(port->kernel, struct port, object);
    const struct calls_stored *stored = calls_stored_behind(port, 0);
    for (struct deadline *node = deadline_first(&kernel->queue); node != NULL && stored != NULL;
         node = deadline_behind(&kernel->queue, node->time_ns, node->sequence)) {
        assert(queue_thread(node) == NULL);
        const struct stored_message *message = CONTAINER_OF(node, struct stored_message, queued);
        for (uint32_t i = 0; i < stored->message.caps; i++) {
            struct slot *slot = stored_cap(message, i);
            assert((slot == NULL) == (stored->message.nodes[i] == NULL));
            if (slot != NULL)
                stored->message.nodes[i]->slot = slot;
        }
        stored = calls_stored_behind(port, stored->order);
    }
}

void calls_learn(void)
{
    for (uint32_t i = 0; i < CALLS_OBJECTS; i++)
        if (calls_objects[i].kind == OBJECT_port && calls_objects[i].kernel != NULL)
            learn_stored(&calls_objects[i]);
    for (uint32_t i = 0; i < CALLS_THREADS; i++)
        if (calls_threads[i].kernel != NULL && calls_threads[i].state != CALLS_DEAD)
            learn(&calls_threads[i]);
}

void calls_compare(bool drained)
{
    calls_learn();
    check_threads();
    for (uint32_t i = 0; drained && i < CALLS_OBJECTS; i++)
        if (calls_objects[i].kind == OBJECT_reply && calls_objects[i].dead)
            forget_dead_reply(&calls_objects[i]);
    for (uint32_t i = 0; i < CALLS_NODES; i++)
        if (calls_nodes[i].process != NULL)
            check_node(&calls_nodes[i]);
    for (uint32_t i = 0; i < CALLS_OBJECTS; i++)
        if (calls_objects[i].kind != OBJECT_NONE && !calls_objects[i].dead)
            check_object(&calls_objects[i]);
    for (uint32_t i = 0; i < CALLS_PROCESSES; i++)
        if (calls_processes[i].kernel != NULL)
            check_table(&calls_processes[i]);
    for (uint32_t i = 0; i < CALLS_CPUS; i++)
        run_queue_check(cpu_table[i]);
    if (drained)
        check_charges();
}
