/*
 * x86-64: the time stamp counter and the LAPIC's one-shot timer.
 *
 * Rate of the TSC: read from CPUID (leaf 0x15, or a hypervisor's 0x40000010) where given, else
 * measured against HPET, ACPI PM timer or PIT, whichever is there first in this order, over
 * 0.5 to 1 ms. The LAPIC timer's rate comes out of the same measurement; with TSC-deadline it is
 * not needed. Sources: SDM 3A 10.5.4, 17.17; 2A CPUID; IA-PC HPET 1.0a; ACPI 6.5 4.8.3.3; 8254.
 */
#include "arch/timer.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "boot/machine.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "mem/vmap.h"
#include "registers.h"
#include "sched/clock.h"
#include "sched/cpu.h"
#include "x86.h"

#define PM_TIMER_HZ 3579545u
#define PIT_HZ      1193182u

#define SAMPLES       5
#define MEASURE_TURNS 10000000

/* A counter of the machine with a known rate. */
struct reference {
    const char *name;
    uint64_t (*read)(void);
    uint64_t hertz;
    uint64_t mask; /* it counts modulo mask + 1 */
    uint64_t window_us;
};

static volatile uint64_t *hpet_window;
static uint64_t lapic_hertz; /* set once */
static bool timer_deadline;  /* TSC-deadline mode; set once */

static uint64_t hpet_read(void)
{
    return hpet_window[0xf0 / 8];
}

static uint64_t pm_timer_read(void)
{
    return port_in32((uint16_t)the_machine.pm_timer_port);
}

/* Counts down from 0xffff; negated so that it counts up. */
static uint64_t pit_read(void)
{
    port_out8(0x43, 0x80); /* latch channel 2 */
    uint64_t low = port_in8(0x42);
    return 0 - (low | (uint64_t)port_in8(0x42) << 8);
}

static bool hpet_open(struct reference *reference)
{
    void *window;
    if (the_machine.hpet.pa == 0 ||
        vmap_device(the_machine.hpet, PAGE_SIZE, MAP_DEVICE | MAP_WRITE, &window) != OK)
        return false;
    hpet_window = window;
    uint64_t period_fs = hpet_window[0] >> 32;
    if (period_fs == 0 || period_fs > 100000000) /* HPET 1.0a 2.3.4 */
        return false;
    hpet_window[0x10 / 8] |= 1;
    *reference =
        (struct reference){"hpet", hpet_read, 1000000000000000u / period_fs, UINT32_MAX, 500};
    return true;
}

static bool pm_timer_open(struct reference *reference)
{
    if (the_machine.pm_timer_port == 0)
        return false;
    *reference = (struct reference){"pm timer", pm_timer_read, PM_TIMER_HZ, 0xffffff, 500};
    return true;
}

static bool pit_open(struct reference *reference)
{
    port_out8(0x61, (uint8_t)((port_in8(0x61) & ~2) | 1)); /* gate on, speaker off */
    port_out8(0x43, 0xb0);                                 /* channel 2, low and high, mode 0 */
    port_out8(0x42, 0xff);
    port_out8(0x42, 0xff);
    *reference = (struct reference){"pit", pit_read, PIT_HZ, 0xffff, 1000};
    return true;
}

/* All three counters at nearly one instant. */
struct sample {
    uint64_t reference, tsc, lapic;
};

/*
 * An interruption by the hypervisor or by SMM between the reads would spoil the sample: of a few,
 * the one whose reads lie closest together counts.
 */
static struct sample sample_take(const struct reference *r)
{
    struct sample best = {0, 0, 0};
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t before = arch_counter();
        uint64_t reference = r->read(), lapic = lapic_timer_left();
        uint64_t after = arch_counter();
        if (after - before < least) {
            least = after - before;
            best = (struct sample){reference, before + least / 2, lapic};
        }
    }
    return best;
}

static uint64_t reference_measure(const struct reference *r)
{
    const uint64_t span = r->hertz * r->window_us / 1000000;
    lapic_timer_setup(0);
    lapic_timer_set(UINT32_MAX);
    struct sample begin = sample_take(r);
    uint64_t turns = 0; /* a dead reference must not hang us */
    while (((r->read() - begin.reference) & r->mask) < span && ++turns < MEASURE_TURNS)
        arch_cpu_relax();
    struct sample end = sample_take(r);
    lapic_timer_set(0);
    uint64_t passed = (end.reference - begin.reference) & r->mask, tsc = end.tsc - begin.tsc;
    if (turns == MEASURE_TURNS || passed == 0)
        return 0;
    lapic_hertz = (begin.lapic - end.lapic) * r->hertz / passed;
    clock_note_wait(tsc);
    return tsc * r->hertz / passed;
}

/* CPUID 0x15: TSC = crystal * ebx / eax. */
static uint64_t cpuid_tsc_hertz(void)
{
    struct cpuid leaf = cpuid_leaf(0x15, 0);
    if (leaf.a != 0 && leaf.b != 0 && leaf.c != 0) {
        lapic_hertz = leaf.c;
        return (uint64_t)leaf.c * leaf.b / leaf.a;
    }
    if (!features.hypervisor)
        return 0;
    leaf = cpuid_leaf(0x40000010, 0); /* kHz of TSC and of the LAPIC timer */
    lapic_hertz = (uint64_t)leaf.b * 1000;
    return leaf.b != 0 ? (uint64_t)leaf.a * 1000 : 0;
}

error_t arch_counter_init(uint64_t *hertz, char *text, size_t size)
{
    static bool (*const open[])(struct reference *) = {hpet_open, pm_timer_open, pit_open};
    struct reference reference = {.name = "cpuid"};
    uint64_t tsc = cpuid_tsc_hertz();
    for (size_t i = 0; tsc == 0 && i < COUNT_OF(open); i++) {
        if (open[i](&reference))
            tsc = reference_measure(&reference);
    }
    timer_deadline = features.tsc_deadline;
    if (tsc == 0 || (lapic_hertz == 0 && !timer_deadline))
        return ERR_unsupported;
    *hertz = tsc;
    print_buffer(text, size, "tsc %lu.%lu MHz by %s%s", tsc / 1000000, tsc / 100000 % 10,
                 reference.name, timer_deadline ? ", tsc-deadline" : "");
    return OK;
}

void arch_timer_init_cpu(void)
{
    if (timer_deadline)
        lapic_timer_deadline_mode();
    else
        lapic_timer_setup(VECTOR_TIMER);
    arch_timer_disarm();
}

/* Early is allowed by the contract: clock_interrupt arms again for what is not due yet. */
static uint32_t lapic_count(uint64_t tsc_ticks)
{
    uint64_t hertz = clock_hertz();
    if (tsc_ticks / hertz > 0)
        tsc_ticks = hertz; /* at most a second at once */
    uint64_t count = tsc_ticks * (lapic_hertz / 1000) / (hertz / 1000) + 1;
    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

void arch_timer_arm(uint64_t counter)
{
    uint64_t now = arch_counter();
    metric_add(METRIC_timer_arms, 1);
    if (timer_deadline)
        msr_write(MSR_TSC_DEADLINE, counter);
    else
        lapic_timer_set(counter > now ? lapic_count(counter - now) : 1);
}

void arch_timer_disarm(void)
{
    if (timer_deadline)
        msr_write(MSR_TSC_DEADLINE, 0);
    else
        lapic_timer_set(0);
}

void timer_interrupt(void)
{
    clock_interrupt();
}
