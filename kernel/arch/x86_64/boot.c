/*
 * x86-64: from the first instruction in C to the portable kernel_main.
 *
 * Every protocol ends here on the boot stack with interrupts off. For PVH and Multiboot2 the
 * early map is live; Limine's own map stays live while its answers are read (limine.c), then the
 * early map is made for wherever it put the image.
 */
#include "arch/boot.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "boot/limine.h"
#include "boot/main.h"
#include "boot/mitigations.h"
#include "lib/assert.h"
#include "mem/image.h"
#include "mem/vmap.h"
#include "registers.h"
#include "sched/cpu.h"
#include "start.h"
#include "x86.h"

_Noreturn void arch_start(uint32_t protocol, uint64_t information);

phys_t arch_memory_floor(void)
{
    return PHYS(MIB); /* below it: firmware, and the trampoline of other CPUs */
}

phys_t arch_early_floor(void)
{
    return PHYS(0);
}

phys_t arch_early_ceiling(void)
{
    return PHYS(EARLY_CEILING);
}

static error_t read_protocol(uint32_t protocol, uint64_t information)
{
    static const char *const names[] = {"pvh", "multiboot2", "limine", "unknown"};
    struct boot_info *info = &the_boot_info;
    boot_info_init(info, names[protocol]);
    switch (protocol) {
    case START_PVH:
        return pvh_read(info, PHYS(information));
    case START_MULTIBOOT2:
        return multiboot2_read(info, PHYS(information));
    case START_LIMINE:
        return limine_read(info);
    default:
        return ERR_malformed;
    }
}

_Noreturn void arch_start(uint32_t protocol, uint64_t information)
{
    boot_cpu.arch.self = &boot_cpu;
    msr_write(MSR_GS_BASE, (uint64_t)(uintptr_t)&boot_cpu);
    error_t error = read_protocol(protocol, information);
    if (protocol == START_LIMINE) {
        assert(the_boot_info.kernel_base.pa != 0);
        image_relocate(the_boot_info.kernel_base);
        early_map_image(the_boot_info.kernel_base);
    }
    the_boot_info.kernel_base = image_base();
    the_boot_info.kernel_size = image_size();
    the_boot_info.entry = "ring0";
    kernel_main(error);
}

void arch_early_init(void)
{
    features_init();
    mitigations_choose();
    features_enable();
    gdt_load(&boot_cpu);
    idt_load();
}

/* Off the trampoline's table with its identity-mapped page. */
void arch_early_init_cpu(void)
{
    arch_mmu_switch(vmap_root());
    features_enable();
}

void arch_default_uart(enum machine_uart *uart, struct machine_register *where, uint32_t *irq)
{
    *uart = UART_16550; /* COM1 of every PC; the driver looks whether it answers */
    *where = (struct machine_register){.space = SPACE_PORT, .address = 0x3f8, .width = 8};
    *irq = 4;
}

void arch_idle(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

_Noreturn void arch_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" ::: "memory");
}
