/*
 * Grace periods and the reaper (reclaim.h).
 *
 * Each CPU has a queue of its own, changed by it alone with interrupts off: no locks. Only two bit
 * maps are shared. `asked`, in the queue of who is asked: which CPUs wait for it. `unanswered`, in
 * the queue of who asks: which CPUs have not answered yet. A CPU has one batch on its way at a
 * time; what is queued meanwhile goes with the next.
 *
 * Memory order: A unlinks something, sets its bit in B's `asked` (release) and interrupts B. B,
 * when it holds no pointers, takes the bit (acquire) and clears its own in A's `unanswered`
 * (release), which A reads (acquire). So what B read through old pointers comes before A frees, and
 * what B looks up later comes after A unlinked. A CPU that is offline when A asks: A passes a fence
 * between unlinking and looking at `online`, as B does between setting that and its first look
 * (cpu_set_online).
 *
 * An answer may come for a question that A gave up because B went offline, and meet A's next one:
 * that is an answer as well, for B holds no pointers at that moment, and its read-modify-write of
 * `unanswered` acquires what A did before it asked.
 */
#include "obj/reclaim.h"
#include "lib/assert.h"
#include "mem/heap.h"
#include "obj/object.h"
#include "sched/cpu.h"

#define RETIRE_STEPS 2 /* of the reaper, per poll */
#define RUNS         8 /* callbacks per poll */
#define WORD_BITS    64
#define WORDS        (CONFIG_CPU_MAX / WORD_BITS)

/* First in, first out. */
struct reclaim_list {
    struct reclaim *first, *last;
};

struct reclaim_queue {
    /* This CPU alone, interrupts off. */
    struct reclaim_list retiring;  /* the reaper's work, objects above all */
    struct reclaim_list queued;    /* not yet asked for */
    struct reclaim_list asked_for; /* the batch on its way */
    struct reclaim_list ready;     /* to be run */
    _Atomic(uint64_t) waiting;     /* length of all four; written by this CPU, read by any */
    /* By CPU number. */
    _Atomic(uint64_t) unanswered[WORDS]; /* set by this CPU, cleared by each one for itself */
    _Atomic(uint64_t) asked[WORDS];      /* set by each one for itself, cleared by this CPU */
};

static struct reclaim_queue boot_queue;

static struct reclaim_queue *queue_of(const struct cpu *cpu)
{
    return cpu == &boot_cpu ? &boot_queue : cpu->reclaim;
}

error_t reclaim_init_cpu(struct cpu *cpu)
{
    assert(cpu != &boot_cpu && cpu->reclaim == NULL);
    cpu->reclaim = kmalloc_zero(sizeof(*cpu->reclaim));
    return cpu->reclaim != NULL ? OK : ERR_no_memory;
}

static void list_append(struct reclaim_list *list, struct reclaim *reclaim)
{
    reclaim->next = NULL;
    if (list->first == NULL)
        list->first = reclaim;
    else
        list->last->next = reclaim;
    list->last = reclaim;
}

static struct reclaim *list_take(struct reclaim_list *list)
{
    struct reclaim *first = list->first;
    if (first != NULL)
        list->first = first->next;
    return first;
}

/* Moves all of `from` to the end of `to`. */
static void list_join(struct reclaim_list *to, struct reclaim_list *from)
{
    if (from->first == NULL)
        return;
    if (to->first == NULL)
        to->first = from->first;
    else
        to->last->next = from->first;
    to->last = from->last;
    from->first = NULL;
}

/* --- what waits --- */

static void queue_count(struct reclaim_queue *queue, int64_t change)
{
    uint64_t waiting = atomic_load_explicit(&queue->waiting, memory_order_relaxed);
    atomic_store_explicit(&queue->waiting, waiting + (uint64_t)change, memory_order_relaxed);
}

static void queue_add(struct cpu *self, struct reclaim_list *list, struct reclaim *reclaim)
{
    list_append(list, reclaim);
    queue_count(queue_of(self), 1);
    self->reclaiming = true;
}

void reclaim_after(struct reclaim *reclaim, void (*run)(struct reclaim *reclaim))
{
    uint64_t irq = arch_irq_save();
    struct cpu *self = cpu_self();
    assert(queue_of(self) != NULL);
    reclaim->run = run;
    queue_add(self, &queue_of(self)->queued, reclaim);
    arch_irq_restore(irq);
}

void reap_steps(struct reclaim *reclaim, bool (*step)(struct reclaim *reclaim))
{
    uint64_t irq = arch_irq_save();
    struct cpu *self = cpu_self();
    assert(queue_of(self) != NULL);
    reclaim->step = step;
    queue_add(self, &queue_of(self)->retiring, reclaim);
    arch_irq_restore(irq);
}

static bool object_retire_step(struct reclaim *reclaim);

void reap_add(struct object *object)
{
    assert(!object_retiring(object));
    atomic_store_explicit(&object->retiring, true, memory_order_relaxed);
    reap_steps(&object->reclaim, object_retire_step);
}

uint64_t reclaim_waiting(void)
{
    uint64_t waiting = 0;
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        struct reclaim_queue *queue = queue_of(cpu_table[i]);
        if (queue != NULL)
            waiting += atomic_load_explicit(&queue->waiting, memory_order_relaxed);
    }
    return waiting;
}

/* --- asking and answering --- */

static uint64_t cpu_bit(const struct cpu *cpu)
{
    return (uint64_t)1 << cpu->number % WORD_BITS;
}

static bool cpu_here(const struct cpu *cpu)
{
    return atomic_load_explicit(&cpu->online, memory_order_acquire);
}

