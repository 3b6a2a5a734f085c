/* Device trees: two machines, read right; then cut, broken, and too deep. */
#include "blobs.h"
#include "boot/fdt.h"
#include "unit.h"

#include <string.h>

static struct machine machine;
static struct boot_info info;
static struct blob blob;

static error_t read_blob(void)
{
    machine_init(&machine);
    (void)blob_load(&blob);
    return fdt_read(&machine, PHYS(BLOB_BASE));
}

static error_t read_image(void)
{
    boot_info_init(&info, "image");
    (void)blob_load(&blob);
    return image_read(&info, PHYS(BLOB_BASE));
}

TEST(fdt_machine_cpus_and_nodes)
{
    static const uint64_t ids[] = {0, 1, 0x100};
    static const uint32_t indices[] = {0, 1, 3};
    blob_fdt_gic3(&blob);
    EXPECT(read_blob() == OK && machine.fault_count == 0 && machine.from_fdt);
    REQUIRE(machine.cpu_count == 3 && machine.node_count == 2 && machine.memory_count == 4);
    for (size_t i = 0; i < 3; i++) {
        EXPECT(machine.cpus[i].hardware_id == ids[i]);
        EXPECT(machine.cpus[i].firmware_id == indices[i]);
        EXPECT(machine.cpus[i].node == (i == 0 ? 0 : 1));
    }
    EXPECT(machine_node_of(&machine, PHYS(0x48000000)) == 1);
    EXPECT(machine_node_of(&machine, PHYS(0x847ffffff)) == 0);
    EXPECT(machine_node_of(&machine, PHYS(0x848000000)) == 1);
    machine_finish(&machine, 0);
    EXPECT(machine.distance[0][1] == 33 && machine.distance[1][0] == 33);
}

TEST(fdt_machine_gic3)
{
    blob_fdt_gic3(&blob);
    EXPECT(read_blob() == OK);
    EXPECT(machine.gic_version == 3 && machine.gic_distributor.pa == 0x8000000);
    REQUIRE(machine.gic_redist_count == 2);
    EXPECT(machine.gic_redist[0].base.pa == 0x80a0000 && machine.gic_redist[0].size == 0xf60000);
    EXPECT(machine.gic_redist[1].base.pa == 0x4000000000);
    EXPECT(machine.gic_its.pa == 0x8080000 && machine.gic_v2m.size == 0);
    EXPECT(machine.timer_virtual_irq == 27 && machine.timer_physical_irq == 30);
    EXPECT(machine.power == POWER_PSCI_HVC);
    EXPECT(machine.uart == UART_PL011 && machine.uart_irq == 40); /* the second, by its alias */
    EXPECT(machine.uart_register.address == 0x9040000);
    EXPECT(machine.uart_register.space == SPACE_MEMORY && machine.uart_register.width == 32);
    REQUIRE(machine.pcie_count == 1);
    EXPECT(machine.pcie[0].base.pa == 0x4010000000 && machine.pcie[0].size == 0x10000000);
    EXPECT(machine.pcie_first[0] == 2);
    EXPECT(machine.pcie_memory[0].base.pa == 0x10000000);
    EXPECT(machine.pcie_memory[0].size == 0x2eff0000);
}

TEST(fdt_machine_gic2_behind_buses)
{
    blob_fdt_gic2(&blob);
    EXPECT(read_blob() == OK && machine.fault_count == 0);
    EXPECT(machine.gic_version == 2 && machine.gic_distributor.pa == 0x8000000);
    EXPECT(machine.gic_cpu_interface.pa == 0x8010000);
    EXPECT(machine.gic_v2m.base.pa == 0x8020000 && machine.gic_v2m.size == 0x1000);
    EXPECT(machine.power == POWER_PSCI_SMC);
    EXPECT(machine.uart == UART_16550 && machine.uart_register.address == 0x5000200);
    EXPECT(machine.uart_register.width == 8 && machine.uart_irq == 37);
}

