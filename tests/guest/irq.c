/*
 * Native test: interrupts, I/O ports, devices.
 *
 * There is a device of the machine itself that raises its line when it is told to: the keyboard's
 * controller where there are ports (an edge), else a real-time clock (a level).
 */
#include "hardware.h"
#include "sys/checkpoint.h"
#include "sys/child.h"
#include <guest_arch.h>
#include <state.h>

#define BITS                     UINT64_C(0x30)
#define PORT_RANGE(first, count) ((uint64_t)(count) << 16 | (first))

/* Of the keyboard's controller. */
#define KEY_DATA    0x60
#define KEY_COMMAND 0x64
#define KEY_LINE    1

/* Of the real-time clock PL031. */
#define CLOCK_BASE UINT64_C(0x09010000)
#define CLOCK_LINE 34
enum { CLOCK_DATA = 0, CLOCK_MATCH = 1, CLOCK_LETS = 4, CLOCK_CLEAR = 7 };

static slot_t port, irq, key_data, key_command, device;
static bool has_ports;
static volatile uint32_t *clock;

static error_t with_range(uint64_t identity, uint64_t base, uint64_t size, slot_t *created)
{
    const struct abi_device_range ranges[2] = {{.base = base, .size = size}};
    return device_create(identity, ranges, created);
}

/* The byte for the command. */
static void key_write(uint64_t command, uint64_t value)
{
    EXPECT(tern_ioport_write(key_command, KEY_COMMAND, 1, command) == OK);
    EXPECT(tern_ioport_write(key_data, KEY_DATA, 1, value) == OK);
}

static void device_ready(void)
{
    if (has_ports)
        key_write(0x60, 1); /* interrupts for keys */
    else
        clock[CLOCK_LETS] = 1;
}

static void device_raise(void)
{
    if (has_ports) {
        key_write(0xd2, 0x55); /* comes back as if it were a key */
        return;
    }
    uint32_t seconds;
    do {
        seconds = clock[CLOCK_DATA];
        clock[CLOCK_MATCH] = seconds;
    } while (clock[CLOCK_DATA] != seconds);
}

static void device_quiet(void)
{
    uint64_t value = 0;
    if (!has_ports)
        clock[CLOCK_CLEAR] = 1;
    else
        EXPECT(tern_ioport_read(key_data, KEY_DATA, 1, &value) == OK);
}

TEST(ioport_rights)
{
    slot_t other = {0}, weak = {0};
    uint64_t value = 0;
    error_t error = create(OBJECT_ioport, NO_SLOT, PORT_RANGE(KEY_DATA, 1), &key_data);
    EXPECT(error == OK || error == ERR_unsupported);
    has_ports = error == OK;
    if (!has_ports)
        return;
    EXPECT(create(OBJECT_ioport, NO_SLOT, PORT_RANGE(KEY_COMMAND, 1), &key_command) == OK);
    static const struct {
        uint32_t first, count;
        error_t error;
    } cases[] = {
        {0x20, 1, ERR_denied},        {0x3f, 2, ERR_denied},        {0xa1, 1, ERR_denied},
        {0x61, 1, ERR_denied},        {0, 65536, ERR_denied},       {0x3f8, 8, ERR_denied},
        {0xcf9, 1, ERR_denied},       {0x300, 0, ERR_bad_argument}, {0xffff, 2, ERR_bad_argument},
        {0, 65537, ERR_bad_argument},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++)
        EXPECT(create(OBJECT_ioport, NO_SLOT, PORT_RANGE((uint64_t)cases[i].first, cases[i].count),
                      &other) == cases[i].error);
    EXPECT(create(OBJECT_ioport, NO_SLOT, PORT_RANGE(0xcf8, 8), &other) == OK);
    EXPECT(tern_ioport_write(other, 0xcf9, 1, 6) == ERR_denied); /* reset */
    EXPECT(tern_ioport_write(other, 0xcf8, 4, 0x80000000) == OK);
    EXPECT(tern_ioport_read(other, 0xcfc, 4, &value) == OK && (value & 0xffff) == 0x8086);
    EXPECT(tern_ioport_read(other, 0xcf7, 1, &value) == ERR_bad_argument);
    EXPECT(tern_ioport_read(other, 0xcff, 2, &value) == ERR_bad_argument);
    EXPECT(tern_ioport_read(other, 0xcfc, 3, &value) == ERR_bad_argument);
    EXPECT(tern_cap_derive(other, (rights_t){RIGHT_read | RIGHT_write}, 0, &weak) == OK);
    EXPECT(tern_ioport_read(weak, 0xcfc, 4, &value) == ERR_denied);
    EXPECT(tern_cap_delete(weak) == OK && tern_cap_delete(other) == OK);
}

