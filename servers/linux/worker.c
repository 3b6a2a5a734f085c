/* Workers (worker.h). */
#include "worker.h"
#include "deadline.h"
#include "dispatch.h"
#include "group.h"
#include "rt/lock.h"
#include "signals.h"
#include "sys/thread.h"
#include <root.h>
#include <stdlib.h>

#define STACK_BYTES_EACH UINT64_C(65536)
#define REPLIES_ROOM     64 /* free reply objects that are kept */

slot_t server_port, server_job, programs_job;

static struct rt_lock lock;
static struct list ready = LIST_INIT(ready);
static slot_t replies[REPLIES_ROOM];
static uint32_t reply_count;

void server_lock(void)
{
    rt_lock_take(&lock);
}

void server_unlock(void)
{
    rt_lock_give(&lock);
}

uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

static slot_t reply_take(void)
{
    slot_t made = {0};
    if (reply_count > 0)
        return replies[--reply_count];
    (void)tern_object_create(server_job, OBJECT_reply, (slot_t){0}, 0, &made);
    return made; /* 0: calls are refused until one is free */
}

static void reply_keep(slot_t reply)
{
    if (reply_count < REPLIES_ROOM)
        replies[reply_count++] = reply;
    else
        (void)tern_cap_delete(reply);
}

/* What was to be answered last is answered now. */
static void flush(struct worker *worker)
{
    if (worker->answer_reply.value == 0)
        return;
    (void)tern_port_reply(worker->answer_reply, &worker->answer);
    reply_keep(worker->answer_reply);
    worker->answer_reply = (slot_t){0};
}

void worker_answer(struct worker *worker, struct task *task, enum answer_way way, uint64_t result)
{
    flush(worker);
    worker->answer = (struct message){.way = (uint8_t)way, .word = {result}};
    worker->answer_reply = task->reply;
    task->reply = (slot_t){0};
    task->state = TASK_RUNNING;
}

void worker_reply_free(struct worker *worker, struct task *task)
{
    (void)worker;
    if (task->reply.value != 0)
        reply_keep(task->reply);
    task->reply = (slot_t){0};
}

void task_ready(struct task *task)
{
    task->state = TASK_READY;
    list_add_last(&ready, &task->in_ready);
}

static void run_ready(struct worker *worker)
{
    while (!list_empty(&ready)) {
        struct task *task = CONTAINER_OF(ready.next, struct task, in_ready);
        list_remove(&task->in_ready);
        task->state = TASK_HELD;
        dispatch_again(worker, task);
    }
}

/* Makes ready to receive: with the object that is answered by that, if there is one. Locked. */
static void receive_prepare(struct worker *worker)
{
    if (worker->answer_reply.value == 0 && worker->reply.value == 0)
        worker->reply = reply_take();
    if (worker->answer_reply.value == 0)
        return;
    if (worker->reply.value != 0)
        reply_keep(worker->reply);
    worker->reply = worker->answer_reply;
}

/* The next message, after the answer that is due. */
static error_t receive(struct worker *worker, struct message *message)
{
    if (worker->answer_reply.value == 0)
        return tern_port_receive(server_port, worker->reply, message, DEADLINE_NEVER);
    worker->answer_reply = (slot_t){0};
    *message = worker->answer;
    return tern_port_reply_receive(server_port, worker->reply, message, DEADLINE_NEVER);
}

/* Who is still held now is about to be answered by another worker: soon. */
static void kicks_pay(void)
{
    signals_owed = false;
    for (struct list *g = groups.next; g != &groups; g = g->next) {
        struct group *group = CONTAINER_OF(g, struct group, in_all);
        for (struct list *t = group->tasks.next; t != &group->tasks; t = t->next) {
            struct task *task = CONTAINER_OF(t, struct task, in_group);
            if (task->kick_owed && tern_thread_kick(task->thread) == ERR_busy)
                (void)tern_port_signal(server_port, BIT_KICKS);
            else
                task->kick_owed = false;
        }
    }
}

static void work(struct worker *worker)
{
    struct message message;
    server_lock();
    receive_prepare(worker);
    server_unlock();
    for (;;) {
        error_t error = receive(worker, &message);
        if (error != OK)
            continue; /* whom it answered is gone */
        server_lock();
        dispatch(worker, &message);
        run_ready(worker);
        if (signals_owed) {
            flush(worker);
            kicks_pay();
        }
        receive_prepare(worker);
        server_unlock();
    }
}

static uint64_t worker_main(void *argument, void *page)
{
    struct worker *worker = argument;
    worker->page = page;
    work(worker);
    return 0;
}

int64_t workers_prepare(void)
{
    server_job = root_slot(ROOT_SLOT_JOB);
    if (sys_port_create(0, &server_port) != OK)
        return -ENOMEM;
    if (tern_object_create(server_job, OBJECT_job, (slot_t){0}, 0, &programs_job) != OK)
        return -ENOMEM;
    return deadlines_prepare();
}

static unsigned worker_count = 1;

unsigned workers_count(void)
{
    return worker_count;
}

void workers_start(unsigned count)
{
    worker_count = count;
    for (unsigned i = 0; i < count; i++) {
        struct worker *worker = calloc(1, sizeof(*worker));
        void *stack = aligned_alloc(16, STACK_BYTES_EACH);
        if (worker == NULL || stack == NULL ||
            sys_thread_start(worker_main, worker, stack, STACK_BYTES_EACH, &worker->thread) != OK)
            break; /* fewer serve, too */
    }
}
