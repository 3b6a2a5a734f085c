/*
 * The table of CPUs, and requests between them.
 *
 * Memory order of a call: the caller fills the call, pushes it (release) on the target's stack,
 * then sets the request bit (release), then interrupts. The target clears its request bits by one
 * read-modify-write (acquire), which synchronises with every setter whose bit it takes, directly
 * or through the chain of read-modify-writes between; so it sees their pushes, and takes the whole
 * stack (acquire). A call pushed after that is followed by a bit set after that: none is lost, and
 * one taken early leaves only a bit with nothing behind it. `done` is stored with release and read
 * with acquire, so the caller sees all that the function wrote.
 *
 * The call lies on its caller's stack. The target reads `next` before it sets `done`, and does
 * not touch the call afterwards.
 */
#include "sched/cpu.h"
#include "arch/smp.h"
#include "lib/assert.h"

#define CALL_BATCH 32                      /* calls that lie on the caller's stack at once */
#define STOP_TURNS ((uint64_t)1000 * 1000) /* of waiting for CPUs to stop */

struct cpu boot_cpu = {.deadlines_lock = SPINLOCK_INIT(deadlines), .online = true};
struct cpu *cpu_table[CONFIG_CPU_MAX] = {&boot_cpu};
_Atomic(uint32_t) cpu_count = 1;

/* The first CPU to stop the others, by number + 1; 0: nobody. */
static _Atomic(uint32_t) cpu_stopper;

error_t cpu_add(struct cpu *cpu)
{
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_relaxed);
    if (count == CONFIG_CPU_MAX)
        return ERR_full;
    assert(cpu_table[count] == NULL && cpu != &boot_cpu);
    cpu->number = count;
    spinlock_init(&cpu->deadlines_lock, LOCK_RANK_deadlines);
    cpu_table[count] = cpu;
    /* Release: who sees the count sees the entry and the struct behind it. */
    atomic_store_explicit(&cpu_count, count + 1, memory_order_release);
    return OK;
}

/* Acquire: what a CPU did before it went offline is visible to who sees it gone. */
static bool cpu_online(const struct cpu *cpu)
{
    return atomic_load_explicit(&cpu->online, memory_order_acquire);
}

uint32_t cpu_online_count(void)
{
    uint32_t online = 0;
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        online += cpu_online(cpu_table[i]);
    return online;
}

/* Ends this CPU. It touches no other CPU's memory afterwards; the release says so. */
static _Noreturn void cpu_stop_self(struct cpu *self)
{
    atomic_store_explicit(&self->online, false, memory_order_release);
    arch_halt();
}

/*
 * A caller changes something (say, a page-table entry), passes the fence in cpu_call_others,
 * and looks at `online`. We set `online`, pass a fence, and then look at that something for the
 * first time (a TLB flush). One of the two fences comes first, so either the caller sees us
 * online and calls, or we see the change. The same holds for being stopped.
 */
void cpu_set_online(void)
{
    struct cpu *self = cpu_self();
    assert(cpu_table[self->number] == self);
    atomic_store_explicit(&self->online, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&cpu_stopper, memory_order_relaxed) != 0)
        cpu_stop_self(self);
}

static void cpu_run_calls(struct cpu *self)
{
    struct cpu_call *call = atomic_exchange_explicit(&self->calls, NULL, memory_order_acquire);
    while (call != NULL) {
        struct cpu_call *next = call->next;
        assert(atomic_load_explicit(&call->done, memory_order_relaxed) == 0);
        /* We may be spinning for one lock with others held; the function leaves that alone. */
        uint32_t held = self->held_count;
        call->function(call->argument);
        debug_assert(self->held_count == held && !arch_irq_enabled());
        cpu_metric_add(self, METRIC_cpu_calls, 1);
        /* From here on the call may be gone with its caller's stack frame. */
        atomic_store_explicit(&call->done, 1, memory_order_release);
        call = next;
    }
}

void cpu_serve(void)
{
    struct cpu *self = cpu_self();
    /* CPU_REQUEST_QUIET stays: we may be spinning with pointers held (reclaim_quiescent). */
    const uint32_t left = CPU_REQUEST_QUIET;
    if ((atomic_load_explicit(&self->requests, memory_order_relaxed) & ~left) == 0)
        return;
    uint64_t irq = arch_irq_save();
    uint32_t requests = atomic_fetch_and_explicit(&self->requests, left, memory_order_acquire);
    if ((requests & CPU_REQUEST_STOP) != 0)
        cpu_stop_self(self);
    if ((requests & CPU_REQUEST_CALL) != 0)
        cpu_run_calls(self);
    arch_irq_restore(irq);
}