/* Hardware is the first job's, and of it only theirs who may control it. */
TEST(hardware_authority)
{
    static const enum object_kind kinds[] = {OBJECT_irq, OBJECT_ioport, OBJECT_device};
    slot_t job = {0}, weak = {0}, made = {0};
    EXPECT(create(OBJECT_job, NO_SLOT, 0, &job) == OK);
    EXPECT(tern_cap_derive(JOB, (rights_t){RIGHT_create}, 0, &weak) == OK);
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        EXPECT(tern_object_create(job, kinds[i], NO_SLOT, KEY_LINE, &made) == ERR_denied);
        EXPECT(tern_object_create(weak, kinds[i], NO_SLOT, KEY_LINE, &made) == ERR_denied);
    }
    EXPECT(tern_cap_delete(job) == OK && tern_cap_delete(weak) == OK);
}

/* RAM, the kernel's devices, and what is no range. */
TEST(device_ranges)
{
    static const struct {
        uint64_t base, size;
        error_t error;
    } cases[] = {
        {0, PAGE, ERR_denied},
        {UINT64_C(0x40000000), UINT64_C(0xc0000000), ERR_denied},
        {0, UINT64_C(0x80000000), ERR_denied},
        {1, PAGE, ERR_bad_argument},
        {PAGE, 1, ERR_bad_argument},
        {-PAGE, PAGE, ERR_bad_argument},
        {PAGE, -PAGE, ERR_bad_argument},
        {UINT64_C(1) << 52, PAGE, ERR_bad_argument},
    };
    slot_t made = {0};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        error_t error = with_range(77, cases[i].base, cases[i].size, &made);
        bool hole = i == 0 && error == OK; /* there are machines without RAM at 0 */
        EXPECT(error == cases[i].error || hole);
        if (error == OK)
            EXPECT(tern_cap_delete(made) == OK);
    }
    uint64_t own = has_ports ? UINT64_C(0xfee00000) : UINT64_C(0x08000000);
    EXPECT(with_range(77, own, PAGE, &made) == ERR_denied);
    EXPECT(with_range(0, 0, 0, &made) == ERR_bad_argument);
}

TEST(irq_of_a_device)
{
    uint64_t address = 1, data = 1;
    REQUIRE(sys_port_create(0, &port) == OK);
    if (!has_ports) {
        REQUIRE(with_range(1, CLOCK_BASE, PAGE, &device) == OK);
        clock = registers_map(device, 0);
    }
    uint64_t line = has_ports ? KEY_LINE : CLOCK_LINE;
    REQUIRE(create(OBJECT_irq, NO_SLOT, line, &irq) == OK);
    slot_t again = {0};
    EXPECT(create(OBJECT_irq, NO_SLOT, line, &again) == ERR_exists);
    EXPECT(create(OBJECT_irq, NO_SLOT, 5000, &again) == ERR_bad_argument);
    EXPECT(tern_irq_acknowledge(irq) == ERR_bad_argument); /* not bound */
    EXPECT(tern_irq_bind(irq, port, 0, &address, &data) == ERR_bad_argument);
    EXPECT(tern_irq_bind(irq, port, BITS, &address, &data) == OK);
    EXPECT(address == 0 && data == 0);
    device_ready();
    for (unsigned i = 0; i < 20; i++) {
        EXPECT(bits_until(port, DEADLINE_POLL) == 0);
        device_raise();
        EXPECT(bits_within(port, LONG_MS) == BITS);
        device_quiet();
        EXPECT(tern_irq_acknowledge(irq) == OK);
    }
}

