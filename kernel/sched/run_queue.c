/* Run queues (run_queue.h). */
#include "sched/run_queue.h"
#include "lib/assert.h"
#include "mem/heap.h"

_Static_assert(SCHED_PRIORITIES == 64, "a bit of `map` for each priority");

static struct run_queue boot_queue;

error_t run_queue_make(struct cpu *cpu)
{
    assert(cpu->queue == NULL);
    struct run_queue *queue = cpu == &boot_cpu ? &boot_queue : kmalloc_zero(sizeof(*queue));
    if (queue == NULL)
        return ERR_no_memory;
    spinlock_init(&queue->lock, LOCK_RANK_run_queue);
    for (uint32_t i = 0; i < SCHED_PRIORITIES; i++)
        list_init(&queue->lists[i]);
    cpu->queue = queue;
    return OK;
}

static uint32_t count_of(const struct run_queue *queue)
{
    return atomic_load_explicit(&queue->count, memory_order_relaxed);
}

static void count_set(struct run_queue *queue, uint32_t count)
{
    atomic_store_explicit(&queue->count, count, memory_order_relaxed);
}

static void top_set(struct cpu *cpu, uint32_t top)
{
    atomic_store_explicit(&cpu->ready_top, top, memory_order_relaxed);
}

void run_queue_add_locked(struct cpu *cpu, struct thread *thread, bool first)
{
    struct run_queue *queue = cpu->queue;
    uint32_t priority = thread->effective;
    debug_assert(spinlock_held(&queue->lock) && thread->sched.where == SCHED_AWAY);
    debug_assert(priority < SCHED_PRIORITIES && thread_status(thread) == THREAD_READY);
    thread->cpu = cpu->number;
    thread->sched.where = SCHED_QUEUED;
    thread->sched.listed = (uint8_t)priority;
    /* Before the first of a circular list, or before its head: the end. */
    struct list *head = &queue->lists[priority];
    list_insert(first ? head->next : head, &thread->sched.run);
    queue->map |= (uint64_t)1 << priority;
    count_set(queue, count_of(queue) + 1);
    if (priority >= cpu->ready_top)
        top_set(cpu, priority + 1);
}

static inline void take_out(struct cpu *cpu, struct thread *thread)
{
    struct run_queue *queue = cpu->queue;
    uint32_t priority = thread->sched.listed;
    debug_assert(spinlock_held(&queue->lock) && thread->sched.where == SCHED_QUEUED);
    debug_assert(thread->cpu == cpu->number && count_of(queue) != 0);
    list_unlink(&thread->sched.run);
    thread->sched.where = SCHED_AWAY;
    count_set(queue, count_of(queue) - 1);
    if (!list_empty(&queue->lists[priority]))
        return;
    queue->map &= ~((uint64_t)1 << priority);
    top_set(cpu, queue->map == 0 ? 0 : SCHED_PRIORITIES - (uint32_t)__builtin_clzll(queue->map));
}

void run_queue_remove_locked(struct cpu *cpu, struct thread *thread)
{
    take_out(cpu, thread);
}

struct thread *run_queue_take_locked(struct cpu *cpu)
{
    uint32_t top = atomic_load_explicit(&cpu->ready_top, memory_order_relaxed);
    if (top == 0)
        return NULL;
    struct list *first = cpu->queue->lists[top - 1].next;
    struct thread *thread = CONTAINER_OF(first, struct thread, sched.run);
    take_out(cpu, thread);
    return thread;
}

struct thread *run_queue_rotate_locked(struct cpu *cpu, struct thread *thread)
{
    uint32_t priority = thread->effective;
    struct list *head = &cpu->queue->lists[priority], *first = head->next;
    struct thread *equal = CONTAINER_OF(first, struct thread, sched.run);
    debug_assert(spinlock_held(&cpu->queue->lock) && thread->cpu == cpu->number);
    if (atomic_load_explicit(&cpu->ready_top, memory_order_relaxed) != priority + 1)
        return NULL;
    thread_set_status(thread, THREAD_READY);
    thread->sched.where = SCHED_QUEUED;
    thread->sched.listed = (uint8_t)priority;
    list_unlink(first);
    list_insert(head, &thread->sched.run);
    equal->sched.where = SCHED_AWAY;
    return equal;
}
