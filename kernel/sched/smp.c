/* Starting the other CPUs, and their way into the scheduler (smp.h). */
#include "sched/smp.h"
#include "arch/boot.h"
#include "arch/irq.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "arch/user.h"
#include "boot/machine.h"
#include "boot/subsystem.h"
#include "lib/assert.h"
#include "mem/heap.h"
#include "mem/vmap.h"
#include "obj/reclaim.h"
#include "sched/clock.h"
#include "sched/sched.h"
#include "trace/log.h"

#define START_TURNS   10000 /* of START_TURN_NS: a second */
#define START_TURN_NS 100000

_Noreturn void cpu_enter(struct cpu *cpu)
{
    assert(cpu_self() == cpu);
    arch_early_init_cpu();
    arch_trap_init_cpu();
    arch_user_init_cpu();
    arch_irq_init_cpu();
    clock_init_cpu();
    cpu_set_online();
    arch_tlb_flush(ARCH_AREA_BASE, ARCH_AREA_SIZE); /* shoot-downs until now left us out */
    cpu_idle_loop();
}

_Noreturn void cpu_idle_loop(void)
{
    struct cpu *self = cpu_self();
    assert(self->held_count == 0 && !arch_irq_enabled());
    sched_account(self);
    arch_user_enter(self, sched_leave(self));
}

static struct cpu *cpu_make(const struct machine_cpu *found)
{
    struct cpu *cpu = kmalloc_zero(sizeof(*cpu));
    if (cpu == NULL)
        return NULL;
    cpu->node = found->node;
    cpu->hardware_id = found->hardware_id;
    if (vmap_stack(KERNEL_STACK_SIZE, cpu->node, &cpu->stack_low, &cpu->stack_high) != OK ||
        arch_trap_prepare(cpu) != OK || reclaim_init_cpu(cpu) != OK || sched_cpu_make(cpu) != OK)
        return NULL; /* start-up goes on without it; the few pages are not worth a way back */
    return cpu_add(cpu) == OK ? cpu : NULL;
}

/* One that does not come leaves its table entry offline. */
static void cpu_bring_up(struct cpu *cpu)
{
    error_t error = arch_cpu_start(cpu);
    for (int turn = 0; error == OK && !atomic_load(&cpu->online); turn++) {
        if (turn == START_TURNS)
            error = ERR_timeout;
        clock_spin(START_TURN_NS);
    }
    if (error != OK)
        log_error("smp", "CPU %u (hardware id 0x%lx) does not start: %s", cpu->number,
                  cpu->hardware_id, error_text(error));
    else
        sched_cpu_add(cpu);
}

static error_t smp_start(void)
{
    if (the_machine.cpu_count < 2)
        return OK;
    error_t error = arch_smp_init();
    if (error != OK)
        return error;
    for (uint32_t i = 1; i < the_machine.cpu_count; i++) {
        struct cpu *cpu = cpu_make(&the_machine.cpus[i]);
        if (cpu == NULL)
            return ERR_no_memory;
        cpu_bring_up(cpu);
    }
    log_info("smp", "%u of %u CPUs online", cpu_online_count(), the_machine.cpu_count);
    return OK;
}

SUBSYSTEM(smp, .level = LEVEL_cpu, .needs = "sched", .privilege = PRIVILEGE_CORE,
          .start = smp_start)