/* Nothing more comes until it was acknowledged; then a level that still stands, or an edge that
 * came meanwhile, does. */
TEST(irq_acknowledge)
{
    device_raise();
    EXPECT(bits_within(port, LONG_MS) == BITS);
    if (has_ports) {
        device_quiet();
        device_raise();
    }
    EXPECT(bits_within(port, 3) == 0);
    EXPECT(tern_irq_acknowledge(irq) == OK);
    EXPECT(bits_within(port, LONG_MS) == BITS);
    device_quiet();
    EXPECT(tern_irq_acknowledge(irq) == OK);
    EXPECT(bits_within(port, 3) == 0);
    EXPECT(tern_irq_acknowledge(irq) == OK); /* nothing to acknowledge */
}

/* Bound again: other bits. Its end masks the line and frees it. */
TEST(irq_life)
{
    uint64_t address, data;
    slot_t weak = {0};
    EXPECT(tern_irq_bind(irq, port, 1, &address, &data) == OK);
    device_raise();
    EXPECT(bits_within(port, LONG_MS) == 1);
    device_quiet();
    EXPECT(tern_cap_derive(irq, (rights_t){RIGHT_read}, 0, &weak) == OK);
    EXPECT(tern_irq_acknowledge(weak) == ERR_denied);
    EXPECT(tern_irq_bind(weak, port, 1, &address, &data) == ERR_denied);
    EXPECT(tern_cap_delete(weak) == OK && tern_irq_acknowledge(irq) == OK);
    EXPECT(tern_cap_delete(irq) == OK);
    uint64_t line = has_ports ? KEY_LINE : CLOCK_LINE;
    error_t error = create(OBJECT_irq, NO_SLOT, line, &irq);
    for (unsigned i = 0; i < 1000000 && error == ERR_exists; i++) { /* the reaper's work */
        (void)tern_yield();
        error = create(OBJECT_irq, NO_SLOT, line, &irq);
    }
    (void)bits_until(port, DEADLINE_POLL);
    device_raise();
    EXPECT(bits_within(port, 3) == 0); /* not bound */
    device_quiet();
    EXPECT(error == OK);
    EXPECT(tern_cap_delete(irq) == OK);
}

/* What cannot be exported: it says so, and a table's slots say what it is. */
TEST(hardware_is_not_exported)
{
    slot_t made[3] = {{0}};
    uint64_t size = 0, next = 0;
    unsigned count = 2;
    EXPECT(with_range(78, 0, 0, &made[0]) == OK);
    EXPECT(create(OBJECT_irq, NO_SLOT, has_ports ? KEY_LINE : CLOCK_LINE, &made[1]) == OK);
    if (has_ports)
        EXPECT(create(OBJECT_ioport, NO_SLOT, PORT_RANGE(KEY_DATA, 1), &made[count++]) == OK);
    for (unsigned i = 0; i < count; i++) {
        EXPECT(tern_object_info(made[i], 0, 0, &size, &next) == ERR_unsupported);
        EXPECT(tern_object_set(made[i], 0, 0, 0, NO_SLOT) == ERR_unsupported);
        EXPECT(tern_object_info(self_process(), STATE_process_slot, (uint32_t)made[i].value, &size,
                                &next) == OK);
        const struct state_process_slot slot = *(const struct state_process_slot *)sys_page;
        EXPECT(slot.handle.value == made[i].value && slot.kind >= OBJECT_irq);
        EXPECT((OBJECTS_EXPORTABLE >> slot.kind & 1) == 0);
        drop(made[i]);
    }
    EXPECT((OBJECTS_EXPORTABLE >> OBJECT_port & 1) == 1);
}

