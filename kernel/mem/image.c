/* Where the kernel's image lies (image.h). */
#include "mem/image.h"
#include "arch/mmu.h"
#include "lib/assert.h"

static phys_t image_moved_to; /* 0: at its linked place; set once before other CPUs exist */

void image_relocate(phys_t base)
{
    assert(is_aligned(base.pa, PAGE_SIZE));
    image_moved_to = base;
}

uint64_t image_link_offset(void)
{
    return (uintptr_t)__image_start - ARCH_KERNEL_BASE;
}

phys_t image_base(void)
{
    return image_moved_to.pa != 0 ? image_moved_to : PHYS(image_link_offset());
}

uint64_t image_size(void)
{
    return (uint64_t)(__image_end - __image_start);
}

phys_t image_to_phys(const void *address)
{
    uint64_t offset = (uint64_t)((const char *)address - __image_start);
    assert(offset < image_size());
    return PHYS(image_base().pa + offset);
}