/* The online CPUs of word `word`, but for `self`. */
static uint64_t others_online(const struct cpu *self, uint32_t word, uint32_t count)
{
    uint64_t others = 0;
    for (uint32_t i = word * WORD_BITS; i < count && i < (word + 1) * WORD_BITS; i++)
        if (cpu_table[i] != self && cpu_here(cpu_table[i]))
            others |= cpu_bit(cpu_table[i]);
    return others;
}

static void ask(const struct cpu *self, struct cpu *other)
{
    assert(queue_of(other) != NULL);
    atomic_fetch_or_explicit(&queue_of(other)->asked[self->number / WORD_BITS], cpu_bit(self),
                             memory_order_release);
    cpu_request(other, CPU_REQUEST_QUIET);
}

/* Asks all others for the batch; first notes all of them, since the first may answer at once. */
static void ask_others(struct cpu *self, struct reclaim_queue *queue)
{
    uint64_t others[WORDS];
    atomic_thread_fence(memory_order_seq_cst); /* see above */
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    if (count == 1)
        return;
    for (uint32_t word = 0; word * WORD_BITS < count; word++) {
        others[word] = others_online(self, word, count);
        atomic_store_explicit(&queue->unanswered[word], others[word], memory_order_release);
    }
    for (uint32_t i = 0; i < count; i++)
        if ((others[i / WORD_BITS] >> i % WORD_BITS & 1) != 0)
            ask(self, cpu_table[i]);
}

/* A CPU that was stopped answers no more, and holds nothing. */
static bool word_answered(struct reclaim_queue *queue, uint32_t word)
{
    uint64_t bits = atomic_load_explicit(&queue->unanswered[word], memory_order_acquire);
    for (; bits != 0; bits &= bits - 1)
        if (cpu_here(cpu_table[word * WORD_BITS + (uint32_t)__builtin_ctzll(bits)]))
            return false;
    return true;
}

static bool all_answered(struct reclaim_queue *queue)
{
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t word = 0; word * WORD_BITS < count; word++)
        if (!word_answered(queue, word))
            return false;
    return true;
}

/* The last one to answer (of a word) tells who asked, which may be halted. */
static void answer(const struct cpu *self, struct cpu *asker)
{
    _Atomic(uint64_t) *word = &queue_of(asker)->unanswered[self->number / WORD_BITS];
    uint64_t before = atomic_fetch_and_explicit(word, ~cpu_bit(self), memory_order_acq_rel);
    if (before == cpu_bit(self))
        cpu_request(asker, CPU_REQUEST_LOOK);
}

void reclaim_quiescent(struct cpu *self)
{
    assert(self == cpu_self() && self->held_count == 0);
    if ((atomic_load_explicit(&self->requests, memory_order_relaxed) & CPU_REQUEST_QUIET) == 0)
        return;
    /* Acquire: a bit in `asked` is set before the request; one set later comes with another. */
    atomic_fetch_and_explicit(&self->requests, ~(uint32_t)CPU_REQUEST_QUIET, memory_order_acquire);
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t word = 0; word * WORD_BITS < count; word++) {
        uint64_t bits =
            atomic_exchange_explicit(&queue_of(self)->asked[word], 0, memory_order_acq_rel);
        for (; bits != 0; bits &= bits - 1)
            answer(self, cpu_table[word * WORD_BITS + (uint32_t)__builtin_ctzll(bits)]);
    }
}

/* --- doing --- */

static void object_run_free(struct reclaim *reclaim)
{
    struct object *object = CONTAINER_OF(reclaim, struct object, reclaim);
    assert(object->references == 0);
    object_ops(object)->free(object);
}

static bool object_retire_step(struct reclaim *reclaim)
{
    struct object *object = CONTAINER_OF(reclaim, struct object, reclaim);
    assert(object_retiring(object) && object->references == 0);
    bool (*retire)(struct object *object) = object_ops(object)->retire;
    bool done = retire == NULL || retire(object);
    if (done)
        reclaim_after(reclaim, object_run_free);
    return done;
}

/* One step of the first piece of work; to the end of the list with it if there are more. */
static bool reap_step(struct cpu *self, struct reclaim_queue *queue)
{
    struct reclaim *reclaim = list_take(&queue->retiring);
    if (reclaim == NULL)
        return false;
    if (!reclaim->step(reclaim))
        queue_add(self, &queue->retiring, reclaim);
    queue_count(queue, -1);
    return true;
}

/* Moves batches on: asks for what is queued, takes what is answered. Alone, both at once. */
static void batches_advance(struct cpu *self, struct reclaim_queue *queue)
{
    if (queue->asked_for.first == NULL && queue->queued.first != NULL) {
        list_join(&queue->asked_for, &queue->queued);
        ask_others(self, queue);
    }
    if (queue->asked_for.first != NULL && all_answered(queue))
        list_join(&queue->ready, &queue->asked_for);
}

static bool run_ready(struct reclaim_queue *queue)
{
    struct reclaim *reclaim = list_take(&queue->ready);
    if (reclaim == NULL)
        return false;
    reclaim->run(reclaim);
    queue_count(queue, -1); /* only now: what it leads to has been counted */
    return true;
}

bool reclaim_poll(struct cpu *self)
{
    bool did = false;
    assert(self == cpu_self() && self->held_count == 0);
    if (!self->reclaiming)
        return false;
    uint64_t irq = arch_irq_save();
    struct reclaim_queue *queue = queue_of(self);
    for (uint32_t i = 0; i < RETIRE_STEPS && reap_step(self, queue); i++)
        did = true;
    batches_advance(self, queue);
    for (uint32_t i = 0; i < RUNS && run_ready(queue); i++)
        did = true;
    self->reclaiming = atomic_load_explicit(&queue->waiting, memory_order_relaxed) != 0;
    arch_irq_restore(irq);
    return did;
}