void cpu_request(struct cpu *cpu, uint32_t request)
{
    atomic_fetch_or_explicit(&cpu->requests, request, memory_order_release);
    cpu_metric_add(cpu_self(), METRIC_ipis_sent, 1);
    arch_ipi_send(cpu);
}

static void cpu_call_push(struct cpu *cpu, struct cpu_call *call)
{
    call->next = atomic_load_explicit(&cpu->calls, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&cpu->calls, &call->next, call,
                                                  memory_order_release, memory_order_relaxed))
        arch_cpu_relax();
    cpu_request(cpu, CPU_REQUEST_CALL);
}

/*
 * Waits until `cpu` has run the call. A CPU that went offline never will, nor does it ever look
 * at the call: it stops only in between calls.
 */
static void cpu_call_wait(const struct cpu *cpu, const struct cpu_call *call)
{
    while (atomic_load_explicit(&call->done, memory_order_acquire) == 0 && cpu_online(cpu)) {
        arch_cpu_relax();
        cpu_serve();
    }
}

void cpu_call(struct cpu *cpu, void (*function)(void *argument), void *argument)
{
    debug_assert(cpu_self()->held_count == 0);
    if (cpu == cpu_self()) {
        uint64_t irq = arch_irq_save();
        function(argument);
        arch_irq_restore(irq);
        return;
    }
    atomic_thread_fence(memory_order_seq_cst); /* see cpu_set_online */
    if (!cpu_online(cpu))
        return;
    struct cpu_call call = {.function = function, .argument = argument};
    cpu_call_push(cpu, &call);
    cpu_call_wait(cpu, &call);
}

/* The same for up to CALL_BATCH CPUs at once; returns how many it took. */
static uint32_t cpu_call_batch(struct cpu *const *cpus, uint32_t count,
                               void (*function)(void *argument), void *argument)
{
    struct cpu_call calls[CALL_BATCH];
    uint32_t batch = count < CALL_BATCH ? count : CALL_BATCH;
    for (uint32_t i = 0; i < batch; i++) {
        calls[i].function = function;
        calls[i].argument = argument;
        bool skip = cpus[i] == cpu_self() || !cpu_online(cpus[i]);
        atomic_init(&calls[i].done, skip);
        if (!skip)
            cpu_call_push(cpus[i], &calls[i]);
    }
    for (uint32_t i = 0; i < batch; i++)
        cpu_call_wait(cpus[i], &calls[i]);
    return batch;
}

void cpu_call_others(void (*function)(void *argument), void *argument)
{
    debug_assert(cpu_self()->held_count == 0);
    atomic_thread_fence(memory_order_seq_cst); /* see cpu_set_online */
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t i = 0; i < count;)
        i += cpu_call_batch(cpu_table + i, count - i, function, argument);
}

void cpu_stop_if_asked(void)
{
    struct cpu *self = cpu_self();
    uint32_t stopper = atomic_load_explicit(&cpu_stopper, memory_order_acquire);
    if (stopper != 0 && stopper != self->number + 1)
        cpu_stop_self(self);
}

/* Waits a bounded time until only `self` is online. */
static bool stop_await(const struct cpu *self)
{
    for (uint64_t turn = 0; turn < STOP_TURNS; turn++) {
        if (cpu_online_count() == cpu_online(self))
            return true;
        arch_cpu_relax();
    }
    return false;
}

/*
 * Two CPUs that stop each other must not both end: the first one to come goes on, and serves no
 * request while it waits.
 */
uint32_t cpu_stop_others(void)
{
    struct cpu *self = cpu_self();
    uint32_t stopper = 0;
    if (!atomic_compare_exchange_strong(&cpu_stopper, &stopper, self->number + 1) &&
        stopper != self->number + 1)
        cpu_stop_self(self);
    atomic_thread_fence(memory_order_seq_cst); /* see cpu_set_online */
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        if (cpu_table[i] != self && cpu_online(cpu_table[i]))
            cpu_request(cpu_table[i], CPU_REQUEST_STOP);
    if (stop_await(self))
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (cpu_table[i] != self && cpu_online(cpu_table[i]))
            arch_ipi_force(cpu_table[i]);
    (void)stop_await(self);
    return cpu_online_count() - cpu_online(self);
}
