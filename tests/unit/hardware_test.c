/* Objects that stand for hardware: interrupts, I/O ports, devices with their ranges and DMA. */
#include "boot/boot_info.h"
#include "caps_model.h"
#include "fake_machine.h"
#include "mem/memory.h"
#include "obj/device.h"
#include "obj/ioport.h"
#include "obj/irq.h"
#include "sched/cpu.h"
#include "sched/irq.h"
#include "unit.h"

#define LEVEL_LINE 40u
#define EDGE_LINE  41u

static struct port *port;
static struct irq *irq;

static void irq_start(uint32_t line)
{
    caps_start();
    REQUIRE(port_create(job_root, 0, &port) == OK);
    REQUIRE(irq_create(job_root, line, NULL, &irq) == OK);
    EXPECT(!fake_irq_raise(line)); /* masked until it is bound */
    EXPECT(irq_acknowledge(irq) == ERR_bad_argument);
    EXPECT(irq_bind(irq, port, 0) == ERR_bad_argument);
    EXPECT(irq_bind(irq, port, 5) == OK && port->sources == 1);
}

static uint64_t bits(void)
{
    return atomic_exchange(&port->signals, 0);
}

TEST(irq_level_is_masked_until_acknowledged)
{
    irq_start(LEVEL_LINE);
    EXPECT(irq_acknowledge(irq) == OK && bits() == 0);
    EXPECT(fake_irq_raise(LEVEL_LINE) && bits() == 5);
    EXPECT(!fake_irq_raise(LEVEL_LINE) && bits() == 0);
    EXPECT(irq_acknowledge(irq) == OK && bits() == 0);
    EXPECT(fake_irq_raise(LEVEL_LINE) && bits() == 5);
}

TEST(irq_edge_is_remembered_once)
{
    irq_start(EDGE_LINE);
    EXPECT(fake_irq_raise(EDGE_LINE) && bits() == 5);
    EXPECT(fake_irq_raise(EDGE_LINE) && bits() == 0); /* taken, not told; the line is masked now */
    EXPECT(!fake_irq_raise(EDGE_LINE) && bits() == 0);
    EXPECT(irq_acknowledge(irq) == OK && bits() == 5);
    EXPECT(irq_acknowledge(irq) == OK && bits() == 0);
    EXPECT(fake_irq_raise(EDGE_LINE) && bits() == 5);
}

