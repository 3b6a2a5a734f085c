/*
 * The kernel's start, as a table of contents.
 *
 * arch/ calls kernel_main on the boot stack with the early map (arch/boot.h). Memory is set up
 * here, in an order that nothing can change; everything later is a subsystem on the ladder.
 */
#include "boot/main.h"
#include "arch/boot.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "arch/user.h"
#include "boot/inventory.h"
#include "boot/machine.h"
#include "boot/root.h"
#include "boot/subsystem.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/boot_alloc.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "mem/image.h"
#include "mem/vmap.h"
#include "monitor/monitor.h"
#include "sched/clock.h"
#include "sched/smp.h"
#include "selftest/selftest.h"
#include "syscall/restart.h"
#include "trace/log.h"
#include "trace/panic.h"

struct boot_info the_boot_info;

/* `log=LEVEL` of the command line. */
static void set_log_level(void)
{
    char word[16];
    enum log_level level;
    if (!boot_option(&the_boot_info, "log", word, sizeof(word)))
        return;
    if (log_level_parse(word, &level))
        log_set_level(level);
    else
        log_warn("boot", "log=%s: not one of error, warn, info, debug", word);
}

/* `panic=early` of the command line: shows that a panic is heard before the consoles start. */
static void panic_if_asked(void)
{
    char word[16];
    if (boot_option(&the_boot_info, "panic", word, sizeof(word)) && strcmp(word, "early") == 0)
        panic("asked for by the command line");
}

static void read_firmware(void)
{
    error_t acpi = OK, fdt = OK;
    if (the_boot_info.rsdp.pa != 0)
        acpi = acpi_read(&the_machine, the_boot_info.rsdp);
    if (acpi != OK)
        machine_fault(&the_machine, "ACPI is of no use", acpi);
    if (the_boot_info.fdt.pa != 0)
        fdt = fdt_read(&the_machine, the_boot_info.fdt);
    if (fdt != OK)
        machine_fault(&the_machine, "the device tree is of no use", fdt);
    machine_finish(&the_machine, arch_hardware_id());
}

/* The end of the stretch from `at` that belongs to one node. */
static uint64_t node_boundary(uint64_t at, uint64_t end)
{
    for (uint32_t i = 0; i < the_machine.memory_count; i++) {
        uint64_t base = the_machine.memory[i].base.pa, last = base + the_machine.memory[i].size;
        if (base > at)
            end = min_u64(end, base);
        else if (last > at)
            end = min_u64(end, last);
    }
    return end;
}

static void give_frames(phys_t base, uint64_t size)
{
    uint64_t end = base.pa + size;
    uint64_t at = max_u64(base.pa, arch_memory_floor().pa);
    while (at < end) {
        uint64_t next = node_boundary(at, end);
        error_t error =
            frame_add_region(PHYS(at), next - at, machine_node_of(&the_machine, PHYS(at)));
        if (error != OK)
            log_warn("boot", "memory at 0x%lx, 0x%lx bytes, is left unused: %s", at, next - at,
                     error_text(error));
        log_debug("boot", "memory at 0x%lx, 0x%lx bytes, is free", at, next - at);
        at = next;
    }
}

static uint32_t node_distance(uint32_t from, uint32_t to)
{
    return the_machine.distance[from][to];
}

static bool becomes_free(const struct boot_range *range)
{
    return range->kind == RANGE_USABLE || range->kind == RANGE_LOADER;
}

/* What the loader used is free by now: all of it has been read and copied. */
static void memory_init(void)
{
    for (uint32_t i = 0; i < the_boot_info.range_count; i++) {
        const struct boot_range *range = &the_boot_info.ranges[i];
        error_t error = becomes_free(range) ? vmap_frame_database(range->base, range->size) : OK;
        if (error != OK)
            panic("no memory for the frame database: %s", error_text(error));
    }
    boot_alloc_end(give_frames);
    for (uint32_t i = 0; i < the_boot_info.range_count; i++) {
        const struct boot_range *range = &the_boot_info.ranges[i];
        if (range->kind == RANGE_LOADER)
            give_frames(range->base, range->size);
    }
    frame_order_nodes(the_machine.node_count, node_distance);
    vmap_use_frames();
    heap_init();
}

static void boot_cpu_init(void)
{
    boot_cpu.hardware_id = arch_hardware_id();
    boot_cpu.node = the_machine.cpus[0].node;
    error_t error =
        vmap_stack(KERNEL_STACK_SIZE, boot_cpu.node, &boot_cpu.stack_low, &boot_cpu.stack_high);
    if (error == OK)
        error = arch_trap_prepare(&boot_cpu);
    if (error != OK)
        panic("no memory for the boot CPU's stacks: %s", error_text(error));
    arch_trap_init_cpu();
    arch_user_init_cpu();
}

/* On the boot CPU's own stack, with guard pages. */
static void kernel_main_climb(void)
{
    ladder_climb();
    inventory_print();
    selftest_run();
    restart_init();
    root_start();
    monitor_start();
    cpu_set_idle_work(monitor_poll);
    cpu_idle_loop();
}

_Noreturn void kernel_main(error_t error)
{
    struct boot_info *info = &the_boot_info;
    clock_start();
    arch_early_init();
    if (error != OK)
        panic("boot protocol %s: %s", info->protocol, error_text(error));
    set_log_level();
    (void)boot_info_add_range(info, info->kernel_base, info->kernel_size, RANGE_KERNEL);
    error = boot_info_normalise(info);
    if (error != OK)
        panic("the memory map of %s is of no use: %s", info->protocol, error_text(error));
    uint64_t floor = max_u64(arch_memory_floor().pa, arch_early_floor().pa);
    boot_alloc_init(info, PHYS(floor), arch_early_ceiling());
    vmap_init(info);
    machine_init(&the_machine);
    read_firmware();
    panic_if_asked();
    memory_init();
    boot_cpu_init();
    arch_switch_stack(boot_cpu.stack_high, kernel_main_climb);
}
