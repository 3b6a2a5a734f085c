/* ACPI: the tables of three machines, read right; then each broken in its own way. */
#include "blobs.h"
#include "unit.h"

#include <string.h>

static struct machine machine;
static struct blob blob;

static error_t read_blob(void)
{
    machine_init(&machine);
    (void)blob_load(&blob);
    return acpi_read(&machine, PHYS(BLOB_BASE));
}

static bool register_is(const struct machine_register *place, enum machine_address_space space,
                        uint64_t address, uint8_t width)
{
    return place->space == space && place->address == address && place->width == width;
}

TEST(acpi_pc_cpus_and_nodes)
{
    static const uint64_t ids[] = {0, 2, 300};
    static const uint32_t uids[] = {0, 1, 4}, domains[] = {2, 0, 5};
    blob_acpi_pc(&blob);
    EXPECT(read_blob() == OK && machine.fault_count == 0 && machine.from_acpi);
    REQUIRE(machine.cpu_count == 3);
    for (size_t i = 0; i < 3; i++) {
        EXPECT(machine.cpus[i].hardware_id == ids[i] && machine.cpus[i].firmware_id == uids[i]);
        EXPECT(machine.node_domain[machine.cpus[i].node] == domains[i]);
    }
    REQUIRE(machine.memory_count == 2 && machine.node_count == 3);
    EXPECT(machine.memory[0].base.pa == 0x40000000 && machine.memory[0].size == 0x10000000);
    EXPECT(machine.node_domain[machine.memory[0].node] == 5);
    EXPECT(machine.node_domain[machine.memory[1].node] == 2);
    machine_finish(&machine, 0);
    EXPECT(machine.distance[0][1] == 20 + 12); /* domains 0 and 2, the larger direction */
    EXPECT(machine.distance[1][2] == 20 + 32); /* domains 2 and 5 */
}

TEST(acpi_pc_interrupts)
{
    blob_acpi_pc(&blob);
    EXPECT(read_blob() == OK);
    EXPECT(machine.lapic.pa == 0xfee10000 && machine.has_pic); /* the 64-bit address wins */
    REQUIRE(machine.ioapic_count == 2 && machine.override_count == 3);
    EXPECT(machine.ioapics[0].base.pa == 0xfec00000 && machine.ioapics[0].id == 7);
    EXPECT(machine.ioapics[0].first_line == 0 && machine.ioapics[1].first_line == 24);
    EXPECT(machine.overrides[0].isa_line == 0 && machine.overrides[0].line == 2);
    EXPECT(!machine.overrides[0].active_low && !machine.overrides[0].level);
    EXPECT(machine.overrides[1].isa_line == 9 && machine.overrides[1].line == 9);
    EXPECT(!machine.overrides[1].active_low && machine.overrides[1].level);
    EXPECT(machine.overrides[2].isa_line == 11 && machine.overrides[2].line == 20);
    EXPECT(machine.overrides[2].active_low && machine.overrides[2].level);
    EXPECT(machine.gic_version == 0);
}

TEST(acpi_pc_power_time_and_console)
{
    blob_acpi_pc(&blob);
    EXPECT(read_blob() == OK);
    EXPECT(machine.power == POWER_ACPI);
    EXPECT(register_is(&machine.pm1a_control, SPACE_PORT, 0xb004, 16)); /* the wide form */
    EXPECT(register_is(&machine.pm1b_control, SPACE_PORT, 0x704, 16));  /* the old form */
    EXPECT(machine.sleep_control.space == SPACE_NONE);
    EXPECT(register_is(&machine.reset, SPACE_PORT, 0xcf9, 8) && machine.reset_value == 0x0f);
    EXPECT(machine.has_s5 && machine.s5_type_a == 1 && machine.s5_type_b == 5);
    EXPECT(machine.pm_timer_port == 0x608 && machine.pm_timer_32bit);
    EXPECT(machine.hpet.pa == 0xfed00000);
    EXPECT(machine.uart == UART_16550 && machine.uart_irq == 0x104);
    EXPECT(register_is(&machine.uart_register, SPACE_PORT, 0x3f8, 8));
    REQUIRE(machine.pcie_count == 1);
    EXPECT(machine.pcie[0].base.pa == 0xb1000000 && machine.pcie[0].size == 0x1000000);
    EXPECT(machine.pcie_first[0] == 0x10 && machine.pcie_memory[0].size == 0);
}

