/* Which CPU a thread goes to (place.h). */
#include "sched/place.h"
#include "lib/assert.h"
#include "sched/class.h"
#include "sched/sched.h"

#define WORD_BITS   64
#define WORDS       SCHED_AFFINITY_WORDS
#define STEAL_LOOKS 16 /* threads of a queue that are looked at */

/* Written at start-up by the boot CPU. */
static struct cpu *place_cpus[CONFIG_CPU_MAX];
_Atomic(uint32_t) place_count;
static uint64_t place_nodes[CONFIG_NODE_MAX][WORDS]; /* bits by index */

static _Atomic(uint64_t) place_idle[WORDS]; /* bits by index */

static uint64_t bit_of(uint32_t index)
{
    return (uint64_t)1 << (index % WORD_BITS);
}

void place_add(struct cpu *cpu)
{
    uint32_t index = place_cpu_count();
    assert(index < CONFIG_CPU_MAX && cpu->node < CONFIG_NODE_MAX && cpu->queue != NULL);
    cpu->place = index;
    place_cpus[index] = cpu;
    place_nodes[cpu->node][index / WORD_BITS] |= bit_of(index);
    /* Release: who sees the count sees the entry. */
    atomic_store_explicit(&place_count, index + 1, memory_order_release);
}

struct cpu *place_cpu(uint32_t index)
{
    debug_assert(index < place_cpu_count());
    return place_cpus[index];
}

uint32_t place_fold(uint32_t number)
{
    return number % place_cpu_count();
}

/* --- affinity --- */

static bool takes_part(const struct cpu *cpu)
{
    return cpu->place < place_cpu_count() && place_cpus[cpu->place] == cpu;
}

bool place_mask_allows(const uint64_t mask[WORDS], uint32_t index)
{
    uint64_t any = 0;
    uint32_t count = place_cpu_count();
    for (uint32_t i = 0; i < WORDS; i++)
        any |= mask[i];
    for (uint32_t i = index; i < CONFIG_CPU_MAX && any != 0; i += count)
        if ((mask[i / WORD_BITS] & bit_of(i)) != 0)
            return true;
    return any == 0;
}

bool place_allows(const struct thread *thread, const struct cpu *cpu)
{
    uint64_t mask[WORDS];
    const struct sched_entity *entity = &thread->sched;
    if (place_anywhere(thread))
        return true;
    if (entity->class == SCHED_realtime)
        return cpu->number == entity->home;
    for (uint32_t i = 0; i < WORDS; i++)
        mask[i] = atomic_load_explicit(&entity->affinity[i], memory_order_relaxed);
    return place_mask_allows(mask, cpu->place);
}

/* --- idle CPUs --- */

void place_idle_begin(struct cpu *self)
{
    if (takes_part(self))
        atomic_fetch_or(&place_idle[self->place / WORD_BITS], bit_of(self->place));
    atomic_thread_fence(memory_order_seq_cst);
}

void place_idle_end(struct cpu *self)
{
    if (takes_part(self))
        atomic_fetch_and(&place_idle[self->place / WORD_BITS], ~bit_of(self->place));
}

/* True for the one who takes it: it is then not idle for others. */
static bool idle_take(uint32_t index)
{
    _Atomic(uint64_t) *word = &place_idle[index / WORD_BITS];
    return (atomic_load_explicit(word, memory_order_relaxed) & bit_of(index)) != 0 &&
           (atomic_fetch_and(word, ~bit_of(index)) & bit_of(index)) != 0;
}

/* Takes an idle CPU of `node` (CONFIG_NODE_MAX: of any) that `thread` (NULL: anybody) may use. */
static struct cpu *idle_find(uint32_t node, const struct thread *thread)
{
    for (uint32_t word = 0; word * WORD_BITS < place_cpu_count(); word++) {
        uint64_t bits = atomic_load_explicit(&place_idle[word], memory_order_relaxed);
        if (node < CONFIG_NODE_MAX)
            bits &= place_nodes[node][word];
        for (; bits != 0; bits &= bits - 1) {
            uint32_t index = word * WORD_BITS + (uint32_t)__builtin_ctzll(bits);
            if ((thread == NULL || place_allows(thread, place_cpus[index])) && idle_take(index))
                return place_cpus[index];
        }
    }
    return NULL;
}

