/*
 * Native test: the tree of PCI buses (lib/pci), once that of the machine, with two bridges in a row
 * and devices behind them, and once trees in plain memory that no honest machine has.
 */
#include "bus.h"

#define EDU_VENDOR  0x1234
#define EDU_DEVICE  0x11e8
#define EDU_ALIVE   1
#define BRIDGE      0x060400u
#define WINDOW_MOST (4 * GIB - PAGE)

/* --- the machine's --- */

static bool disjoint(const struct pci_tree *tree)
{
    for (uint32_t i = 0; i < tree->count * PCI_BARS; i++)
        for (uint32_t k = 0; k < i; k++) {
            const struct pci_bar *a = &tree->functions[i / PCI_BARS].bars[i % PCI_BARS];
            const struct pci_bar *b = &tree->functions[k / PCI_BARS].bars[k % PCI_BARS];
            uint64_t a_end = a->base + align_up(a->size, PAGE);
            uint64_t b_end = b->base + align_up(b->size, PAGE);
            if (a->base != 0 && b->base != 0 && a->size != 0 && b->size != 0 && a->base < b_end &&
                b->base < a_end)
                return false;
        }
    return true;
}

TEST(tree_numbers)
{
    unsigned bridges = 0;
    REQUIRE(bus_open());
    for (uint32_t i = 0; i < bus_tree.count; i++) {
        const struct pci_function *f = &bus_tree.functions[i];
        uint32_t bus = f->number >> 8;
        if (f->parent == PCI_ROOT) {
            EXPECT(bus == 0);
        } else {
            const struct pci_function *parent = &bus_tree.functions[f->parent];
            EXPECT(f->parent < i && bus == parent->secondary);
            EXPECT(parent->header == PCI_HEADER_BRIDGE && parent->number >> 8 < bus);
            EXPECT(f->subordinate <= parent->subordinate);
        }
        bridges += f->class == BRIDGE;
    }
    EXPECT(bridges >= 3);
    EXPECT(disjoint(&bus_tree));
}

/* Registers answer behind two bridges. */
TEST(tree_leads_to_a_device)
{
    struct pci_device pci;
    volatile uint8_t *at = NULL;
    struct pci_function *found = bus_find(EDU_VENDOR, EDU_DEVICE, 0);
    REQUIRE(found != NULL && found->parent != PCI_ROOT);
    EXPECT(bus_tree.functions[found->parent].parent != PCI_ROOT);
    REQUIRE(bus_take(found, &pci) && pci_device_bar(&pci, 0, 0, PAGE, &at) == OK);
    volatile uint32_t *registers = (volatile uint32_t *)at;
    registers[EDU_ALIVE] = 0x87654321;
    EXPECT(registers[EDU_ALIVE] == ~0x87654321u);
    pci_function_disable(found);
    EXPECT(registers[EDU_ALIVE] != ~0x87654321u);
    drop(pci.device);
}

/* What was assigned once is kept. */
TEST(tree_is_stable)
{
    static struct pci_tree again;
    REQUIRE(bus_tree.count > 0);
    EXPECT(pci_tree_scan(&again, bus_tree.config, 0, BUS_COUNT - 1) == OK);
    EXPECT(pci_tree_assign(&again, GUEST_BAR, GUEST_BAR_BYTES) == OK);
    REQUIRE(again.count == bus_tree.count);
    for (uint32_t i = 0; i < again.count; i++) {
        const struct pci_function *a = &again.functions[i], *b = &bus_tree.functions[i];
        EXPECT(a->number == b->number && a->secondary == b->secondary);
        for (unsigned n = 0; n < PCI_BARS; n++)
            EXPECT(a->bars[n].base == b->bars[n].base && a->bars[n].size == b->bars[n].size);
    }
}

/* --- trees in memory: all bits of a BAR can be written there, so its size is 16 --- */

#define FAKE       AREA(2)
#define FAKE_BUSES UINT64_C(3)

static struct pci_tree fake_tree;

static pci_config_t fake(unsigned bus, unsigned device, unsigned function)
{
    return (pci_config_t)(uintptr_t)(FAKE + (bus << 8 | device << 3 | function) * PAGE);
}

/* Buses without functions. */
static bool fake_make(void)
{
    slot_t memory = memory_make(FAKE_BUSES * 256);
    if (map(memory, 0, FAKE, FAKE_BUSES * 256, RW) != OK)
        return false;
    for (unsigned i = 0; i < FAKE_BUSES * 256; i++)
        pci_write16(fake(0, 0, 0) + i * PAGE, PCI_VENDOR, 0xffff);
    drop(memory);
    return true;
}

static void fake_drop(void)
{
    EXPECT(unmap(FAKE, FAKE_BUSES * 256) == OK);
}

static pci_config_t fake_function(unsigned bus, unsigned device, uint8_t header)
{
    pci_config_t config = fake(bus, device, 0);
    pci_write16(config, PCI_VENDOR, 1);
    pci_write8(config, PCI_HEADER, header);
    return config;
}

static error_t fake_scan(void)
{
    return pci_tree_scan(&fake_tree, fake(0, 0, 0), 0, (uint8_t)(FAKE_BUSES - 1));
}

