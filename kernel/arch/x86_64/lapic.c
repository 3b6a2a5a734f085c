/*
 * x86-64: the local APIC, as x2APIC (registers are MSRs) where the CPU has it, else memory-mapped.
 * Source: Intel SDM 3A chapter 10.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "boot/machine.h"
#include "lib/assert.h"
#include "mem/vmap.h"
#include "registers.h"
#include "trace/log.h"
#include "x86.h"

#define LAPIC_TPR           0x80u
#define LAPIC_EOI           0xb0u
#define LAPIC_SVR           0xf0u
#define LAPIC_IN_SERVICE    0x100u
#define LAPIC_ESR           0x280u
#define LAPIC_COMMAND       0x300u
#define LAPIC_COMMAND_HIGH  0x310u
#define LAPIC_LVT_TIMER     0x320u
#define LAPIC_LVT_LINT0     0x350u
#define LAPIC_LVT_LINT1     0x360u
#define LAPIC_LVT_ERROR     0x370u
#define LAPIC_TIMER_INITIAL 0x380u
#define LAPIC_TIMER_COUNT   0x390u
#define LAPIC_TIMER_DIVIDE  0x3e0u

#define SEND_TURNS       1000000 /* a sick LAPIC must not hang a panic */
#define LVT_MASKED       (1u << 16)
#define LVT_NMI          (4u << 8)
#define LVT_DEADLINE     (2u << 17)
#define SVR_ENABLE       (1u << 8)
#define COMMAND_PENDING  (1u << 12)
#define APIC_BASE_ENABLE (1u << 11)
#define APIC_BASE_X2     (1u << 10)
#define DIVIDE_BY_1      0xbu

static volatile uint32_t *lapic_window; /* xAPIC only; set once */
static bool lapic_is_x2;

static uint32_t lapic_read(uint32_t offset)
{
    if (lapic_is_x2)
        return (uint32_t)msr_read(MSR_X2APIC + offset / 16);
    return lapic_window[offset / 4];
}

static void lapic_write(uint32_t offset, uint32_t value)
{
    if (lapic_is_x2)
        msr_write(MSR_X2APIC + offset / 16, value);
    else
        lapic_window[offset / 4] = value;
}

error_t lapic_init(void)
{
    lapic_is_x2 = features.x2apic;
    if (lapic_is_x2)
        return OK;
    void *window;
    phys_t base = the_machine.lapic;
    if (base.pa == 0)
        base = PHYS(msr_read(MSR_APIC_BASE) & 0x000ffffffffff000);
    error_t error = vmap_device(base, PAGE_SIZE, MAP_DEVICE | MAP_WRITE, &window);
    if (error == OK)
        lapic_window = window;
    return error;
}

void lapic_init_cpu(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE;
    msr_write(MSR_APIC_BASE, base);
    if (lapic_is_x2)
        msr_write(MSR_APIC_BASE, base | APIC_BASE_X2);
    /* First: while it is off by software, the mask bits below cannot be cleared (SDM 3A 10.4.7.2).
     */
    lapic_write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
    lapic_write(LAPIC_LVT_ERROR, VECTOR_ERROR);
    lapic_write(LAPIC_ESR, 0);
    lapic_write(LAPIC_EOI, 0);
}

void lapic_end(void)
{
    lapic_write(LAPIC_EOI, 0);
}

/*
 * Ends an interrupt that firmware left pending on a vector of its own; false if none is in service
 * there, so that it came by an instruction.
 */
bool lapic_end_stale(uint8_t vector)
{
    if ((lapic_read(LAPIC_IN_SERVICE + vector / 32u * 16) >> vector % 32 & 1) == 0)
        return false;
    lapic_end();
    log_warn("lapic", "an interrupt left over on vector %u", vector);
    return true;
}

bool lapic_x2(void)
{
    return lapic_is_x2;
}

/* 255 is everybody in the xAPIC's eight bits. */
bool lapic_reaches(uint64_t id)
{
    return id < (lapic_is_x2 ? UINT64_C(0xffffffff) : 255);
}

/* x2APIC writes are not ordered after earlier stores (SDM 3A 10.12.3): fence first. */
void lapic_send(uint32_t destination, uint32_t command)
{
    if (lapic_is_x2) {
        __asm__ volatile("mfence; lfence" ::: "memory");
        msr_write(MSR_X2APIC + LAPIC_COMMAND / 16, (uint64_t)destination << 32 | command);
        return;
    }
    debug_assert(lapic_reaches(destination));
    uint64_t state = arch_irq_save(); /* two writes: no other command may come between */
    lapic_write(LAPIC_COMMAND_HIGH, destination << 24);
    lapic_write(LAPIC_COMMAND, command);
    for (uint32_t turn = 0; turn < SEND_TURNS; turn++) {
        if ((lapic_read(LAPIC_COMMAND) & COMMAND_PENDING) == 0)
            break;
        arch_cpu_relax();
    }
    arch_irq_restore(state);
}

void lapic_timer_setup(uint32_t vector)
{
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_TIMER, vector == 0 ? LVT_MASKED : vector);
}

void lapic_timer_deadline_mode(void)
{
    lapic_write(LAPIC_LVT_TIMER, LVT_DEADLINE | VECTOR_TIMER);
    /* The mode must be in force before the first write of the deadline (SDM 3A 10.5.4.1). */
    __asm__ volatile("mfence" ::: "memory");
}

void lapic_timer_set(uint32_t count)
{
    lapic_write(LAPIC_TIMER_INITIAL, count);
}

uint32_t lapic_timer_left(void)
{
    return lapic_read(LAPIC_TIMER_COUNT);
}
