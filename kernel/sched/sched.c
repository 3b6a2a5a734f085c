/*
 * Decisions (sched.h).
 *
 * Memory order between CPUs. Who gives a CPU a thread: puts it into the queue under its lock; full
 * barrier; looks at what runs there and whether its slice has an end; asks for a decision if that
 * is needed. The CPU: chooses under the lock and sets `current`, clears `slice_end` before; full
 * barrier (of arch_space_switch, or of the idle map); looks at `ready_top`. So one of the two sees
 * the other: a thread is not overlooked by a CPU that idles or runs something lesser, nor left
 * behind one whose slice has no end.
 *
 * The fast path changes `current` without a lock. A thread that is put into the queue meanwhile may
 * be compared with the wrong one, and waits until the end of the slice at worst.
 */
#include "sched/sched.h"
#include "arch/space.h"
#include "boot/subsystem.h"
#include "lib/assert.h"
#include "sched/class.h"
#include "sched/clock.h"
#include "sched/place.h"
#include "sched/throttle.h"
#include "syscall/entry.h"

#define SLICE_MIN_NS UINT64_C(20000)
#define REAP_NS      UINT64_C(1000000) /* between steps of reclaiming, while a thread computes */

static uint64_t slice_min, reap_ticks; /* written once */

static uint32_t ready_top(const struct cpu *cpu)
{
    return atomic_load_explicit(&cpu->ready_top, memory_order_relaxed);
}

static uint32_t thread_wanted(const struct thread *thread)
{
    return atomic_load_explicit(&thread->attention, memory_order_relaxed);
}

/* --- making threads ready --- */

bool sched_outranks(uint32_t priority, const struct cpu *cpu)
{
    /* What runs there stays memory until we leave the kernel, whatever becomes of it. */
    const struct thread *current = *(struct thread *const volatile *)&cpu->current;
    return current == NULL || priority > current->effective;
}

void sched_poke(struct cpu *cpu)
{
    if (cpu == cpu_self())
        atomic_store_explicit(&cpu->reschedule, true, memory_order_relaxed);
    else if (!atomic_exchange(&cpu->reschedule, true))
        cpu_request(cpu, CPU_REQUEST_LOOK);
}

/* Of its own priority or a lesser one, but it could run once feedback has its way. */
static bool could_run_instead(const struct thread *current, const struct thread *payer,
                              uint32_t top)
{
    return top > current->effective ||
           (payer->sched.class == SCHED_normal && top > CLASS_LOW_normal);
}

static void slice_begin(struct cpu *self, uint64_t ticks)
{
    self->slice_end = self->accounted + max_u64(ticks, slice_min);
    clock_wake_at(self->slice_end);
}

/* The slice of who pays for the current thread, if one of `top` - 1 wants it. */
static void slice_need(struct cpu *self, struct thread *current, uint32_t top)
{
    const struct thread *payer = sched_payer(current, self->accounted);
    if (could_run_instead(current, payer, top))
        slice_begin(self, class_slice_left(payer));
}

/* A thread of that priority was put into our own queue. */
static void announce_own(struct cpu *self, uint32_t priority)
{
    struct thread *current = self->current;
    self->surplus = place_cpu_count() > 1;
    if (current == NULL)
        return; /* a decision comes anyway */
    if (priority > current->effective)
        atomic_store_explicit(&self->reschedule, true, memory_order_relaxed);
    else if (self->slice_end == 0)
        slice_need(self, current, priority + 1);
}

static void announce(struct cpu *self, struct cpu *cpu, uint32_t priority)
{
    if (cpu == self) {
        announce_own(self, priority);
        return;
    }
    atomic_thread_fence(memory_order_seq_cst);
    if (sched_outranks(priority, cpu) || *(const volatile uint64_t *)&cpu->slice_end == 0)
        sched_poke(cpu);
}

