/* The kernel's own address space (vmap.h). */
#include "mem/vmap.h"
#include "arch/boot.h"
#include "arch/mmu.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/boot_alloc.h"
#include "mem/frame.h"
#include "mem/image.h"
#include "mem/phys.h"
#include "mem/ptab.h"
#include "sync/spinlock.h"
#include "trace/panic.h"

#define WINDOW_MAX (256 * MIB) /* no table of any firmware is larger */
#define GUARD_SIZE PAGE_SIZE

static struct spinlock vmap_lock = SPINLOCK_INIT(page_table);
static struct ptab vmap_ptab;                /* vmap_lock */
static uintptr_t vmap_area = ARCH_AREA_BASE; /* the next free address in the area; vmap_lock */
static uint64_t vmap_window_end;             /* tables may lie below this; set by vmap_init */
static bool vmap_live;                       /* set once by vmap_init */
static bool vmap_frames_ready;               /* set once by vmap_use_frames */

/* Table pages: from the boot allocator until the frame allocator is there. */
static error_t table_alloc(struct ptab *ptab, phys_t *table)
{
    (void)ptab;
    if (vmap_frames_ready)
        return frame_alloc(0, 0, FRAME_ZERO, table);
    error_t error = boot_alloc(PAGE_SIZE, table);
    if (error == OK)
        memset(phys_to_virt(*table), 0, PAGE_SIZE);
    return error;
}

void vmap_use_frames(void)
{
    vmap_frames_ready = true;
}

/* Maps for boot, where failing means that there is nothing to go on with. */
static void map_or_panic(uintptr_t va, phys_t pa, uint64_t size, uint32_t flags)
{
    error_t error =
        ptab_map(&vmap_ptab, va, pa, size, flags | arch_mmu_kernel_flags(), arch_mmu_leaf_level());
    if (error != OK)
        panic("cannot map 0x%lx bytes at 0x%lx: %s", size, va, error_text(error));
}

static void map_section(const char *start, const char *end, uint32_t flags)
{
    uint64_t size = align_up((uint64_t)(end - start), PAGE_SIZE);
    map_or_panic((uintptr_t)start, image_to_phys(start), size, flags);
}

static void map_image(void)
{
    map_section(__text_start, __text_end, MAP_EXECUTE);
    map_section(__rodata_start, __rodata_end, 0);
    map_section(__data_start, __image_end, MAP_WRITE);
}

static void map_direct(uint64_t start, uint64_t end, uint32_t flags)
{
    if (start < end)
        map_or_panic(ARCH_DIRECT_BASE + start, PHYS(start), end - start, flags);
}

/* One stretch of RAM; where it holds the image's read-only parts, they stay read-only. */
static void map_ram(uint64_t start, uint64_t end)
{
    uint64_t fixed = image_base().pa;
    uint64_t fixed_end = fixed + (uint64_t)(__rodata_end - __image_start);
    if (end <= fixed || start >= fixed_end) {
        map_direct(start, end, MAP_WRITE);
        return;
    }
    map_direct(start, min_u64(fixed, end), MAP_WRITE);
    map_direct(max_u64(start, fixed), min_u64(end, fixed_end), 0);
    map_direct(max_u64(start, fixed_end), end, MAP_WRITE);
}

/* The direct map, neighbouring ranges as one so that large pages fit. */
static void map_all_ram(const struct boot_info *info)
{
    uint64_t start = 0, end = 0;
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *range = &info->ranges[i];
        uint64_t range_end = range->base.pa + range->size;
        vmap_window_end = max_u64(vmap_window_end, min_u64(range_end, ARCH_DIRECT_SIZE));
        if (!range_is_ram(range->kind) || range_end > ARCH_DIRECT_SIZE)
            continue;
        if (range->base.pa != end) {
            map_ram(start, end);
            start = range->base.pa;
        }
        end = range_end;
    }
    map_ram(start, end);
}

/*
 * Makes the root's entries for a range in which something may be mapped later: other roots are
 * given a copy of them once, where the CPU keeps the kernel's half in each root (arch_space_init).
 * The frame database is all there before the first of these.
 */
static void reserve_top(uintptr_t base, uint64_t size)
{
    for (uint64_t at = 0; at < size; at += ptab_span(PTAB_TOP)) {
        pte_t *entry;
        error_t error = ptab_entry(&vmap_ptab, base + at, PTAB_TOP - 1, &entry);
        if (error != OK && error != ERR_exists)
            panic("no memory for page tables: %s", error_text(error));
    }
}

void vmap_init(const struct boot_info *info)
{
    assert(!vmap_live);
    vmap_ptab.table_alloc = table_alloc;
    error_t error = table_alloc(&vmap_ptab, &vmap_ptab.root);
    if (error != OK)
        panic("no memory for page tables: %s", error_text(error));
    map_image();
    map_all_ram(info);
    vmap_window_end = max_u64(vmap_window_end, 4 * GIB);
    reserve_top(ARCH_DIRECT_BASE, vmap_window_end);
    reserve_top(ARCH_AREA_BASE, ARCH_AREA_SIZE);
    vmap_live = true;
    arch_mmu_switch(vmap_ptab.root);
    boot_alloc_limit(PHYS(ARCH_DIRECT_SIZE));
}

phys_t vmap_root(void)
{
    return vmap_ptab.root;
}