TEST(acpi_old_tables)
{
    blob_acpi_old(&blob);
    EXPECT(read_blob() == OK && machine.fault_count == 0);
    EXPECT(machine.cpu_count == 1 && machine.lapic.pa == 0xfee00000 && !machine.has_pic);
    EXPECT(machine.power == POWER_ACPI && machine.has_s5);
    EXPECT(register_is(&machine.pm1a_control, SPACE_PORT, 0x604, 16));
    EXPECT(machine.pm1b_control.space == SPACE_NONE && machine.reset.space == SPACE_NONE);
    EXPECT(machine.pm_timer_port == 0x608 && !machine.pm_timer_32bit);
}

TEST(acpi_gic_machine)
{
    blob_acpi_gic(&blob);
    EXPECT(read_blob() == OK && machine.fault_count == 0);
    REQUIRE(machine.cpu_count == 2);
    EXPECT(machine.cpus[1].hardware_id == 0x100000001 && machine.cpus[1].firmware_id == 1);
    EXPECT(machine.cpus[1].redistributor.pa == 0x80c0000);
    EXPECT(machine.node_domain[machine.cpus[0].node] == 0);
    EXPECT(machine.node_domain[machine.cpus[1].node] == 1);
    EXPECT(machine.gic_version == 3 && machine.gic_distributor.pa == 0x8000000);
    EXPECT(machine.gic_cpu_interface.pa == 0x8010000 && machine.gic_its.pa == 0x8080000);
    REQUIRE(machine.gic_redist_count == 1);
    EXPECT(machine.gic_redist[0].base.pa == 0x80a0000 && machine.gic_redist[0].size == 0xf60000);
    EXPECT(machine.gic_v2m.base.pa == 0x8020000 && machine.gic_v2m.size == 0x1000);
    EXPECT(machine.timer_virtual_irq == 27 && machine.timer_physical_irq == 30);
    EXPECT(machine.power == POWER_PSCI_HVC);
    EXPECT(register_is(&machine.sleep_control, SPACE_MEMORY, 0xfea00200, 8));
    EXPECT(machine.pm1a_control.space == SPACE_NONE && machine.pm_timer_port == 0);
    EXPECT(machine.uart == UART_PL011 && machine.uart_irq == 33);
}

/* Reads the blob with one number changed in `table`, its checksum set right again. */
static error_t read_patched(const char *table, uint32_t offset, uint64_t number, uint32_t size)
{
    uint32_t at = blob_table(&blob, table), length = 0;
    blob_patch(&blob, at + offset, number, size);
    memcpy(&length, blob.bytes + at + 4, 4);
    if (length <= blob.size - at && length > 9)
        acpi_checksum(blob.bytes + at, length, 9);
    return read_blob();
}

TEST(acpi_psci_by_smc)
{
    blob_acpi_gic(&blob);
    EXPECT(read_patched("FACP", 129, 1, 2) == OK && machine.power == POWER_PSCI_SMC);
    EXPECT(read_patched("FACP", 129, 2, 2) == OK && machine.power == POWER_ACPI);
}

TEST(acpi_gic_version_is_guessed_where_it_is_not_said)
{
    blob_acpi_gic(&blob);
    EXPECT(read_patched("APIC", 44 + 20, 0, 1) == OK && machine.gic_version == 3);
    EXPECT(read_patched("APIC", 44 + 20, 4, 1) == OK && machine.gic_version == 3);
    EXPECT(read_patched("APIC", 44 + 20, 2, 1) == OK && machine.gic_version == 2);
}

/* Field by field: there are gaps between them. */
static void expect_same(const struct machine *a, const struct machine *b)
{
    EXPECT(a->cpu_count == b->cpu_count && a->node_count == b->node_count);
    EXPECT(memcmp(a->cpus, b->cpus, sizeof(a->cpus)) == 0);
    EXPECT(memcmp(a->node_domain, b->node_domain, sizeof(a->node_domain)) == 0);
    EXPECT(memcmp(a->distance, b->distance, sizeof(a->distance)) == 0);
    EXPECT(a->memory_count == b->memory_count);
    for (uint32_t i = 0; i < a->memory_count; i++)
        EXPECT(a->memory[i].base.pa == b->memory[i].base.pa &&
               a->memory[i].node == b->memory[i].node);
    EXPECT(a->power == b->power && a->s5_type_b == b->s5_type_b && a->uart == b->uart);
    EXPECT(a->ioapic_count == b->ioapic_count && a->pcie_count == b->pcie_count);
    EXPECT(a->fault_count == 0 && b->fault_count == 0);
}

