/*
 * What a CPU does when it has no thread (sched.h, smp.h).
 *
 * An idle CPU is in no address space and holds no pointers, so it answers who waits for a grace
 * period. It takes interrupts while it halts, on its kernel stack; what they make ready is found
 * afterwards. Who gives it a thread meanwhile sees it in the idle map, or it sees the thread.
 */
#include "arch/smp.h"
#include "arch/space.h"
#include "lib/assert.h"
#include "sched/place.h"
#include "sched/sched.h"
#include "sched/smp.h"

static void (*idle_work)(void); /* the boot CPU's alone */

void cpu_set_idle_work(void (*work)(void))
{
    assert(cpu_self() == &boot_cpu && idle_work == NULL);
    idle_work = work;
}

/*
 * Frees what waits. Between two steps interrupts are let in: one of our own makes the halt that
 * follows a short one.
 */
static void reclaim_step(struct cpu *self)
{
    if (self->reclaiming && reclaim_poll(self))
        cpu_request(self, CPU_REQUEST_LOOK);
}

static bool nothing_to_do(const struct cpu *self)
{
    return atomic_load_explicit(&self->ready_top, memory_order_relaxed) == 0 &&
           !atomic_load_explicit(&self->reschedule, memory_order_relaxed);
}

void sched_idle(struct cpu *self)
{
    assert(self->current == NULL && self->held_count == 0);
    if (self == &boot_cpu && idle_work != NULL)
        idle_work();
    arch_space_leave(self);
    reclaim_step(self);
    place_idle_begin(self);
    if (nothing_to_do(self)) {
        reclaim_quiescent(self);
        cpu_metric_add(self, METRIC_idles, 1);
        arch_idle();
    }
    place_idle_end(self);
    reclaim_quiescent(self);
}