/* Puts an owned thread that is ready where it belongs. */
static void enqueue(struct cpu *self, struct thread *thread)
{
    bool stays = thread->cpu == self->number && place_anywhere(thread);
    struct cpu *cpu = stays ? self : place_choose(self, thread);
    uint32_t priority = thread->effective;
    spinlock_enter(&cpu->queue->lock);
    run_queue_add_locked(cpu, thread, false);
    spinlock_exit(&cpu->queue->lock);
    announce(self, cpu, priority);
}

void sched_ready(struct thread *thread)
{
    struct cpu *self = cpu_self();
    debug_assert(!arch_irq_enabled() && thread->sched.where == SCHED_AWAY);
    thread_set_status(thread, THREAD_READY);
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t wanted = thread_wanted(thread);
    if ((wanted & (ATTENTION_SUSPEND | ATTENTION_FREEZE)) != 0 && (wanted & ATTENTION_KILL) == 0) {
        thread_park(thread);
        return;
    }
    class_wake(thread);
    if (!throttle_possible(thread) || !throttle_ready(self, thread, arch_counter()))
        enqueue(self, thread);
}

bool sched_claim(struct thread *thread)
{
    bool claimed = false;
    if (thread_status(thread) != THREAD_READY)
        return false;
    struct cpu *cpu = cpu_table[*(const volatile uint32_t *)&thread->cpu];
    spinlock_enter(&cpu->queue->lock);
    if (thread->cpu == cpu->number && thread->sched.where == SCHED_QUEUED) {
        run_queue_remove_locked(cpu, thread);
        claimed = true;
    } else if (thread->cpu == cpu->number && thread->sched.where == SCHED_THROTTLED) {
        thread->sched.where = SCHED_AWAY;
        (void)clock_try_cancel(&thread->sched.refill); /* if it fires, it finds nobody throttled */
        claimed = true;
    }
    if (claimed)
        thread_set_status(thread, THREAD_CLAIMED);
    spinlock_exit(&cpu->queue->lock);
    return claimed;
}

void sched_gone(struct cpu *self)
{
    debug_assert(self->current != NULL && self->held_count == 0);
    sched_account(self);
    self->current = NULL;
}

void sched_pass(struct cpu *self)
{
    if (ready_top(self) <= self->current->effective)
        return; /* nobody of its priority, nor above */
    self->yielding = true;
    atomic_store_explicit(&self->reschedule, true, memory_order_relaxed);
}

void sched_lend_changed(struct cpu *self, struct thread *thread)
{
    sched_lend_again(thread);
    if (self->current == thread &&
        (ready_top(self) > thread->effective + 1u || atomic_load(&thread->sched.changed)))
        atomic_store_explicit(&self->reschedule, true, memory_order_relaxed);
}

/* --- deciding --- */

/*
 * What becomes of the thread that ran until now: NULL if it may not go on here, and was put where
 * it belongs. *last: behind its equals.
 */
static struct thread *judge(struct cpu *self, struct thread *from, bool *last)
{
    uint64_t now = self->accounted;
    struct thread *payer = sched_payer(from, now);
    class_boost(self, now);
    if (class_ran(from, payer, now))
        *last = true;
    bool may = place_anywhere(from) || place_allows(from, self);
    if (may && (!throttle_possible(from) || throttle_until(from, now) == 0))
        return from;
    /* One that is out of budget goes on while it works for somebody who is not. */
    if (may && payer != from)
        return from;
    arch_thread_leave(self, from);
    self->current = NULL;
    thread_set_status(from, THREAD_READY);
    if (!throttle_ready(self, from, now))
        enqueue(self, from);
    return NULL;
}

static void set_running(struct cpu *self, struct thread *thread)
{
    debug_assert(thread->sched.where == SCHED_AWAY);
    thread->cpu = self->number;
    thread_set_status(thread, THREAD_RUNNING);
    self->current = thread;
}

static void put_back_locked(struct cpu *self, struct thread *from, bool last)
{
    thread_set_status(from, THREAD_READY);
    run_queue_add_locked(self, from, !last);
    self->surplus = place_cpu_count() > 1;
}