TEST(acpi_result_does_not_depend_on_the_order)
{
    static struct machine first;
    blob_acpi_pc(&blob);
    (void)read_blob();
    machine_finish(&machine, 0);
    first = machine;
    uint32_t size = blob.size, tables = blob.table_count - 1;
    for (uint32_t i = 0; i < tables / 2; i++) { /* the XSDT, last of all, in reverse */
        uint32_t other = blob.tables[i];
        blob.tables[i] = blob.tables[tables - 1 - i];
        blob.tables[tables - 1 - i] = other;
    }
    blob.table_count = tables;
    acpi_finish(&blob, true);
    EXPECT(blob.size > size && read_blob() == OK);
    machine_finish(&machine, 0);
    expect_same(&machine, &first);
}

TEST(acpi_every_bad_checksum_is_counted)
{
    blob_acpi_pc(&blob);
    for (uint32_t i = 0; i < blob.table_count; i++) {
        bool root = i + 1 == blob.table_count;
        blob.bytes[blob.tables[i] + 20] ^= 1;
        EXPECT(read_blob() == (root ? ERR_not_found : OK));
        bool madt = blob.tables[i] == blob_table(&blob, "APIC"); /* missed as well */
        EXPECT(machine.fault_count == (madt ? 2 : 1));
        blob.bytes[blob.tables[i] + 20] ^= 1;
    }
}

TEST(acpi_root_pointer_must_be_good)
{
    blob_acpi_pc(&blob);
    blob.bytes[9] ^= 1;
    EXPECT(read_blob() == ERR_bad_checksum);
    acpi_checksum(blob.bytes, 20, 8);
    EXPECT(read_blob() == OK); /* the longer sum stays right if the shorter one does */
    blob.bytes[33] ^= 1;
    EXPECT(read_blob() == ERR_bad_checksum);
    blob.bytes[0] ^= 1;
    EXPECT(read_blob() == ERR_malformed);
    EXPECT(acpi_read(&machine, PHYS(BLOB_BASE + blob.size - 19)) == ERR_truncated);
    EXPECT(acpi_read(&machine, PHYS(0)) == ERR_truncated);
    EXPECT(!machine.from_acpi);
}

TEST(acpi_rsdt_steps_in_for_a_broken_xsdt)
{
    blob_acpi_old(&blob);
    uint32_t rsdt = blob.tables[blob.table_count - 1];
    blob.bytes[15] = 2;
    blob_patch(&blob, 24, BLOB_BASE + rsdt, 8); /* an RSDT is no XSDT */
    acpi_checksum(blob.bytes, 20, 8);
    acpi_checksum(blob.bytes, 36, 32);
    EXPECT(read_blob() == OK && machine.cpu_count == 1 && machine.fault_count == 1);
}

TEST(acpi_table_addresses_that_lead_nowhere)
{
    blob_acpi_pc(&blob);
    uint32_t xsdt = blob.tables[blob.table_count - 1];
    blob_patch(&blob, xsdt + 36, UINT64_MAX - 10, 8);
    blob_patch(&blob, xsdt + 44, 0, 8); /* an empty slot is no fault */
    acpi_checksum(blob.bytes + xsdt, blob.size - xsdt, 9);
    EXPECT(read_blob() == OK && machine.fault_count == 1);
}

TEST(acpi_a_second_table_is_left_out)
{
    blob_acpi_pc(&blob);
    uint32_t xsdt = blob.tables[blob.table_count - 1], madt = blob_table(&blob, "APIC");
    blob_patch(&blob, xsdt + 36, BLOB_BASE + madt, 8); /* in the FADT's place */
    acpi_checksum(blob.bytes + xsdt, blob.size - xsdt, 9);
    EXPECT(read_blob() == OK && machine.fault_count == 1 && machine.cpu_count == 3);
}

TEST(acpi_without_cpus)
{
    blob_acpi_old(&blob);
    EXPECT(read_patched("APIC", 44 + 4, 0, 4) == OK);
    EXPECT(machine.cpu_count == 0 && machine.fault_count == 1);
    blob_acpi_old(&blob);
    EXPECT(read_patched("APIC", 0, 0x58585858, 4) == OK); /* no MADT at all */
    EXPECT(machine.cpu_count == 0 && machine.fault_count == 1);
}