TEST(fdt_image_reads_the_hand_over)
{
    blob_fdt_gic3(&blob);
    EXPECT(read_image() == OK && info.fault_count == 0);
    EXPECT(strcmp(info.command_line, "console=serial log=debug") == 0);
    EXPECT(info.fdt.pa == BLOB_BASE && info.rsdp.pa == 0);
    REQUIRE(info.module_count == 1);
    EXPECT(strcmp(info.modules[0].name, "initrd") == 0);
    EXPECT(info.modules[0].base.pa == 0x48000000 && info.modules[0].size == 0x1800);
    EXPECT(boot_info_total(&info, RANGE_USABLE) == 0x20000000);
    EXPECT(boot_info_total(&info, RANGE_RESERVED) == 0x2000 + 0x3000 + 0x1000);
    EXPECT(boot_info_total(&info, RANGE_ACPI_RECLAIM) == blob.size);
    EXPECT(boot_info_normalise(&info) == OK);
    EXPECT(boot_info_total(&info, RANGE_USABLE) == 0x20000000 - 0x6000 - 0x2000);
}

/* Root and all below name a controller whose interrupts have four cells; one other has two. */
static void add_four_cells(struct fdt_writer *writer)
{
    FDT_CELLS(writer, "#address-cells", 1);
    FDT_CELLS(writer, "#size-cells", 1);
    FDT_CELLS(writer, "interrupt-parent", 7);
    fdt_write_begin(writer, "timer");
    fdt_write_text(writer, "compatible", "arm,armv8-timer");
    FDT_CELLS(writer, "interrupts", 1, 13, 4, 0, 1, 12, 4, 0, 1, 9, 4, 0, 1, 8, 4, 0);
    fdt_write_end(writer);
    fdt_write_begin(writer, "serial");
    fdt_write_text(writer, "compatible", "arm,pl011");
    FDT_CELLS(writer, "reg", 0x9000000, 0x1000);
    FDT_CELLS(writer, "interrupt-parent", 8);
    FDT_CELLS(writer, "interrupts", 1, 2, 1);
    fdt_write_end(writer);
    fdt_write_begin(writer, "other");
    FDT_CELLS(writer, "phandle", 8);
    FDT_CELLS(writer, "#interrupt-cells", 2);
    fdt_write_end(writer);
    fdt_write_begin(writer, "gic");
    FDT_CELLS(writer, "phandle", 7);
    FDT_CELLS(writer, "#interrupt-cells", 4);
    fdt_write_end(writer);
}

/* A tree with a root and what `add` puts into it. */
static void make_tree(void (*add)(struct fdt_writer *writer))
{
    static struct fdt_writer writer;
    fdt_write_start(&writer);
    fdt_write_begin(&writer, "");
    add(&writer);
    fdt_write_end(&writer);
    fdt_write_finish(&writer, &blob);
}

static void add_nothing(struct fdt_writer *writer)
{
    (void)writer;
}

TEST(fdt_interrupts_of_four_cells)
{
    make_tree(add_four_cells);
    EXPECT(read_blob() == OK);
    EXPECT(machine.timer_physical_irq == 28 && machine.timer_virtual_irq == 25);
    EXPECT(machine.uart == UART_PL011 && machine.uart_irq == 0);
}

TEST(fdt_empty_tree)
{
    make_tree(add_nothing);
    EXPECT(read_image() == ERR_not_found);
    EXPECT(read_blob() == OK && machine.cpu_count == 0 && machine.fault_count == 1);
}

static void add_deep(struct fdt_writer *writer)
{
    for (int i = 0; i < 40; i++)
        fdt_write_begin(writer, "deep");
    for (int i = 0; i < 40; i++)
        fdt_write_end(writer);
    fdt_write_begin(writer, "after");
    fdt_write_end(writer);
}

TEST(fdt_deep_nodes_are_passed_over)
{
    static const char path[] = "/after";
    struct fdt fdt;
    struct fdt_walk walk;
    unsigned nodes = 0;
    make_tree(add_deep);
    (void)blob_load(&blob);
    REQUIRE(fdt_open(&fdt, PHYS(BLOB_BASE)) == OK);
    fdt_walk_start(&walk, &fdt);
    while (fdt_walk_next(&walk))
        nodes++;
    EXPECT(walk.error == OK && nodes == FDT_DEPTH_MAX + 1);
    EXPECT(!fdt_walk_next(&walk));
    EXPECT(fdt_walk_find(&walk, &fdt, path, sizeof(path) - 1) && walk.depth == 1);
    EXPECT(fdt_walk_find(&walk, &fdt, "/", 1) && walk.depth == 0);
    EXPECT(fdt_walk_find(&walk, &fdt, "/deep/deep", 10) && walk.depth == 2);
    EXPECT(!fdt_walk_find(&walk, &fdt, "/aft", 4) && walk.error == OK);
    EXPECT(!fdt_walk_find(&walk, &fdt, "/after/", 7));
}

