/* Queues and waiters (wait.h). */
#include "wait.h"
#include "clock.h"
#include "deadline.h"
#include "signals.h"
#include "task.h"
#include <stdlib.h>

void queue_init(struct queue *queue)
{
    list_init(&queue->waiters);
}

static bool is_own(const struct task *task, const struct waiter *waiter)
{
    return waiter >= task->own && waiter < task->own + TASK_WAITERS;
}

static struct waiter *waiter_take(struct task *task)
{
    if (task->own_used < TASK_WAITERS)
        return &task->own[task->own_used++];
    return malloc(sizeof(struct waiter));
}

int64_t wait_on(struct call *call, struct queue *queue, uint64_t key, bool alone)
{
    struct waiter *waiter = waiter_take(call->task);
    if (waiter == NULL)
        return -ENOMEM;
    waiter->task = call->task;
    waiter->key = key;
    waiter->alone = alone;
    waiter->mask = UINT32_MAX;
    list_add_last(&queue->waiters, &waiter->on_queue);
    list_add_last(&call->task->waiters, &waiter->of_task);
    return 0;
}

void wait_leave(struct task *task)
{
    while (!list_empty(&task->waiters)) {
        struct waiter *waiter = CONTAINER_OF(task->waiters.next, struct waiter, of_task);
        list_remove(&waiter->on_queue);
        list_remove(&waiter->of_task);
        if (!is_own(task, waiter))
            free(waiter);
    }
    task->own_used = 0;
    deadline_cancel(task);
}

void wait_until(struct call *call, uint64_t deadline)
{
    call->task->deadline = deadline;
}

bool wait_over(const struct call *call)
{
    return call->task->deadline != DEADLINE_NEVER && now() >= call->task->deadline;
}

int64_t wait_begin(struct call *call, int64_t interrupted)
{
    struct task *task = call->task;
    task->woken = false;
    if (!signal_waits(task))
        return deadline_set(task) ? WAIT : -ENOMEM;
    wait_leave(task);
    return interrupted;
}

int64_t wait_simply(struct call *call, struct queue *queue)
{
    int64_t error = wait_on(call, queue, 0, false);
    return error != 0 ? error : wait_begin(call, RESTART_ALWAYS);
}

static void wake(struct waiter *waiter)
{
    struct task *task = waiter->task;
    wait_leave(task);
    task->woken = true;
    task_ready(task);
}

void wait_mask(struct call *call, uint32_t mask)
{
    CONTAINER_OF(call->task->waiters.prev, struct waiter, of_task)->mask = mask;
}

void queue_wake(struct queue *queue)
{
    bool woken_alone = false;
    struct list *at = queue->waiters.next;
    while (at != &queue->waiters) {
        struct waiter *waiter = CONTAINER_OF(at, struct waiter, on_queue);
        if (waiter->alone && woken_alone) {
            at = at->next;
            continue;
        }
        woken_alone |= waiter->alone;
        wake(waiter); /* may take other waiters of its task off this queue, so begin again */
        at = queue->waiters.next;
    }
}

uint64_t queue_wake_mask(struct queue *queue, uint64_t key, uint32_t mask, uint64_t count)
{
    uint64_t woken = 0;
    struct list *at = queue->waiters.next;
    while (at != &queue->waiters && woken < count) {
        struct waiter *waiter = CONTAINER_OF(at, struct waiter, on_queue);
        at = at->next;
        if (waiter->key != key || (waiter->mask & mask) == 0)
            continue;
        wake(waiter); /* may take other waiters of its task off this queue, so begin again */
        woken++;
        at = queue->waiters.next;
    }
    return woken;
}

uint64_t queue_wake_key(struct queue *queue, uint64_t key, uint64_t count)
{
    return queue_wake_mask(queue, key, UINT32_MAX, count);
}

uint64_t queue_move(struct queue *from, uint64_t key, struct queue *to, uint64_t to_key,
                    uint64_t count)
{
    uint64_t moved = 0;
    struct list *at = from->waiters.next;
    while (at != &from->waiters && moved < count) {
        struct waiter *waiter = CONTAINER_OF(at, struct waiter, on_queue);
        at = at->next;
        if (waiter->key != key)
            continue;
        list_remove(&waiter->on_queue);
        waiter->key = to_key;
        list_add_last(&to->waiters, &waiter->on_queue);
        moved++;
    }
    return moved;
}
