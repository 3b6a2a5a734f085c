/*
 * Addresses for PCI functions (pci/tree.h): PCI Local Bus 3.0, 6.2.5; bridges 1.2, 3.2.5.
 *
 * All sizes are powers of two. A bridge without a window gets one as large as all behind it; so on
 * each bus the largest are placed first, and nothing is lost between them. No two BARs share a page
 * or an address, whatever the devices say: who would, gets none.
 */
#include "lib/types.h"
#include "pci/tree.h"

#define WINDOW_UNIT   MIB /* what bridges count in */
#define WINDOW_CLOSED 0x0000fff0u
#define SIZE_MOST     (UINT64_C(1) << 31) /* of what is placed below 4 GiB */
#define BAR_IO        1u
#define BAR_WIDE      4u
#define BAR_WIDTH     6u
#define BAR_FLAGS     0xfu

/* --- what is there --- */

static unsigned bar_count(const struct pci_function *function)
{
    return function->header == 0 ? PCI_BARS : function->header == PCI_HEADER_BRIDGE ? 2 : 0;
}

/* Which bits of a BAR can be written; it is left as it was. */
static uint32_t bar_probe(pci_config_t config, unsigned at)
{
    uint32_t before = pci_read32(config, at);
    pci_write32(config, at, UINT32_MAX);
    uint32_t mask = pci_read32(config, at);
    pci_write32(config, at, before);
    return mask;
}

/* The size that a mask of writable bits says; 0 if it says none that a device may have. */
static uint64_t size_of(uint64_t mask)
{
    uint64_t size = -mask;
    return mask != 0 && (size & (size - 1)) == 0 ? size : 0;
}

static void bar_read(struct pci_function *function, unsigned n)
{
    unsigned at = PCI_BAR + 4 * n;
    struct pci_bar *bar = &function->bars[n];
    uint32_t low = pci_read32(function->config, at);
    *bar = (struct pci_bar){.io = (low & BAR_IO) != 0};
    bar->wide = !bar->io && (low & BAR_WIDTH) == BAR_WIDE && n + 1 < bar_count(function);
    uint64_t mask = bar_probe(function->config, at) & ~BAR_FLAGS;
    uint64_t high = mask != 0 ? UINT64_MAX << 32 : 0; /* as one of 32 bits has them */
    bar->base = low & ~BAR_FLAGS;
    if (bar->wide) {
        bar->base |= (uint64_t)pci_read32(function->config, at + 4) << 32;
        high = (uint64_t)bar_probe(function->config, at + 4) << 32;
    }
    bar->size = bar->io ? 0 : size_of(mask | high);
}

static void bars_read(struct pci_function *function)
{
    uint16_t command = pci_read16(function->config, PCI_COMMAND);
    pci_write16(function->config, PCI_COMMAND,
                command & (uint16_t)~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
    for (unsigned n = 0; n < bar_count(function); n++) {
        bar_read(function, n);
        n += function->bars[n].wide;
    }
    pci_write16(function->config, PCI_COMMAND, command);
}

/* Base and limit of memory behind a bridge, in MiB; at 0 is what no firmware set. */
static struct pci_window window_read(pci_config_t config, unsigned at)
{
    uint32_t word = pci_read32(config, at);
    uint64_t base = (uint64_t)(word & 0xfff0) << 16, limit = word & 0xfff00000;
    if (at == PCI_WINDOW_PREFETCH && (word & 1) != 0) {
        base |= (uint64_t)pci_read32(config, at + 4) << 32;
        limit |= (uint64_t)pci_read32(config, at + 8) << 32;
    }
    if (base == 0 || limit < base || limit > UINT64_MAX - WINDOW_UNIT)
        return (struct pci_window){0};
    return (struct pci_window){base, limit + WINDOW_UNIT};
}

static void window_write(struct pci_function *bridge, uint64_t base, uint64_t size)
{
    uint64_t last = base + size - 1;
    bridge->windows[0] = (struct pci_window){base, base + size};
    pci_write32(bridge->config, PCI_WINDOW,
                (uint32_t)(base >> 16 & 0xfff0) | (uint32_t)(last & 0xfff00000));
    pci_write32(bridge->config, PCI_WINDOW_PREFETCH, WINDOW_CLOSED);
}

/* --- what is taken --- */

/* With the whole pages that a BAR is in. */
static uint64_t bar_bytes(const struct pci_bar *bar)
{
    return max_u64(bar->size, PAGE_SIZE);
}

static bool overlap(uint64_t base, uint64_t size, uint64_t other, uint64_t other_size)
{
    return other_size != 0 && base < other + other_size && other < base + size;
}

/* Where the BAR or window ends that [base, base + size) would touch; 0: it is free. Windows count
 * on the bus behind `parent`. */
static uint64_t taken_until(const struct pci_tree *tree, uint64_t base, uint64_t size,
                            uint8_t parent)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct pci_function *f = &tree->functions[i];
        for (unsigned n = 0; n < PCI_BARS; n++)
            if (f->bars[n].base != 0 && f->bars[n].size != 0 &&
                overlap(base, size, f->bars[n].base, bar_bytes(&f->bars[n])))
                return f->bars[n].base + bar_bytes(&f->bars[n]);
        for (unsigned n = 0; n < COUNT_OF(f->windows) && f->parent == parent; n++)
            if (overlap(base, size, f->windows[n].base, f->windows[n].end - f->windows[n].base))
                return f->windows[n].end;
    }
    return 0;
}

