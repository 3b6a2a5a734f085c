/*
 * AArch64: the generic timer (Arm ARM D12): the virtual counter, and the virtual timer as the
 * one-shot. At EL1 the virtual one is there whether or not somebody sits at EL2.
 */
#include "arch/timer.h"
#include "boot/machine.h"
#include "irq.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "registers.h"
#include "sched/clock.h"
#include "sched/cpu.h"

#define TIMER_ENABLE       1u
#define TIMER_LINE_DEFAULT 27 /* of every machine by Arm's base system architecture (BSA 6.2) */

uint32_t timer_line(void)
{
    uint32_t line = the_machine.timer_virtual_irq;
    return line >= 16 && line < 32 ? line : TIMER_LINE_DEFAULT;
}

error_t arch_counter_init(uint64_t *hertz, char *text, size_t size)
{
    uint64_t rate = sysreg_read("cntfrq_el0") & UINT32_MAX;
    if (rate < 1000000)
        return ERR_unsupported; /* the firmware has not set it; nothing here tells it */
    assert(rate <= UINT32_MAX);
    *hertz = rate;
    (void)print_buffer(text, size, "cntvct %u.%u MHz by cntfrq", (uint32_t)(rate / 1000000),
                       (uint32_t)(rate / 100000 % 10));
    return OK;
}

void arch_timer_init_cpu(void)
{
    arch_timer_disarm();
}

/* The timer asks as long as the counter is at or past the value, also if it is when we set it. */
void arch_timer_arm(uint64_t counter)
{
    metric_add(METRIC_timer_arms, 1);
    sysreg_write("cntv_cval_el0", counter);
    sysreg_write("cntv_ctl_el0", TIMER_ENABLE);
    barrier_isb();
}

void arch_timer_disarm(void)
{
    sysreg_write("cntv_ctl_el0", 0);
    barrier_isb();
}

void timer_interrupt(void)
{
    assert(!arch_irq_enabled());
    arch_timer_disarm(); /* else it asks on, until somebody arms it again */
    clock_interrupt();
}