/* Takes the best out of our queue, after putting `from` (or nobody) into it. */
static struct thread *exchange(struct cpu *self, struct thread *from, bool last)
{
    struct run_queue *queue = self->queue;
    if (from != NULL)
        arch_thread_leave(self, from);
    spinlock_enter(&queue->lock);
    if (from != NULL)
        put_back_locked(self, from, last);
    struct thread *to = run_queue_take_locked(self);
    if (to != NULL)
        set_running(self, to);
    spinlock_exit(&queue->lock);
    return to;
}

/* What becomes of the slice, and of a budget, when the fast path puts `to` on the CPU. */
static void fast_begin(struct cpu *self, struct thread *to, uint32_t top)
{
    to->sched.put_on = self->accounted;
    if (throttle_possible(to))
        atomic_store_explicit(&self->reschedule, true, memory_order_relaxed);
    else if (self->slice_end == 0)
        slice_need(self, to, top);
}

void sched_hand_over(struct cpu *self, struct thread *to)
{
    struct thread *from = self->current;
    debug_assert(to->sched.where == SCHED_AWAY && to->effective >= from->effective);
    sched_account(self);
    arch_thread_leave(self, from);
    spinlock_enter(&self->queue->lock);
    put_back_locked(self, from, false);
    spinlock_exit(&self->queue->lock);
    fast_begin(self, to, from->effective + 1u);
}

struct thread *sched_next(struct cpu *self)
{
    if (ready_top(self) <= CLASS_LOW_normal)
        return NULL;
    struct thread *to = exchange(self, NULL, false);
    if (to != NULL)
        fast_begin(self, to, ready_top(self));
    return to;
}

/* Parameters and lending that changed come with an attention (thread_notify), on the way out. */
bool sched_may_rotate(const struct cpu *self)
{
    const struct thread *from = self->current;
    return from->serving == NULL && !throttle_possible(from) && class_slice_left(from) != 0;
}

struct thread *sched_rotate(struct cpu *self)
{
    struct run_queue *queue = self->queue;
    debug_assert(self->current != NULL && self->current->serving == NULL);
    sched_account(self);
    spinlock_enter(&queue->lock);
    struct thread *to = run_queue_rotate_locked(self, self->current);
    if (to != NULL)
        set_running(self, to);
    spinlock_exit(&queue->lock);
    if (to != NULL)
        fast_begin(self, to, to->effective + 1u);
    else
        sched_pass(self);
    return to;
}

/* With nothing better to do than batch work, or nothing at all, we help others. */
static struct thread *help(struct cpu *self, struct thread *from)
{
    bool idle = from == NULL && ready_top(self) == 0;
    struct thread *stolen = place_steal(self, idle ? 0 : CLASS_LOW_normal);
    if (stolen == NULL)
        return NULL;
    if (from != NULL) {
        arch_thread_leave(self, from);
        spinlock_enter(&self->queue->lock);
        put_back_locked(self, from, false);
        spinlock_exit(&self->queue->lock);
    }
    set_running(self, stolen);
    return stolen;
}

/* The next to run: `from` if nothing here comes before it. NULL: there is none. */
static struct thread *choose(struct cpu *self, struct thread *from, bool last)
{
    uint32_t own = from != NULL ? from->effective + 1u : 0, top = ready_top(self);
    struct thread *stolen = NULL;
    if (own <= CLASS_LOW_normal && top <= CLASS_LOW_normal)
        stolen = help(self, from);
    if (stolen != NULL)
        return stolen;
    if (from != NULL && top < own + !last)
        return from;
    return exchange(self, from, last);
}

/* The timer for the end of what the current thread may use before there is another decision. */
static void slice_arm(struct cpu *self, struct thread *thread)
{
    const struct thread *payer = sched_payer(thread, self->accounted);
    uint64_t ticks = UINT64_MAX;
    if (throttle_possible(payer))
        ticks = min_u64(class_budget_left(payer), throttle_left(payer));
    if (could_run_instead(thread, payer, ready_top(self)))
        ticks = min_u64(ticks, class_slice_left(payer));
    if (self->reclaiming)
        ticks = min_u64(ticks, reap_ticks);
    if (ticks != UINT64_MAX)
        slice_begin(self, ticks);
}