static struct cpu *idle_near(uint32_t node, const struct thread *thread)
{
    struct cpu *cpu = idle_find(node, thread);
    return cpu != NULL ? cpu : idle_find(CONFIG_NODE_MAX, thread);
}

void place_call_help(struct cpu *self)
{
    if (place_cpu_count() < 2)
        return;
    struct cpu *cpu = idle_near(self->node, NULL);
    if (cpu != NULL && cpu != self)
        sched_poke(cpu);
}

/* --- choosing --- */

/* The allowed CPU with the shortest queue; there is one, since affinities fold. */
static struct cpu *shortest_allowed(const struct thread *thread)
{
    struct cpu *best = NULL;
    for (uint32_t i = 0; i < place_cpu_count(); i++) {
        struct cpu *cpu = place_cpus[i];
        if (place_allows(thread, cpu) && (best == NULL || cpu->queue->count < best->queue->count))
            best = cpu;
    }
    assert(best != NULL);
    return best;
}

/*
 * The CPU it ran on last has its cache. This CPU is not left for an idle one: who wakes often waits
 * soon, and if not, an idle CPU is called on the way out (place_call_help).
 */
struct cpu *place_choose(struct cpu *self, const struct thread *thread)
{
    if (place_cpu_count() < 2)
        return self;
    if (thread->sched.class == SCHED_realtime)
        return cpu_table[thread->sched.home];
    struct cpu *last = cpu_table[thread->cpu];
    bool may = takes_part(last) && place_allows(thread, last);
    if (may && (last == self || idle_take(last->place)))
        return last;
    if (may && sched_outranks(thread->effective, last))
        return last;
    struct cpu *idle = idle_near(takes_part(last) ? last->node : self->node, thread);
    if (idle != NULL)
        return idle;
    return may ? last : shortest_allowed(thread);
}

/* --- stealing --- */

/* The first from the top, of those that are looked at, that may run on `self`. */
static struct thread *find_locked(const struct run_queue *queue, const struct cpu *self,
                                  uint32_t above)
{
    uint32_t looks = 0;
    uint64_t map = queue->map & ~(uint64_t)0 << above;
    for (; map != 0; map &= ~((uint64_t)1 << (WORD_BITS - 1 - __builtin_clzll(map)))) {
        const struct list *list = &queue->lists[WORD_BITS - 1 - __builtin_clzll(map)];
        LIST_EACH(node, list)
        {
            struct thread *thread = CONTAINER_OF(node, struct thread, sched.run);
            if (place_allows(thread, self))
                return thread;
            if (++looks == STEAL_LOOKS)
                return NULL;
        }
    }
    return NULL;
}

/* Does not wait for the lock: who holds it changes what we looked at. */
static struct thread *steal_from(struct cpu *victim, struct cpu *self, uint32_t above)
{
    irq_state_t state;
    if (!spinlock_try_lock(&victim->queue->lock, &state))
        return NULL;
    struct thread *thread = find_locked(victim->queue, self, above);
    if (thread != NULL) {
        run_queue_remove_locked(victim, thread);
        thread->cpu = self->number;
    }
    spinlock_unlock(&victim->queue->lock, state);
    return thread;
}

/* The longest queue of this node, or of the others, with something of that priority. */
static struct cpu *victim_find(const struct cpu *self, bool same_node, uint32_t above)
{
    struct cpu *best = NULL;
    uint32_t best_count = 0;
    for (uint32_t i = 0; i < place_cpu_count(); i++) {
        struct cpu *cpu = place_cpus[i];
        uint32_t count = atomic_load_explicit(&cpu->queue->count, memory_order_relaxed);
        if (cpu == self || (cpu->node == self->node) != same_node || count <= best_count ||
            atomic_load_explicit(&cpu->ready_top, memory_order_relaxed) <= above)
            continue;
        best = cpu;
        best_count = count;
    }
    return best;
}

struct thread *place_steal(struct cpu *self, uint32_t above)
{
    if (place_cpu_count() < 2 || !takes_part(self))
        return NULL;
    for (int same_node = 1; same_node >= 0; same_node--) {
        struct cpu *victim = victim_find(self, same_node != 0, above);
        struct thread *thread = victim != NULL ? steal_from(victim, self, above) : NULL;
        if (thread != NULL) {
            cpu_metric_add(self, METRIC_steals, 1);
            return thread;
        }
    }
    return NULL;
}
