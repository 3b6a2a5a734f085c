/* The deadline queue (deadline.h). */
#include "sched/deadline.h"
#include "arch/cpu.h"
#include "lib/assert.h"

static struct deadline *deadline_of(struct tree_node *node)
{
    return node != NULL ? CONTAINER_OF(node, struct deadline, node) : NULL;
}

void deadline_init(struct deadline *deadline, void (*fire)(struct deadline *deadline))
{
    *deadline = (struct deadline){.fire = fire};
}

bool deadline_insert(struct deadline_queue *queue, struct deadline *deadline, uint64_t time_ns)
{
    assert(!atomic_load_explicit(&deadline->queued, memory_order_relaxed));
    deadline->time_ns = time_ns;
    deadline->sequence = queue->sequence++;
    atomic_store_explicit(&deadline->queued, true, memory_order_relaxed);
    bool first = queue->first == NULL || tree_before(&deadline->node, &queue->first->node);
    if (first)
        queue->first = deadline;
    tree_insert(&queue->root, &deadline->node, arch_counter());
    queue->count++;
    return first;
}

bool deadline_remove(struct deadline_queue *queue, struct deadline *deadline)
{
    if (!atomic_load_explicit(&deadline->queued, memory_order_relaxed))
        return false;
    assert(queue->count != 0);
    tree_remove(&queue->root, &deadline->node);
    if (queue->first == deadline)
        queue->first = deadline_of(tree_first(queue->root));
    /* Release: who sees this without the lock sees `firing` as it was set before. */
    atomic_store_explicit(&deadline->queued, false, memory_order_release);
    queue->count--;
    return true;
}

struct deadline *deadline_first(const struct deadline_queue *queue)
{
    debug_assert((queue->first == NULL) == (queue->count == 0));
    return queue->first;
}

struct deadline *deadline_due(const struct deadline_queue *queue, uint64_t now_ns, uint64_t newest)
{
    struct deadline *first = deadline_first(queue);
    assert(newest <= queue->sequence);
    return first != NULL && first->time_ns <= now_ns && first->sequence < newest ? first : NULL;
}

struct deadline *deadline_behind(const struct deadline_queue *queue, uint64_t time_ns,
                                 uint64_t sequence)
{
    return deadline_of(tree_behind(queue->root, time_ns, sequence));
}