/* `size` bytes of the area with an unmapped page in front. */
static error_t area_take_locked(uint64_t size, uintptr_t *va)
{
    debug_assert(spinlock_held(&vmap_lock));
    uint64_t left = ARCH_AREA_BASE + ARCH_AREA_SIZE - vmap_area;
    if (size > left || left - size < 2 * GUARD_SIZE)
        return ERR_full;
    *va = vmap_area + GUARD_SIZE;
    vmap_area = *va + size;
    return OK;
}

error_t vmap_device(phys_t base, uint64_t size, uint32_t flags, void **window)
{
    uint64_t offset = base.pa & (PAGE_SIZE - 1), pages = align_up(offset + size, PAGE_SIZE);
    if (!vmap_live)
        return ERR_unsupported;
    if (size == 0 || size > 64 * GIB || base.pa >= ARCH_DIRECT_SIZE)
        return ERR_bad_argument;
    uintptr_t va = 0;
    irq_state_t state = spinlock_lock(&vmap_lock);
    error_t error = area_take_locked(pages, &va);
    if (error == OK)
        error = ptab_map(&vmap_ptab, va, PHYS(base.pa - offset), pages,
                         flags | arch_mmu_kernel_flags(), 0);
    spinlock_unlock(&vmap_lock, state);
    *window = (void *)(va + offset);
    return error;
}

static error_t map_stack_page_locked(uintptr_t va, uint32_t node)
{
    phys_t frame;
    error_t error = frame_alloc(0, node, 0, &frame);
    if (error == OK)
        error = ptab_map(&vmap_ptab, va, frame, PAGE_SIZE, MAP_WRITE | arch_mmu_kernel_flags(), 0);
    return error;
}

/* The page behind it stays unmapped: the next piece of the area begins with its own guard. */
error_t vmap_stack(uint64_t size, uint32_t node, uintptr_t *low, uintptr_t *high)
{
    assert(is_aligned(size, PAGE_SIZE) && size > 0);
    irq_state_t state = spinlock_lock(&vmap_lock);
    error_t error = area_take_locked(size, low);
    for (uint64_t at = 0; error == OK && at < size; at += PAGE_SIZE)
        error = map_stack_page_locked(*low + at, node);
    spinlock_unlock(&vmap_lock, state);
    *high = *low + size;
    return error;
}

/* A page of the database may serve the end of one region and the start of the next. */
static uintptr_t skip_mapped(uintptr_t va, uintptr_t end)
{
    phys_t page;
    uint32_t flags;
    while (va < end && ptab_lookup(&vmap_ptab, va, &page, &flags) >= 0)
        va += PAGE_SIZE;
    return va;
}

error_t vmap_frame_database(phys_t base, uint64_t size)
{
    const uint64_t large = 2 * MIB;
    uintptr_t first = (uintptr_t)(arch_frame_base() + base.pa / PAGE_SIZE);
    uintptr_t last = (uintptr_t)(arch_frame_base() + (base.pa + size) / PAGE_SIZE);
    uintptr_t end = align_up(last, PAGE_SIZE);
    uintptr_t va = skip_mapped(align_down(first, PAGE_SIZE), end);
    if (va == end)
        return OK;
    uint64_t bytes = end - va;
    uint64_t slack = bytes >= 2 * large ? large : 0; /* room to align for large pages */
    phys_t memory;
    error_t error = boot_alloc_within(bytes + slack, base, PHYS(base.pa + size), &memory);
    if (error != OK)
        error = boot_alloc(bytes + slack, &memory);
    if (error != OK)
        return error;
    memory.pa += slack == 0 ? 0 : (va - memory.pa) & (large - 1);
    return ptab_map(&vmap_ptab, va, memory, bytes, MAP_WRITE | arch_mmu_kernel_flags(), 1);
}

bool vmap_lookup(uintptr_t va, phys_t *address, uint32_t *flags, uint64_t *page_size)
{
    phys_t page;
    int level = vmap_live ? ptab_lookup(&vmap_ptab, va, &page, flags) : -1;
    if (level < 0)
        return false;
    *page_size = PAGE_SIZE << (9 * level);
    *address = PHYS(page.pa + (va & (*page_size - 1)));
    return true;
}

/* Maps what is missing of firmware's pages read-only into the direct map. */
static error_t window_map_locked(uint64_t start, uint64_t end)
{
    for (uint64_t at = align_down(start, PAGE_SIZE); at < end; at += PAGE_SIZE) {
        phys_t page;
        uint32_t flags;
        uintptr_t va = ARCH_DIRECT_BASE + at;
        if (ptab_lookup(&vmap_ptab, va, &page, &flags) >= 0)
            continue;
        error_t error = ptab_map(&vmap_ptab, va, PHYS(at), PAGE_SIZE, arch_mmu_kernel_flags(), 0);
        if (error != OK)
            return error;
    }
    return OK;
}

static bool early_window(phys_t address, uint64_t size)
{
    return address.pa >= arch_early_floor().pa && address.pa + size <= arch_early_ceiling().pa;
}

const void *phys_window(phys_t address, uint64_t size)
{
    if (size == 0 || size > WINDOW_MAX || address.pa > ARCH_DIRECT_SIZE)
        return NULL;
    if (!vmap_live)
        return early_window(address, size) ? phys_to_virt(address) : NULL;
    if (address.pa + size > vmap_window_end)
        return NULL;
    irq_state_t state = spinlock_lock(&vmap_lock);
    error_t error = window_map_locked(address.pa, address.pa + size);
    spinlock_unlock(&vmap_lock, state);
    return error == OK ? phys_to_virt(address) : NULL;
}