TEST(acpi_bad_entries_end_or_miss)
{
    blob_acpi_pc(&blob);
    EXPECT(read_patched("APIC", 45, 1, 1) == OK); /* an entry of one byte */
    EXPECT(machine.cpu_count == 0 && machine.fault_count == 2);
    EXPECT(read_patched("APIC", 45, 255, 1) == OK);
    EXPECT(machine.fault_count != 0);
    blob_acpi_pc(&blob);
    EXPECT(read_patched("APIC", 44, 9, 1) == OK); /* too short for an x2APIC */
    EXPECT(machine.cpu_count == 2 && machine.fault_count == 1);
    blob_acpi_pc(&blob);
    EXPECT(read_patched("APIC", 52 + 3, 0, 1) == OK); /* the second CPU is the first again */
    EXPECT(machine.cpu_count == 2 && machine.fault_count == 1);
}

TEST(acpi_many_entries_fill_the_tables)
{
    acpi_start(&blob);
    uint32_t table = acpi_begin(&blob, "APIC", 1);
    (void)blob_zero(&blob, 8);
    for (uint32_t i = 0; i < MACHINE_IOAPIC_MAX + 1; i++) {
        (void)blob_number(&blob, 0x0c01, 2);
        (void)blob_zero(&blob, 10);
    }
    for (uint32_t i = 0; i < MACHINE_OVERRIDE_MAX + 1; i++) {
        (void)blob_number(&blob, 0x0a02, 2);
        (void)blob_zero(&blob, 8);
    }
    acpi_end(&blob, table);
    acpi_finish(&blob, true);
    EXPECT(read_blob() == OK);
    EXPECT(machine.ioapic_count == MACHINE_IOAPIC_MAX);
    EXPECT(machine.override_count == MACHINE_OVERRIDE_MAX);
    EXPECT(machine.fault_count == 3); /* and there is no CPU */
}

TEST(acpi_overlapping_pci_windows_and_wraps)
{
    blob_acpi_pc(&blob);
    EXPECT(read_patched("MCFG", 44 + 10, 0x0f10, 2) == OK); /* buses 0x10 to 0x0f */
    EXPECT(machine.pcie_count == 0 && machine.fault_count == 1);
    blob_acpi_pc(&blob);
    EXPECT(read_patched("MCFG", 44, UINT64_MAX, 8) == OK);
    EXPECT(machine.pcie_count == 0 && machine.fault_count == 1);
}

TEST(acpi_small_tables_that_lie)
{
    blob_acpi_pc(&blob);
    EXPECT(read_patched("SLIT", 36, 7, 8) == OK && machine.fault_count == 1);
    EXPECT(read_patched("SLIT", 36, (uint64_t)1 << 32, 8) == OK && machine.fault_count == 1);
    blob_acpi_pc(&blob);
    EXPECT(read_patched("HPET", 40, 1, 1) == OK && machine.hpet.pa == 0);
    EXPECT(machine.fault_count == 1);
    blob_acpi_pc(&blob);
    EXPECT(read_patched("SPCR", 44, 0, 8) == OK && machine.uart == UART_NONE);
    EXPECT(machine.fault_count == 0);
    blob_acpi_pc(&blob);
    EXPECT(read_patched("SPCR", 52, 1, 1) == OK && machine.uart_irq == 4);
    blob_acpi_pc(&blob);
    EXPECT(read_patched("FACP", 140, 0x10, 8) == OK && !machine.has_s5);
    EXPECT(machine.fault_count == 1);
    blob_acpi_gic(&blob);
    EXPECT(read_patched("GTDT", 4, 71, 4) == OK && machine.timer_virtual_irq == 0);
    EXPECT(machine.fault_count == 1);
}

TEST(acpi_pm_timer_is_a_port_or_nothing)
{
    blob_acpi_pc(&blob);
    EXPECT(read_patched("FACP", 76, 0x10608, 4) == OK && machine.pm_timer_port == 0);
    EXPECT(read_patched("FACP", 208, 0x2001, 4) == OK);
    EXPECT(read_patched("FACP", 212, 0x1608, 8) == OK && machine.pm_timer_port == 0x1608);
    EXPECT(read_patched("FACP", 208, 0x2000, 4) == OK && machine.pm_timer_port == 0);
    EXPECT(machine.fault_count == 0);
}

