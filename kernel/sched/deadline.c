/*
 * The deadline queue, a pairing heap: a tree in which no child comes before its parent. Children
 * are a list; `prev` of the first child is its parent, `prev` of the root is NULL.
 *
 *        root
 *         | child
 *         v     next      next
 *         a <--------> b <--------> c       prev(a) = root, prev(b) = a
 */
#include "sched/deadline.h"
#include "lib/assert.h"

static bool deadline_before(const struct deadline *a, const struct deadline *b)
{
    return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && a->sequence < b->sequence);
}

/* Joins two trees (roots without siblings); either may be NULL. */
static struct deadline *deadline_meld(struct deadline *a, struct deadline *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    struct deadline *top = deadline_before(a, b) ? a : b;
    struct deadline *sub = top == a ? b : a;
    sub->next = top->child;
    sub->prev = top;
    if (top->child != NULL)
        top->child->prev = sub;
    top->child = sub;
    top->next = top->prev = NULL;
    return top;
}

/* Cuts a node with its subtree out of its siblings. */
static struct deadline *deadline_cut(struct deadline *deadline)
{
    if (deadline->next != NULL)
        deadline->next->prev = deadline->prev;
    if (deadline->prev != NULL) {
        if (deadline->prev->child == deadline)
            deadline->prev->child = deadline->next;
        else
            deadline->prev->next = deadline->next;
    }
    deadline->next = deadline->prev = NULL;
    return deadline;
}

/*
 * Joins a list of siblings into one tree: pairs from the left, then all pairs from the right.
 * The two passes are what makes the amortised cost logarithmic. The pairs wait in a stack
 * linked by `next`.
 */
static struct deadline *deadline_meld_all(struct deadline *first)
{
    struct deadline *pairs = NULL;
    while (first != NULL) {
        struct deadline *second = first->next;
        struct deadline *rest = second != NULL ? second->next : NULL;
        first->next = first->prev = NULL;
        if (second != NULL)
            second->next = second->prev = NULL;
        struct deadline *pair = deadline_meld(first, second);
        pair->next = pairs;
        pairs = pair;
        first = rest;
    }
    struct deadline *root = NULL;
    while (pairs != NULL) {
        struct deadline *next = pairs->next;
        pairs->next = NULL;
        root = deadline_meld(root, pairs);
        pairs = next;
    }
    return root;
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
    deadline->child = deadline->next = deadline->prev = NULL;
    atomic_store_explicit(&deadline->queued, true, memory_order_relaxed);
    queue->root = deadline_meld(queue->root, deadline);
    queue->count++;
    return queue->root == deadline;
}

bool deadline_remove(struct deadline_queue *queue, struct deadline *deadline)
{
    if (!atomic_load_explicit(&deadline->queued, memory_order_relaxed))
        return false;
    assert(queue->count != 0 && queue->root != NULL);
    struct deadline *children = deadline_meld_all(deadline->child);
    deadline->child = NULL;
    if (deadline == queue->root) {
        queue->root = children;
    } else {
        assert(deadline->prev != NULL);
        deadline_cut(deadline);
        queue->root = deadline_meld(queue->root, children);
    }
    /* Release: who sees this without the lock sees `firing` as it was set before. */
    atomic_store_explicit(&deadline->queued, false, memory_order_release);
    queue->count--;
    return true;
}

struct deadline *deadline_first(const struct deadline_queue *queue)
{
    debug_assert((queue->root == NULL) == (queue->count == 0));
    return queue->root;
}

struct deadline *deadline_due(const struct deadline_queue *queue, uint64_t now_ns, uint64_t newest)
{
    struct deadline *first = deadline_first(queue);
    assert(newest <= queue->sequence);
    return first != NULL && first->time_ns <= now_ns && first->sequence < newest ? first : NULL;
}

/* Children first, then siblings, then upwards. */
struct deadline *deadline_walk(struct deadline *at)
{
    if (at->child != NULL)
        return at->child;
    while (at->next == NULL) {
        while (at->prev != NULL && at->prev->child != at)
            at = at->prev;
        at = at->prev;
        if (at == NULL)
            return NULL;
    }
    return at->next;
}

struct deadline *deadline_behind(const struct deadline_queue *queue, uint64_t time_ns,
                                 uint64_t sequence)
{
    const struct deadline mark = {.time_ns = time_ns, .sequence = sequence};
    struct deadline *best = NULL;
    for (struct deadline *at = queue->root; at != NULL; at = deadline_walk(at))
        if (deadline_before(&mark, at) && (best == NULL || deadline_before(at, best)))
            best = at;
    return best;
}
