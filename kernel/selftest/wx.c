/*
 * Self test: what is mapped how. No page of the image is writable and executable, the direct
 * map and its alias of the text are harmless, guard pages and low addresses are not mapped. And
 * written pages are marked.
 */
#include "arch/mmu.h"
#include "boot/boot_info.h"
#include "mem/image.h"
#include "mem/phys.h"
#include "mem/vmap.h"
#include "sched/cpu.h"
#include "selftest/selftest.h"
#include "trace/log.h"

#define WRITE_EXECUTE (MAP_WRITE | MAP_EXECUTE)

/* How `va` is mapped; false if it is not. */
static bool page_flags(uintptr_t va, uint32_t *flags)
{
    phys_t page;
    uint64_t page_size;
    return vmap_lookup(va, &page, flags, &page_size);
}

static bool page_mapped(uintptr_t va)
{
    uint32_t flags;
    return page_flags(va, &flags);
}

/* True if all pages of [low, high) are mapped with exactly `wanted` of write and execute. */
static bool pages_have(uintptr_t low, uintptr_t high, uint32_t wanted)
{
    for (uintptr_t va = low; va < high; va += PAGE_SIZE) {
        uint32_t flags;
        if (!SELF_EXPECT(page_flags(va, &flags)))
            return false;
        if (!SELF_EXPECT((flags & WRITE_EXECUTE) == wanted && (flags & MAP_USER) == 0))
            return false;
    }
    return SELF_EXPECT(low < high);
}

static bool wx_image(void)
{
    bool passed = pages_have((uintptr_t)__text_start, (uintptr_t)__text_end, MAP_EXECUTE);
    passed &= pages_have((uintptr_t)__rodata_start, (uintptr_t)__rodata_end, 0);
    return passed && pages_have((uintptr_t)__data_start, (uintptr_t)__image_end, MAP_WRITE);
}

/* Steps by the pages of the map, so that the size of memory does not matter. */
static bool range_harmless(const struct boot_range *range)
{
    for (uint64_t offset = 0; offset < range->size;) {
        uintptr_t va = (uintptr_t)phys_to_virt(PHYS(range->base.pa + offset));
        phys_t page;
        uint32_t flags;
        uint64_t page_size;
        if (!SELF_EXPECT(vmap_lookup(va, &page, &flags, &page_size)))
            return false;
        if (!SELF_EXPECT((flags & (MAP_EXECUTE | MAP_USER)) == 0))
            return false;
        offset += page_size - (va & (page_size - 1));
    }
    return true;
}

static bool wx_direct_map(void)
{
    bool passed = true;
    for (uint32_t i = 0; i < the_boot_info.range_count; i++)
        if (the_boot_info.ranges[i].kind == RANGE_USABLE)
            passed &= range_harmless(&the_boot_info.ranges[i]);
    return passed;
}

/* The read-only parts of the image are so in the direct map as well. */
static bool wx_alias(void)
{
    bool passed = true;
    for (char *p = __text_start; p < __rodata_end && passed; p += PAGE_SIZE) {
        uint32_t flags;
        uintptr_t alias = (uintptr_t)phys_to_virt(image_to_phys(p));
        if (page_flags(alias, &flags))
            passed &= SELF_EXPECT((flags & WRITE_EXECUTE) == 0);
    }
    return passed;
}

static bool wx_no_identity(void)
{
    static const uintptr_t low[] = {0,       PAGE_SIZE, 0x7c00,    0x8000,       0x9f000,
                                    1 * MIB, 2 * MIB,   16 * MIB,  512 * MIB,    GIB,
                                    2 * GIB, 4 * GIB,   512 * GIB, 0x7fffffff000};
    bool passed = true;
    for (size_t i = 0; i < COUNT_OF(low); i++)
        passed &= SELF_EXPECT(!page_mapped(low[i]));
    return passed && SELF_EXPECT(!page_mapped(image_base().pa));
}

static bool wx_guard_pages(void)
{
    bool passed = true;
    for (uint32_t i = 0; i < cpu_count; i++) {
        const struct cpu *cpu = cpu_table[i];
        passed &= SELF_EXPECT(!page_mapped(cpu->stack_low - PAGE_SIZE));
        passed &= SELF_EXPECT(!page_mapped(cpu->stack_high));
        passed &= pages_have(cpu->stack_low, cpu->stack_high, MAP_WRITE);
    }
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return passed && SELF_EXPECT(here >= cpu_self()->stack_low && here < cpu_self()->stack_high);
}

static _Alignas(PAGE_SIZE) char marked_page[PAGE_SIZE];

/* A leaf says when its page was written, where the CPU does that: read, then written. */
static bool dirty_marks(void)
{
    void *window;
    uint32_t flags = 0;
    log_info("selftest", "dirty_marks: by %s",
             arch_mmu_marks_dirty() ? "hardware" : "write protection");
    if (!arch_mmu_marks_dirty())
        return true;
    if (!SELF_EXPECT(vmap_device(image_to_phys(marked_page), PAGE_SIZE, MAP_WRITE | MAP_CLEAN,
                                 &window) == OK))
        return false;
    uintptr_t va = (uintptr_t)window;
    volatile char *byte = window;
    bool passed = SELF_EXPECT(byte[5] == 0 && page_flags(va, &flags) && (flags & MAP_CLEAN) != 0);
    byte[5] = 1;
    passed &= SELF_EXPECT(page_flags(va, &flags) && (flags & (MAP_WRITE | MAP_CLEAN)) == MAP_WRITE);
    return passed && SELF_EXPECT(marked_page[5] == 1);
}

SELF_TEST(wx_image, wx_image)
SELF_TEST(wx_direct_map, wx_direct_map)
SELF_TEST(wx_alias, wx_alias)
SELF_TEST(wx_no_identity, wx_no_identity)
SELF_TEST(wx_guard_pages, wx_guard_pages)
SELF_TEST(dirty_marks, dirty_marks)
