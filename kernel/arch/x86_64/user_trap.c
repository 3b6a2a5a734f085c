/*
 * x86-64: traps from ring 3. entry.S saved the registers into the thread; what is returned is who
 * goes on (struct user_exit).
 */
#include "arch/user.h"
#include "lib/assert.h"
#include "mem/space.h"
#include "obj/reclaim.h"
#include "obj/thread.h"
#include "registers.h"
#include "sched/cpu.h"
#include "trace/panic.h"
#include "x86.h"

#define PAGE_FAULT_WRITE    2u
#define PAGE_FAULT_RESERVED 8u
#define PAGE_FAULT_EXECUTE  16u

/* What an exception is for the thread that caused it (SDM 3A 6.15); FAULT_NONE: a panic, since it
 * does not come from ring 3, or is the machine's. */
static const uint8_t vector_fault[VECTOR_PIC] = {
    [0] = FAULT_divide,      [1] = FAULT_step,        [3] = FAULT_breakpoint,
    [4] = FAULT_overflow,    [5] = FAULT_bound,       [6] = FAULT_undefined,
    [10] = FAULT_protection, [11] = FAULT_protection, [12] = FAULT_protection,
    [13] = FAULT_protection, [16] = FAULT_fpu,        [17] = FAULT_alignment,
    [19] = FAULT_fpu,        [21] = FAULT_protection,
};

/* A reserved bit in a table is the kernel's mistake. */
static struct user_exit page_fault(struct cpu *cpu, struct thread *thread, uaddr_t address)
{
    uint64_t error = thread->frame.error;
    if ((error & PAGE_FAULT_RESERVED) != 0)
        panic_trap(&thread->frame);
    uint32_t access = (error & PAGE_FAULT_EXECUTE) != 0 ? SPACE_EXECUTE
                      : (error & PAGE_FAULT_WRITE) != 0 ? SPACE_WRITE
                                                        : SPACE_READ;
    return thread_trap(cpu, thread, FAULT_page, address, access);
}

static struct user_exit exception(struct cpu *cpu, struct thread *thread)
{
    uint64_t vector = thread->frame.vector;
    if (vector == VECTOR_PAGE_FAULT)
        return page_fault(cpu, thread, (uaddr_t){cr2_read()});
    if (vector == VECTOR_NO_FPU) {
        fpu_first_use(cpu, &thread->arch);
        return (struct user_exit){thread, &thread->frame};
    }
    uint32_t fault = vector_fault[vector];
    if (fault == FAULT_NONE)
        panic_trap(&thread->frame);
    return thread_trap(cpu, thread, fault, (uaddr_t){0}, thread->frame.error);
}

/* The CPU was in ring 3, so it holds no pointer into the kernel's objects. */
INLINE struct user_exit interrupt(struct cpu *cpu, struct trap_frame *frame)
{
    reclaim_answer(cpu);
    if (LIKELY(frame->vector >= VECTOR_LINE))
        irq_vector((uint8_t)frame->vector);
    else if (!lapic_end_stale((uint8_t)frame->vector))
        panic_trap(frame);
    return user_leave(cpu);
}

struct user_exit trap_entry_user(struct cpu *cpu, struct thread *thread)
{
    debug_assert(!arch_irq_enabled());
    if (cpu->current == NULL) /* only a self test goes to ring 3 without a thread */
        panic_trap(&thread->frame);
    debug_assert(cpu->current == thread);
    if (thread->frame.vector >= VECTOR_PIC)
        return interrupt(cpu, &thread->frame);
    return exception(cpu, thread);
}