static void add_values(struct fdt_writer *writer)
{
    fdt_write_begin(writer, "node@1");
    FDT_CELLS(writer, "one", 7);
    FDT_CELLS(writer, "two", 1, 2);
    FDT_CELLS(writer, "three", 1, 2, 3);
    fdt_write_bytes(writer, "list", "ab\0cd", 6);
    fdt_write_bytes(writer, "open", "ab\0cd", 5);
    fdt_write_text(writer, "status", "reserved");
    FDT_CELLS(writer, "reg", 1, 2);
    fdt_write_end(writer);
}

TEST(fdt_values)
{
    struct fdt fdt;
    struct fdt_walk walk;
    struct fdt_value value;
    struct fdt_region region;
    uint64_t number = 0;
    make_tree(add_values);
    (void)blob_load(&blob);
    REQUIRE(fdt_open(&fdt, PHYS(BLOB_BASE)) == OK);
    REQUIRE(fdt_walk_find(&walk, &fdt, "/node@1", 7));
    EXPECT(fdt_property_number(&walk, "one", &number) && number == 7);
    EXPECT(fdt_property_number(&walk, "two", &number) && number == 0x100000002);
    EXPECT(!fdt_property_number(&walk, "three", &number));
    EXPECT(!fdt_property_number(&walk, "on", &number));
    EXPECT(fdt_property(&walk, "three", &value) && value.size == 12);
    EXPECT(fdt_number(&value, 1, 2, &number) && number == 0x200000003);
    EXPECT(!fdt_number(&value, 2, 2, &number) && !fdt_number(&value, 0, 3, &number));
    EXPECT(fdt_property_has(&walk, "list", "ab") && fdt_property_has(&walk, "list", "cd"));
    EXPECT(!fdt_property_has(&walk, "list", "d") && !fdt_property_has(&walk, "list", "a"));
    EXPECT(!fdt_property_has(&walk, "open", "cd") && fdt_property_has(&walk, "open", "ab"));
    EXPECT(!fdt_enabled(&walk));
    EXPECT(fdt_name_is(&walk, 1, "node") && !fdt_name_is(&walk, 1, "nod"));
    EXPECT(!fdt_reg(&walk, 0, &region)); /* 2 and 1 cells are the default: one is missing */
    EXPECT(walk.levels[0].address_cells == 2 && walk.levels[0].size_cells == 1);
}

TEST(fdt_header_is_checked)
{
    static const struct {
        uint32_t field, value;
        error_t error;
    } cases[] = {{0, 0xd00dfeee, ERR_malformed}, {4, 39, ERR_malformed},
                 {4, 0x10000, ERR_truncated},    {8, 0x10000, ERR_malformed},
                 {8, 73, ERR_malformed},         {12, 0x10000, ERR_malformed},
                 {16, 0x10000, ERR_malformed},   {20, 16, ERR_unsupported},
                 {24, 18, ERR_unsupported},      {32, 0x10000, ERR_malformed},
                 {36, 0xfffffff0, ERR_malformed}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        blob_fdt_gic2(&blob);
        uint32_t end = blob.size;
        blob.size = cases[i].field;
        (void)blob_big(&blob, cases[i].value, 4);
        blob.size = end;
        EXPECT(read_blob() == cases[i].error && !machine.from_fdt);
        EXPECT(read_image() == cases[i].error);
    }
}

TEST(fdt_survives_every_cut)
{
    blob_fdt_gic3(&blob);
    uint32_t whole = blob.size;
    for (blob.size = 0; blob.size < whole; blob.size++) {
        EXPECT(read_blob() == ERR_truncated);
        EXPECT(read_image() == ERR_truncated);
    }
}

/* The struct block ends early while the header is right about it. */
TEST(fdt_survives_every_cut_of_the_structs)
{
    blob_fdt_gic3(&blob);
    uint32_t end = blob.size, whole = 0;
    for (uint32_t i = 0; i < 4; i++)
        whole = whole << 8 | blob.bytes[36 + i];
    for (uint32_t size = 0; size < whole; size++) {
        blob.size = 36;
        (void)blob_big(&blob, size, 4);
        blob.size = end;
        EXPECT(read_blob() == OK && machine.fault_count != 0);
        EXPECT(read_image() != OK || info.fault_count != 0);
    }
}