/* The first free place in the window; 0: none. */
static uint64_t place_in(const struct pci_tree *tree, struct pci_window window, uint64_t size,
                         uint8_t parent)
{
    uint64_t at = align_up(window.base, size);
    while (at + size <= window.end) {
        uint64_t end = taken_until(tree, at, size, parent);
        if (end == 0)
            return at;
        at = align_up(end, size);
    }
    return 0;
}

/* --- keeping and giving --- */

static bool within_parent(const struct pci_tree *tree, const struct pci_function *function,
                          uint64_t base, uint64_t size)
{
    if (function->parent == PCI_ROOT)
        return true;
    const struct pci_window *windows = tree->functions[function->parent].windows;
    for (unsigned n = 0; n < 2; n++)
        if (base >= windows[n].base && base + size <= windows[n].end)
            return true;
    return false;
}

/* Drops what firmware gave and cannot be right. Each is held against those before it. */
static void bars_keep(struct pci_tree *tree, struct pci_function *function)
{
    for (unsigned n = 0; n < PCI_BARS; n++) {
        struct pci_bar *bar = &function->bars[n];
        uint64_t base = bar->base;
        bar->base = 0;
        if (bar->size == 0 || base == 0 || !is_aligned(base, bar_bytes(bar)) ||
            base > UINT64_MAX - bar_bytes(bar) ||
            !within_parent(tree, function, base, bar_bytes(bar)))
            continue;
        if (taken_until(tree, base, bar_bytes(bar), function->parent) == 0)
            bar->base = base;
    }
}

static void bar_write(struct pci_function *function, unsigned n, uint64_t base)
{
    function->bars[n].base = base;
    pci_write32(function->config, PCI_BAR + 4 * n, (uint32_t)base);
    if (function->bars[n].wide)
        pci_write32(function->config, PCI_BAR + 4 * n + 4, (uint32_t)(base >> 32));
}

static bool wants(const struct pci_bar *bar)
{
    return bar->size != 0 && bar->base == 0;
}

static bool wants_window(const struct pci_function *function)
{
    return function->header == PCI_HEADER_BRIDGE && function->windows[0].end == 0 &&
           function->secondary != 0;
}

/* Room for all that lies behind a bridge, as a power of two; 0: nothing does. Bridges come before
 * what is behind them, and lead to no bus twice, so this ends. */
static uint64_t window_size(const struct pci_tree *tree, const struct pci_function *bridge)
{
    uint8_t index = (uint8_t)(bridge - tree->functions);
    uint64_t need = 0, size = WINDOW_UNIT;
    for (uint32_t i = index + 1u; i < tree->count; i++) {
        const struct pci_function *f = &tree->functions[i];
        if (f->parent != index)
            continue;
        for (unsigned n = 0; n < PCI_BARS; n++)
            need += wants(&f->bars[n]) ? min_u64(bar_bytes(&f->bars[n]), SIZE_MOST) : 0;
        need += wants_window(f) ? window_size(tree, f) : 0;
    }
    while (size < need && size < SIZE_MOST)
        size *= 2;
    return need != 0 ? size : 0;
}

/* All of one size on a bus. */
static void place_size(struct pci_tree *tree, uint8_t parent, struct pci_window window,
                       uint64_t size)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        struct pci_function *f = &tree->functions[i];
        if (f->parent != parent)
            continue;
        for (unsigned n = 0; n < PCI_BARS; n++)
            if (wants(&f->bars[n]) && bar_bytes(&f->bars[n]) == size)
                bar_write(f, n, place_in(tree, window, size, parent));
        if (!wants_window(f) || window_size(tree, f) != size)
            continue;
        uint64_t base = place_in(tree, window, size, parent);
        if (base != 0)
            window_write(f, base, size);
    }
}

static void place_bus(struct pci_tree *tree, uint8_t parent, struct pci_window window)
{
    for (uint64_t size = SIZE_MOST; size >= PAGE_SIZE; size /= 2)
        place_size(tree, parent, window, size);
}

/* How many BARs have no address. */
static uint32_t without(const struct pci_tree *tree)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tree->count; i++)
        for (unsigned n = 0; n < PCI_BARS; n++)
            count += wants(&tree->functions[i].bars[n]);
    return count;
}

error_t pci_tree_assign(struct pci_tree *tree, uint64_t base, uint64_t size)
{
    if (size != 0 && (!is_aligned(base | size, PAGE_SIZE) || base == 0 || base >= 4 * GIB ||
                      size > 4 * GIB - base))
        return ERR_bad_argument;
    for (uint32_t i = 0; i < tree->count; i++) {
        struct pci_function *f = &tree->functions[i];
        bars_read(f);
        for (unsigned n = 0; n < COUNT_OF(f->windows) && f->secondary != 0; n++)
            f->windows[n] = window_read(f->config, n == 0 ? PCI_WINDOW : PCI_WINDOW_PREFETCH);
    }
    for (uint32_t i = 0; i < tree->count; i++)
        bars_keep(tree, &tree->functions[i]);
    place_bus(tree, PCI_ROOT, (struct pci_window){base, base + size});
    for (uint32_t i = 0; i < tree->count; i++)
        if (tree->functions[i].windows[0].end != 0)
            place_bus(tree, (uint8_t)i, tree->functions[i].windows[0]);
    return without(tree) == 0 ? OK : ERR_full;
}
