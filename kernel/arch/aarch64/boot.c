/*
 * AArch64: from the first instruction in C to the portable kernel_main.
 *
 * Every protocol ends here on the boot stack with interrupts masked. For Image the early map is
 * live; Limine's own map stays live while its answers are read (limine.c), then the early map is
 * made of them.
 */
#include "arch/boot.h"
#include "arch/cpu.h"
#include "boot/main.h"
#include "boot/mitigations.h"
#include "early_map.h"
#include "features.h"
#include "lib/assert.h"
#include "mem/image.h"
#include "mmu.h"
#include "sched/cpu.h"
#include "start.h"

_Noreturn void arch_start(uint32_t protocol, phys_t fdt, uint64_t level);

phys_t arch_memory_floor(void)
{
    return PHYS(PAGE_SIZE); /* no address is special here, but 0 stays nobody's */
}

static error_t read_protocol(uint32_t protocol, phys_t fdt)
{
    boot_info_init(&the_boot_info, protocol == START_IMAGE ? "image" : "limine");
    if (protocol == START_IMAGE)
        return image_read(&the_boot_info, fdt);
    error_t error = limine_read(&the_boot_info);
    mmu_clean(__image_start, image_size()); /* mmu_enter and start_cpu run with the MMU off */
    early_map_ranges(&the_boot_info);
    return error;
}

_Noreturn void arch_start(uint32_t protocol, phys_t fdt, uint64_t level)
{
    assert(arch_cpu_self() == &boot_cpu && (level == 1 || level == 2));
    image_relocate(mmu_translate((uintptr_t)__image_start));
    error_t error = read_protocol(protocol, fdt);
    the_boot_info.kernel_base = image_base();
    the_boot_info.kernel_size = image_size();
    the_boot_info.entry = level == 2 ? "el2" : "el1";
    kernel_main(error);
}

void arch_early_init(void)
{
    features_init();
    mitigations_choose();
    arch_early_init_cpu();
}

void arch_early_init_cpu(void)
{
    features_enable();
}

/* Firmware tells where the UART is; no machine must have one at a place of its own. */
void arch_default_uart(enum machine_uart *uart, struct machine_register *where, uint32_t *irq)
{
    *uart = UART_NONE;
    *where = (struct machine_register){.space = SPACE_NONE};
    *irq = 0;
}

/*
 * WFI wakes on an interrupt that is pending even while it is masked (Arm ARM D1.6.2), so that
 * none can come unseen between the look at the work and the wait; it is taken when unmasked. So is
 * an SError, which is masked since the last entry from user mode.
 */
void arch_idle(void)
{
    debug_assert(!arch_irq_enabled()); /* else an interrupt could come before the wait */
    __asm__ volatile("dsb sy\n\t"
                     "wfi\n\t"
                     "msr daifclr, #6\n\t"
                     "isb\n\t"
                     "msr daifset, #2" ::
                         : "memory");
}

_Noreturn void arch_halt(void)
{
    __asm__ volatile("msr daifset, #15" ::: "memory");
    for (;;)
        __asm__ volatile("wfi" ::: "memory");
}