/* Makes `to`, the current thread, live. The barrier is the one told of above. */
static void load(struct cpu *self, const struct thread *from, struct thread *to)
{
    debug_assert(self->current == to && thread_status(to) == THREAD_RUNNING);
    arch_space_switch(self, &to->process->space.arch);
    if (to != from) {
        arch_thread_switch(self, to);
        to->sched.put_on = self->accounted;
        cpu_metric_add(self, METRIC_switches, 1);
    }
    slice_arm(self, to);
    if (ready_top(self) > to->effective + 1u)
        atomic_store_explicit(&self->reschedule, true, memory_order_relaxed);
}

static void decide(struct cpu *self)
{
    struct thread *from = self->current, *to;
    bool last = self->yielding;
    self->yielding = false;
    atomic_store_explicit(&self->reschedule, false, memory_order_relaxed);
    self->slice_end = 0;
    if (from != NULL) { /* else sched_gone has charged */
        sched_account(self);
        from = judge(self, from, &last);
    }
    while ((to = choose(self, from, last)) == NULL) {
        sched_idle(self);
        sched_account(self);
        atomic_store_explicit(&self->reschedule, false, memory_order_relaxed);
    }
    load(self, from, to);
}

static bool must_decide(const struct cpu *self)
{
    return self->current == NULL || atomic_load_explicit(&self->reschedule, memory_order_relaxed);
}

/* Between two steps of a long call all who wait for this CPU are served, as in user mode. */
static void between_steps(struct cpu *self)
{
    arch_irq_window();
    reclaim_quiescent(self);
    if (self->reclaiming)
        (void)reclaim_poll(self);
}

__attribute__((noinline)) static struct thread *leave_slowly(struct cpu *self)
{
    if (self->reclaiming)
        (void)reclaim_poll(self);
    for (;;) {
        if (must_decide(self)) {
            /* In a queue it would die only when it is next on a CPU, if ever. */
            if (self->current != NULL && (thread_wanted(self->current) & ATTENTION_KILL) != 0)
                (void)thread_attend(self, self->current);
            decide(self);
        }
        struct thread *thread = self->current;
        if (thread_wanted(thread) != 0 && !thread_attend(self, thread))
            continue;
        if (thread->resume != RESUME_USER) {
            syscall_again(self, thread);
            if (self->current == thread && thread->resume != RESUME_USER)
                between_steps(self);
        } else if (!must_decide(self))
            break;
    }
    if (self->surplus) {
        self->surplus = false;
        if (ready_top(self) != 0)
            place_call_help(self);
    }
    return self->current;
}

/* Mostly nobody wants anything, and the current thread goes on. */
struct thread *sched_leave(struct cpu *self)
{
    debug_assert(self == cpu_self() && self->held_count == 0 && !arch_irq_enabled());
    struct thread *thread = self->current;
    if (self->reclaiming || self->surplus || must_decide(self) || thread_wanted(thread) != 0 ||
        thread->resume != RESUME_USER)
        return leave_slowly(self);
    return thread;
}

/* --- start-up --- */

error_t sched_cpu_make(struct cpu *cpu)
{
    return run_queue_make(cpu);
}

void sched_cpu_add(struct cpu *cpu)
{
    place_add(cpu);
}

error_t sched_start(void)
{
    slice_min = clock_ticks(SLICE_MIN_NS);
    reap_ticks = clock_ticks(REAP_NS);
    class_init();
    throttle_start();
    error_t error = sched_cpu_make(&boot_cpu);
    if (error == OK)
        sched_cpu_add(&boot_cpu);
    return error;
}

SUBSYSTEM(sched, .level = LEVEL_time, .needs = "clock", .privilege = PRIVILEGE_CORE,
          .start = sched_start)
