/* The invariants of run queues (sched/run_queue.h). */
#include "sched/run_queue.h"
#include "lib/assert.h"
#include "selftest/check.h"

void run_queue_check(struct cpu *cpu)
{
    struct run_queue *queue = cpu->queue;
    uint32_t count = 0, top = 0;
    irq_state_t state = spinlock_lock(&queue->lock);
    for (uint32_t i = 0; i < SCHED_PRIORITIES; i++) {
        assert(list_empty(&queue->lists[i]) == ((queue->map >> i & 1) == 0));
        LIST_EACH(node, &queue->lists[i])
        {
            struct thread *thread = CONTAINER_OF(node, struct thread, sched.run);
            assert(thread->sched.where == SCHED_QUEUED && thread->sched.listed == i);
            assert(thread->cpu == cpu->number && node->next->prev == node);
            count++;
            top = i + 1;
        }
    }
    assert(count == atomic_load(&queue->count) && top == cpu->ready_top);
    spinlock_unlock(&queue->lock, state);
}