/* A job that holds hardware stays where it is; why, is told by the capability's place. */
TEST(hardware_keeps_a_job_here)
{
    static uint8_t stream[4096] __attribute__((aligned(8)));
    static struct checkpoint checkpoint = {.stream = stream, .size = sizeof(stream)};
    static const uint64_t kinds[] = {OBJECT_irq, OBJECT_device, OBJECT_memory};
    slot_t made[COUNT_OF(kinds)] = {{0}}, job = {0}, process = {0};
    EXPECT(create(OBJECT_irq, NO_SLOT, has_ports ? KEY_LINE : CLOCK_LINE, &made[0]) == OK);
    EXPECT(with_range(79, GUEST_ECAM, PAGE, &made[1]) == OK);
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        EXPECT(create(OBJECT_job, NO_SLOT, 0, &job) == OK);
        EXPECT(tern_object_create(job, OBJECT_process, NO_SLOT, 0, &process) == OK);
        if (kinds[i] == OBJECT_memory)
            EXPECT(tern_object_create(job, OBJECT_memory, made[1], 0, &made[i]) == OK);
        EXPECT(checkpoint_save(&checkpoint, job) == OK);
        checkpoint_forget(&checkpoint);
        EXPECT(sys_child_give(process, 5, made[i], RIGHTS_ALL, 0) == OK);
        EXPECT(checkpoint_save(&checkpoint, job) == ERR_unsupported);
        EXPECT(checkpoint.refused.kind == kinds[i]);
        EXPECT(checkpoint.refused.handle.value == sys_child_slot(5).value);
        EXPECT(checkpoint_destroy(&checkpoint) == OK); /* gives `job` up, too */
        drop(process);
    }
    for (unsigned i = 0; i < COUNT_OF(kinds); i++)
        drop(made[i]);
}

/* What is pinned outlives the driver, until the device was reset. */
TEST(dma_and_quarantine)
{
    slot_t disk = {0}, driver = {0}, memory = {0}, again = {0}, registers = {0};
    uint64_t *addresses = sys_page;
    REQUIRE(with_range(42, 0, 0, &disk) == OK);
    EXPECT(with_range(42, 0, 0, &again) == ERR_exists);
    EXPECT(tern_cap_derive(disk, (rights_t){RIGHT_drive}, 0, &driver) == OK);
    EXPECT(create(OBJECT_memory, driver, 0, &registers) == ERR_bad_argument); /* none */
    EXPECT(create(OBJECT_memory, NO_SLOT, 16 * PAGE, &memory) == OK);
    EXPECT(tern_dma_map(driver, memory, PAGE, 3 * PAGE) == OK);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(addresses[i] != 0 && (addresses[i] & (PAGE - 1)) == 0);
    EXPECT(tern_dma_map(driver, memory, 1, PAGE) == ERR_bad_argument);
    EXPECT(tern_dma_map(driver, memory, 0, 64 * PAGE) == ERR_bad_argument);
    EXPECT(tern_dma_map(driver, memory, 15 * PAGE, 2 * PAGE) == ERR_bad_address);
    EXPECT(tern_dma_map(driver, port, 0, PAGE) == ERR_denied);
    EXPECT(tern_dma_unmap(driver, memory, 0, 3 * PAGE) == ERR_not_found);
    EXPECT(tern_dma_unmap(driver, memory, PAGE, 3 * PAGE) == OK);
    EXPECT(tern_dma_map(driver, memory, 0, 2 * PAGE) == OK);
    EXPECT(tern_device_reset(driver) == ERR_denied);
    EXPECT(tern_cap_delete(driver) == OK);
    /* All capabilities go; the identity brings what is pinned back. */
    EXPECT(tern_cap_delete(disk) == OK);
    EXPECT(with_range(42, 0, 0, &disk) == OK);
    EXPECT(tern_dma_unmap(disk, memory, 0, 2 * PAGE) == OK);
    EXPECT(tern_dma_map(disk, memory, 0, PAGE) == OK);
    EXPECT(tern_dma_map(disk, memory, 0, PAGE) == OK); /* twice is right */
    EXPECT(tern_device_reset(disk) == OK);
    EXPECT(tern_dma_unmap(disk, memory, 0, PAGE) == ERR_not_found);
    EXPECT(tern_cap_delete(memory) == OK && tern_cap_delete(disk) == OK);
}
