/*
 * Faults that need no CPU's help: a second fault inside a panic (panic.h says what then happens).
 */
#include "trace/panic.h"
#include "arch/cpu.h"
#include "sched/clock.h"
#include "sched/cpu.h"
#include "selftest/selftest.h"
#include "trace/console.h"

static uint32_t stumbles;      /* faults so far; the panicking CPU's alone, like the next */
static uint32_t stumbles_most; /* then it is well again */

/* A console whose driver is broken in the worst moment. */
static void stumbling_write(struct console *console, enum log_level level, const char *text,
                            size_t size)
{
    (void)console, (void)level, (void)text, (void)size;
    if (!panic_active() || stumbles == stumbles_most)
        return;
    stumbles++;
    if (stumbles == 1)
        panic("a console's driver panics");
    uintptr_t nowhere = 64; /* the first page is never mapped */
    *(volatile char *)nowhere = 0;
}

static void panic_stumbling(uint32_t most)
{
    static struct console stumbling = {.name = "stumbling", .write = stumbling_write};
    stumbles_most = most;
    console_add(&stumbling);
    panic("the first of some");
}

static void fault_panic_twice(void)
{
    panic_stumbling(2);
}

static void fault_panic_always(void)
{
    panic_stumbling(UINT32_MAX);
}

static _Atomic(bool) deaf; /* the other CPU loops */

/* In the timer's interrupt, with interrupts off: no request is served any more. */
static void go_deaf(struct deadline *deadline)
{
    (void)deadline;
    atomic_store(&deaf, true);
    for (;;)
        arch_cpu_relax();
}

static void arm_deafness(void *unused)
{
    static struct deadline soon;
    (void)unused;
    deadline_init(&soon, go_deaf);
    clock_arm(&soon, clock_now());
}

static void fault_panic_deaf(void)
{
    struct cpu *other = cpu_table[atomic_load(&cpu_count) - 1];
    if (other == cpu_self())
        return;
    cpu_call(other, arm_deafness, NULL);
    while (!atomic_load(&deaf))
        arch_cpu_relax();
    panic("CPU %u is deaf", other->number);
}

const struct fault_case portable_fault_cases[] = {
    {"panic-twice", "another fault while panicking", false, fault_panic_twice},
    {"panic-deaf", "is deaf", false, fault_panic_deaf},
    {"panic-always", "another fault while panicking", false, fault_panic_always},
};
const uint32_t portable_fault_case_count = COUNT_OF(portable_fault_cases);