/* A device at `at` on a bus that shows [0x1000, 0x2000) at 0x81000, or nothing. */
static void add_bus(struct fdt_writer *writer, uint32_t at, bool ranges)
{
    fdt_write_begin(writer, "bus");
    FDT_CELLS(writer, "#address-cells", 1);
    FDT_CELLS(writer, "#size-cells", 1);
    if (ranges)
        FDT_CELLS(writer, "ranges", 0x1000, 0, 0x81000, 0x1000);
    fdt_write_begin(writer, "serial");
    fdt_write_text(writer, "compatible", "ns16550a");
    FDT_CELLS(writer, "reg", at, 0x100);
    fdt_write_end(writer);
    fdt_write_end(writer);
}

static void add_bus_last(struct fdt_writer *writer)
{
    add_bus(writer, 0x1f00, true);
}

static void add_bus_below(struct fdt_writer *writer)
{
    add_bus(writer, 0xf00, true);
}

static void add_bus_across(struct fdt_writer *writer)
{
    add_bus(writer, 0x1f01, true);
}

static void add_bus_closed(struct fdt_writer *writer)
{
    add_bus(writer, 0x1000, false);
}

TEST(fdt_devices_outside_their_bus_are_left_out)
{
    make_tree(add_bus_last);
    EXPECT(read_blob() == OK && machine.uart == UART_16550);
    EXPECT(machine.uart_register.address == 0x81f00 && machine.fault_count == 1);
    make_tree(add_bus_below);
    EXPECT(read_blob() == OK && machine.uart == UART_NONE && machine.fault_count == 2);
    make_tree(add_bus_across);
    EXPECT(read_blob() == OK && machine.uart == UART_NONE && machine.fault_count == 2);
    make_tree(add_bus_closed);
    EXPECT(read_blob() == OK && machine.uart == UART_NONE && machine.fault_count == 2);
}

static void add_timer(struct fdt_writer *writer, uint32_t kind, uint32_t number)
{
    fdt_write_begin(writer, "timer");
    fdt_write_text(writer, "compatible", "arm,armv8-timer");
    FDT_CELLS(writer, "interrupts", 1, 0, 0, 1, 15, 0, kind, number, 0);
    fdt_write_end(writer);
}

static void add_timer_spi_last(struct fdt_writer *writer)
{
    add_timer(writer, 0, 987);
}

static void add_timer_spi_beyond(struct fdt_writer *writer)
{
    add_timer(writer, 0, 988);
}

static void add_timer_ppi_beyond(struct fdt_writer *writer)
{
    add_timer(writer, 1, 16);
}

static void add_timer_unknown_kind(struct fdt_writer *writer)
{
    add_timer(writer, 2, 1);
}

TEST(fdt_interrupt_numbers_have_bounds)
{
    make_tree(add_timer_spi_last);
    EXPECT(read_blob() == OK && machine.timer_virtual_irq == 1019 && machine.fault_count == 1);
    EXPECT(machine.timer_physical_irq == 31);
    make_tree(add_timer_spi_beyond);
    EXPECT(read_blob() == OK && machine.timer_virtual_irq == 0 && machine.fault_count == 2);
    make_tree(add_timer_ppi_beyond);
    EXPECT(read_blob() == OK && machine.timer_virtual_irq == 0 && machine.fault_count == 2);
    make_tree(add_timer_unknown_kind);
    EXPECT(read_blob() == OK && machine.timer_virtual_irq == 0 && machine.fault_count == 2);
}

static void survive_flips(void (*make)(struct blob *blob))
{
    static const uint8_t masks[] = {0x01, 0x02, 0x80, 0xff};
    make(&blob);
    for (uint32_t at = 0; at < blob.size; at++) {
        for (size_t i = 0; i < COUNT_OF(masks); i++) {
            blob.bytes[at] ^= masks[i];
            (void)read_blob();
            machine_finish(&machine, 0);
            (void)read_image();
            (void)boot_info_normalise(&info);
            blob.bytes[at] ^= masks[i];
        }
    }
    blob_unload();
}

TEST(fdt_survives_every_flip)
{
    survive_flips(blob_fdt_gic3);
    survive_flips(blob_fdt_gic2);
}