TEST(acpi_s5_encodings)
{
    static const struct {
        uint8_t aml[16];
        uint8_t size, a, b;
        bool found;
    } cases[] = {
        {{8, '_', 'S', '5', '_', 0x12, 4, 2, 0, 1}, 10, 0, 1, true},
        {{8, '_', 'S', '5', '_', 0x12, 0x44, 0, 2, 0x0b, 5, 0, 0x0c, 6, 0, 0}, 16, 0, 0, false},
        {{8, '_', 'S', '5', '_', 0x12, 0x44, 0, 2, 0x0b, 5, 0, 0x0a, 6}, 14, 5, 6, true},
        {{8, '_', 'S', '5', '_', 0x12, 4, 1, 0x0a, 7}, 10, 7, 0, true},
        {{8, '_', 'S', '5', '_', 0x12, 4, 0, 0x0a, 7}, 10, 0, 0, false},
        {{8, '_', 'S', '5', '_', 0x12, 4, 2, 0x0a}, 9, 0, 0, false},
        {{8, '_', 'S', '5', '_', 0x12, 4, 2, 0x0d, 'x', 0}, 11, 0, 0, false},
        {{8, '_', 'S', '5', '_', 0x13, 4, 2, 0, 1}, 10, 0, 0, false},
        {{8, '_', 'S', '5', '_', 0x12, 0xc4}, 7, 0, 0, false},
        {{'.', '_', 'S', '5', '_', 0x12, 4, 2, 0, 1}, 10, 0, 0, false},
        {{'_', 'S', '5', '_', 0x12, 4, 2, 0, 1}, 9, 0, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        acpi_start(&blob);
        uint32_t dsdt = acpi_begin(&blob, "DSDT", 2);
        (void)blob_put(&blob, cases[i].aml, cases[i].size);
        acpi_end(&blob, dsdt);
        uint32_t fadt = acpi_begin(&blob, "FACP", 1);
        (void)blob_zero(&blob, 80);
        blob_patch(&blob, fadt + 40, BLOB_BASE + dsdt, 4);
        acpi_end(&blob, fadt);
        acpi_finish(&blob, true);
        EXPECT(read_blob() == OK && machine.has_s5 == cases[i].found);
        EXPECT(machine.s5_type_a == cases[i].a && machine.s5_type_b == cases[i].b);
    }
}

static void survive_cuts(void (*make)(struct blob *blob))
{
    make(&blob);
    uint32_t whole = blob.size;
    for (blob.size = 0; blob.size < whole; blob.size++)
        EXPECT(read_blob() != OK); /* the root table is the last */
}

TEST(acpi_survives_every_cut)
{
    survive_cuts(blob_acpi_pc);
    survive_cuts(blob_acpi_old);
    survive_cuts(blob_acpi_gic);
}

/* True if the byte is in a table whose checksum guards it, or in the root pointer's. */
static bool is_guarded(uint32_t at)
{
    for (uint32_t i = 0; i < blob.table_count; i++) {
        uint32_t size = 0;
        memcpy(&size, blob.bytes + blob.tables[i] + 4, 4);
        if (at >= blob.tables[i] + 4 && at < blob.tables[i] + size)
            return true;
    }
    return at < 20;
}

static void survive_flips(void (*make)(struct blob *blob))
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    make(&blob);
    for (uint32_t at = 0; at < blob.size; at++) {
        bool guarded = is_guarded(at);
        for (size_t i = 0; i < COUNT_OF(masks); i++) {
            blob.bytes[at] ^= masks[i];
            EXPECT(read_blob() != OK || machine.fault_count != 0 || !guarded);
            blob.bytes[at] ^= masks[i];
        }
    }
    EXPECT(read_blob() == OK && machine.fault_count == 0);
}

TEST(acpi_survives_every_flip)
{
    survive_flips(blob_acpi_pc);
    survive_flips(blob_acpi_old);
    survive_flips(blob_acpi_gic);
}

/* The same with checksums that are right, so that the readers of the tables see the flips. */
static void survive_checked_flips(void (*make)(struct blob *blob))
{
    static const uint8_t masks[] = {0x01, 0x04, 0x80, 0xff};
    static struct blob good;
    make(&good);
    for (uint32_t at = 0; at < good.size; at++) {
        for (size_t i = 0; i < COUNT_OF(masks); i++) {
            blob = good;
            blob.bytes[at] ^= masks[i];
            acpi_checksum_all(blob.bytes, blob.size);
            (void)read_blob();
            machine_finish(&machine, 0);
        }
    }
    blob_unload();
}

TEST(acpi_survives_every_flip_behind_good_checksums)
{
    survive_checked_flips(blob_acpi_pc);
    survive_checked_flips(blob_acpi_old);
    survive_checked_flips(blob_acpi_gic);
}