TEST(bars_do_not_overlap)
{
    REQUIRE(fake_make());
    for (unsigned device = 0; device < 4; device++)
        for (unsigned n = 0; n < PCI_BARS; n++) /* all in one page, or over it */
            pci_write32(fake_function(0, device, 0), PCI_BAR + 4 * n, 0xe0000000 + 16 * device);
    EXPECT(fake_scan() == OK && fake_tree.count == 4);
    EXPECT(pci_tree_assign(&fake_tree, 0xe0000000, 64 * PAGE) == OK);
    EXPECT(disjoint(&fake_tree));
    EXPECT(pci_tree_assign(&fake_tree, 0xe0000000, 64 * PAGE) == OK && disjoint(&fake_tree));
    fake_drop();
}

TEST(window_that_is_too_small)
{
    struct abi_device described;
    uint32_t placed = 0;
    REQUIRE(fake_make());
    (void)fake_function(0, 0, 0);
    EXPECT(fake_scan() == OK && fake_tree.count == 1);
    EXPECT(pci_tree_assign(&fake_tree, 0xe0000000, 2 * PAGE) == ERR_full);
    for (unsigned n = 0; n < PCI_BARS; n++)
        placed += fake_tree.functions[0].bars[n].base != 0;
    EXPECT(placed == 2);
    EXPECT(pci_function_describe(&fake_tree.functions[0], 1, &described) == ERR_full);
    EXPECT(pci_tree_assign(&fake_tree, 0, 0) == ERR_full);
    EXPECT(pci_tree_assign(&fake_tree, 0, PAGE) == ERR_bad_argument);
    EXPECT(pci_tree_assign(&fake_tree, PAGE, 1) == ERR_bad_argument);
    EXPECT(pci_tree_assign(&fake_tree, PAGE, 4 * GIB) == ERR_bad_argument);
    EXPECT(pci_tree_assign(&fake_tree, 4 * GIB, PAGE) == ERR_bad_argument);
    fake_drop();
}

/* Bridges that lead to where they come from, to nowhere, and to each other's buses. */
TEST(bridges_in_a_circle)
{
    static const uint8_t buses[][3] = {{0, 0, 2}, {0, 1, 0}, {0, 2, 255}, {7, 1, 1}, {0, 1, 1}};
    REQUIRE(fake_make());
    (void)fake_function(1, 0, 0);
    (void)fake_function(2, 0, 0);
    for (unsigned i = 0; i < COUNT_OF(buses); i++) {
        for (unsigned device = 0; device < 2; device++)
            for (unsigned n = 0; n < 3; n++)
                pci_write8(fake_function(0, device, PCI_HEADER_BRIDGE), PCI_PRIMARY + n,
                           buses[i][n]);
        EXPECT(fake_scan() == OK && fake_tree.count == 4);
        EXPECT(fake_tree.functions[0].secondary == 1 && fake_tree.functions[1].parent == 0);
        EXPECT(fake_tree.functions[2].secondary == 2 && fake_tree.functions[3].parent == 2);
    }
    pci_write8(fake_function(1, 0, PCI_HEADER_BRIDGE), PCI_SECONDARY, 1);
    pci_write8(fake_function(2, 0, PCI_HEADER_BRIDGE), PCI_SECONDARY, 0);
    EXPECT(fake_scan() == ERR_full); /* there are only three buses */
    EXPECT(fake_tree.count == 4);
    EXPECT(pci_tree_assign(&fake_tree, 0xe0000000, 16 * MIB) == OK && disjoint(&fake_tree));
    fake_drop();
}

/* Each function there is one: more than there is room for. */
TEST(functions_without_end)
{
    REQUIRE(fake_make());
    for (unsigned device = 0; device < 32; device++)
        for (unsigned function = 0; function < 8; function++) {
            pci_config_t config = fake(0, device, function);
            pci_write16(config, PCI_VENDOR, 1);
            pci_write8(config, PCI_HEADER, PCI_HEADER_SEVERAL);
        }
    EXPECT(fake_scan() == ERR_full);
    EXPECT(fake_tree.count == PCI_FUNCTIONS_MAX);
    EXPECT(pci_tree_assign(&fake_tree, 0x10000000, GIB) == OK && disjoint(&fake_tree));
    fake_drop();
}

static void link_set(pci_config_t config, unsigned at, uint8_t id, uint8_t next)
{
    pci_write8(config, at, id);
    pci_write8(config, at + 1, next);
}

TEST(capabilities_without_end)
{
    struct pci_capabilities list;
    uint32_t from = 0;
    REQUIRE(fake_make());
    pci_config_t config = fake(0, 0, 0);
    EXPECT(pci_capabilities_read(config, &list) == OK && list.count == 0);
    pci_write8(config, PCI_STATUS, PCI_STATUS_CAPABILITIES);
    pci_write8(config, PCI_CAPABILITIES, 0x40);
    link_set(config, 0x40, PCI_CAP_MSI, 0x50);
    link_set(config, 0x50, PCI_CAP_VENDOR, 0);
    EXPECT(pci_capabilities_read(config, &list) == OK && list.count == 2);
    EXPECT(pci_capability_next(&list, PCI_CAP_VENDOR, &from) == 0x50 && from == 2);
    EXPECT(pci_capability_next(&list, PCI_CAP_VENDOR, &from) == 0);
    link_set(config, 0x50, PCI_CAP_VENDOR, 0x40); /* a circle */
    EXPECT(pci_capabilities_read(config, &list) == ERR_malformed);
    EXPECT(list.count <= PCI_CAPABILITIES_MAX);
    link_set(config, 0x50, PCI_CAP_VENDOR, 0x10); /* into the header */
    EXPECT(pci_capabilities_read(config, &list) == ERR_malformed);
    fake_drop();
}