TEST(irq_bound_again_and_ended)
{
    struct port *other;
    irq_start(LEVEL_LINE);
    struct irq *second;
    EXPECT(irq_create(job_root, LEVEL_LINE, NULL, &second) == ERR_exists);
    REQUIRE(port_create(job_root, 0, &other) == OK);
    EXPECT(fake_irq_raise(LEVEL_LINE));
    EXPECT(irq_bind(irq, other, 3) == OK && port->sources == 0 && other->sources == 1);
    (void)bits();
    EXPECT(fake_irq_raise(LEVEL_LINE) && bits() == 0 && other->signals == 3);
    object_put(&irq->object);
    caps_settle();
    EXPECT(!fake_irq_raise(LEVEL_LINE) && other->sources == 0);
    EXPECT(irq_create(job_root, LEVEL_LINE, NULL, &irq) == OK);
    object_put(&irq->object);
    object_put(&port->object);
    object_put(&other->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}

TEST(irq_by_message)
{
    struct irq *some[3];
    caps_start();
    irq_find_messages();
    EXPECT(irq_create(job_root, IRQ_ANY_MESSAGE, NULL, &some[0]) == OK && some[0]->edge);
    EXPECT(irq_create(job_root, IRQ_ANY_MESSAGE, NULL, &some[1]) == OK);
    EXPECT(some[0]->line != some[1]->line && some[1]->line >= IRQ_LINES - 2);
    EXPECT(irq_create(job_root, IRQ_ANY_MESSAGE, NULL, &some[2]) == ERR_unsupported);
    EXPECT(irq_create(job_root, IRQ_LINES, NULL, &some[2]) == ERR_bad_argument);
    EXPECT(irq_create(job_root, UINT64_C(1) << 40, NULL, &some[2]) == ERR_bad_argument);
    caps_settle();
}

/* A controller that tells devices 0 to 9 apart, and what it was last told. */
static struct {
    uint32_t added, removed, line, device;
    phys_t frame;
} told;

static error_t told_add(uint32_t device, phys_t frame)
{
    told.frame = frame;
    told.added += device < 10;
    return device < 10 ? OK : ERR_unsupported;
}

static void told_remove(uint32_t device)
{
    EXPECT(device == told.device && told.line == IRQ_LINES);
    told.removed++;
}

static void told_connect(uint32_t line, uint32_t device)
{
    EXPECT(told.frame.pa != 0);
    told.line = line;
    told.device = device;
}

static void told_disconnect(uint32_t line)
{
    EXPECT(line == told.line);
    told.line = IRQ_LINES;
}

static struct device *device_make(uint64_t identity, uint64_t dma_end)
{
    struct abi_device description = {.identity = identity, .dma_end = dma_end};
    struct device *device;
    REQUIRE(device_create(job_root, &description, &device) == OK);
    return device;
}

TEST(irq_by_message_of_a_device)
{
    static const struct irq_devices devices = {told_add, told_remove, told_connect,
                                               told_disconnect};
    struct irq *some[2];
    caps_start();
    irq_find_messages();
    fake_irq_devices = &devices;
    struct device *device = device_make(UINT64_C(0x500000003), 0), *far = device_make(10, 0);
    EXPECT(irq_create(job_root, IRQ_ANY_MESSAGE, NULL, &some[0]) == ERR_unsupported);
    EXPECT(irq_create(job_root, IRQ_ANY_MESSAGE, far, &some[0]) == ERR_unsupported);
    EXPECT(irq_create(job_root, LEVEL_LINE, device, &some[0]) == ERR_bad_argument);
    EXPECT(told.added == 0);
    EXPECT(irq_create(job_root, IRQ_ANY_MESSAGE, device, &some[0]) == OK);
    EXPECT(told.device == 3 && told.line == some[0]->line && !fake_irq_raise(told.line));
    EXPECT(irq_create(job_root, IRQ_ANY_MESSAGE, device, &some[1]) == OK);
    EXPECT(told.added == 1 && told.line == some[1]->line);
    object_put(&device->object); /* the lines keep it */
    object_put(&far->object);
    object_put(&some[1]->object);
    caps_settle();
    EXPECT(told.line == IRQ_LINES && told.removed == 0);
    told.line = some[0]->line;
    object_put(&some[0]->object);
    caps_settle();
    EXPECT(told.removed == 1 && job_memory_used(job_root) == 0);
}

/* The CPU that binds it takes it, also after an acknowledgement. */
TEST(irq_comes_to_who_binds_it)
{
    irq_start(LEVEL_LINE);
    EXPECT(fake_irq_cpu == cpu_self());
    fake_irq_cpu = NULL;
    EXPECT(fake_irq_raise(LEVEL_LINE) && irq_acknowledge(irq) == OK);
    EXPECT(fake_irq_cpu == cpu_self());
}

TEST(ioport_ranges)
{
    struct ioport *ports;
    caps_start();
    EXPECT(ioport_create(job_root, 100, 0, &ports) == ERR_bad_argument);
    EXPECT(ioport_create(job_root, 65535, 2, &ports) == ERR_bad_argument);
    EXPECT(ioport_create(job_root, 65536, UINT32_MAX, &ports) == ERR_bad_argument);
    EXPECT(ioport_create(job_root, 10, 1, &ports) == ERR_denied);
    REQUIRE(ioport_create(job_root, 65532, 4, &ports) == OK);
    EXPECT(ioport_check(ports, 65532, 4) == OK && ioport_check(ports, 65535, 1) == OK);
    EXPECT(ioport_check(ports, 65535, 2) == ERR_bad_argument);
    EXPECT(ioport_check(ports, 65531, 1) == ERR_bad_argument);
    EXPECT(ioport_check(ports, 65536, 1) == ERR_bad_argument);
    EXPECT(ioport_check(ports, UINT64_MAX, 1) == ERR_bad_argument);
    EXPECT(ioport_check(ports, 65532, 3) == ERR_bad_argument);
    EXPECT(ioport_check(ports, 65532, 8) == ERR_bad_argument);
    EXPECT(ioport_check(ports, 65532, 0) == ERR_bad_argument);
}

static error_t device_with(uint64_t base, uint64_t size, uint64_t flags)
{
    struct abi_device description = {.identity = 7, .ranges = {[3] = {base, size, flags}}};
    struct device *device;
    error_t error = device_create(job_root, &description, &device);
    if (error == OK) {
        object_put(&device->object);
        caps_settle();
    }
    return error;
}

TEST(device_ranges_hold_no_memory)
{
    static const enum range_kind kinds[] = {RANGE_USABLE, RANGE_LOADER,       RANGE_MODULE,
                                            RANGE_KERNEL, RANGE_ACPI_RECLAIM, RANGE_ACPI_NVS,
                                            RANGE_BAD};
    caps_start();
    the_boot_info.range_count = 1;
    for (uint32_t i = 0; i < COUNT_OF(kinds); i++) {
        the_boot_info.ranges[0] = (struct boot_range){PHYS(0x10000), 0x4000, kinds[i]};
        EXPECT(device_with(0xf000, PAGE_SIZE, 0) == OK);
        EXPECT(device_with(0x14000, PAGE_SIZE, 0) == OK);
        EXPECT(device_with(0xf000, 2 * PAGE_SIZE, 0) == ERR_denied);
        EXPECT(device_with(0x13000, 2 * PAGE_SIZE, 0) == ERR_denied);
        EXPECT(device_with(0x11000, PAGE_SIZE, 0) == ERR_denied);
        EXPECT(device_with(0, 0x100000, 0) == ERR_denied);
    }
    the_boot_info.ranges[0].kind = RANGE_RESERVED;
    EXPECT(device_with(0x10000, 0x4000, 0) == OK);
    EXPECT(device_with(0x10000, 0x4000, DEVICE_COMBINE) == OK);
    EXPECT(device_with(0x10000, 0x4000, 2) == ERR_bad_argument);
    EXPECT(device_with(0x10800, PAGE_SIZE, 0) == ERR_bad_argument);
    EXPECT(device_with(0x10000, 0x800, 0) == ERR_bad_argument);
    EXPECT(device_with(UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE, 0) == ERR_bad_argument);
    EXPECT(device_with(PAGE_SIZE, UINT64_MAX - PAGE_SIZE + 1, 0) == ERR_bad_argument);
    EXPECT(device_with((UINT64_C(1) << 48) - PAGE_SIZE, 2 * PAGE_SIZE, 0) == ERR_bad_argument);
    the_machine.memory[0] = (struct machine_memory){PHYS(0x100000), 0x1000, 0};
    the_machine.memory_count = 1;
    EXPECT(device_with(0x100000, PAGE_SIZE, 0) == ERR_denied);
}

TEST(device_ranges_hold_nothing_of_the_kernel)
{
    caps_start();
    the_machine.lapic = PHYS(0xfee00000);
    the_machine.hpet = PHYS(0xfed00000);
    the_machine.ioapics[0].base = PHYS(0xfec00000);
    the_machine.ioapic_count = 1;
    the_machine.gic_distributor = PHYS(0x8000000);
    the_machine.gic_cpu_interface = PHYS(0x8010000);
    the_machine.gic_redist[0] = (struct machine_region){PHYS(0x80a0000), 0x40000};
    the_machine.gic_redist_count = 1;
    the_machine.uart_register =
        (struct machine_register){.space = SPACE_MEMORY, .address = 0x9000000};
    static const uint64_t own[] = {0xfee00000, 0xfed00000, 0xfec00000, 0x8000000,
                                   0x800f000,  0x8011000,  0x80d0000,  0x9000000};
    for (uint32_t i = 0; i < COUNT_OF(own); i++)
        EXPECT(device_with(own[i], PAGE_SIZE, 0) == ERR_denied);
    EXPECT(device_with(0xfeb00000, 0x200000, 0) == ERR_denied);
    EXPECT(device_with(0x9010000, PAGE_SIZE, 0) == OK);
}

TEST(device_keeps_memory_until_reset)
{
    uint64_t addresses[DMA_PAGES_MAX];
    struct job *driver;
    struct memory *memory;
    caps_start();
    REQUIRE(job_create(job_root, &driver) == OK);
    REQUIRE(memory_create(driver, 8 * PAGE_SIZE, &memory) == OK);
    struct device *device = device_make(9, UINT64_MAX);
    EXPECT(device_dma_map(device, driver, memory, 0, 4 * PAGE_SIZE, addresses) == OK);
    EXPECT(device_dma_map(device, driver, memory, PAGE_SIZE, PAGE_SIZE, addresses + 4) == OK);
    EXPECT(addresses[1] == addresses[4] && addresses[0] != addresses[1]);
    EXPECT(device_dma_unmap(device, memory, 0, PAGE_SIZE) == ERR_not_found);
    EXPECT(device_dma_unmap(device, memory, PAGE_SIZE, PAGE_SIZE) == OK);
    /* The driver and its job go, and then who held the device. */
    object_put(&memory->object);
    object_put(&driver->object);
    object_put(&device->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) != 0);
    EXPECT(device_make(9, UINT64_MAX) == device);
    EXPECT(device_reset_step(device) && !device_reset_step(device));
    object_put(&device->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}

TEST(device_dma_is_bounded)
{
    uint64_t addresses[DMA_PAGES_MAX];
    struct memory *memory, *registers;
    caps_start();
    REQUIRE(memory_create(job_root, 64 * PAGE_SIZE, &memory) == OK);
    struct device *device = device_make(9, 0);
    EXPECT(device_dma_map(device, job_root, memory, 0, PAGE_SIZE, addresses) == ERR_denied);
    object_put(&device->object);
    caps_settle();
    device = device_make(9, UINT64_MAX);
    EXPECT(device_dma_map(device, job_root, memory, 0, 0, addresses) == ERR_bad_argument);
    EXPECT(device_dma_map(device, job_root, memory, 0, 33 * PAGE_SIZE, addresses) ==
           ERR_bad_argument);
    EXPECT(device_dma_map(device, job_root, memory, UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE,
                          addresses) == ERR_bad_argument);
    EXPECT(device_dma_map(device, job_root, memory, 62 * PAGE_SIZE, 4 * PAGE_SIZE, addresses) ==
           ERR_bad_address);
    REQUIRE(memory_create_physical(job_root, PHYS(0x1000), PAGE_SIZE, MAP_DEVICE, &registers) ==
            OK);
    EXPECT(device_dma_map(device, job_root, registers, 0, PAGE_SIZE, addresses) == ERR_unsupported);
    object_put(&registers->object);
    object_put(&memory->object);
    object_put(&device->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0); /* what failed left nothing pinned */
}
