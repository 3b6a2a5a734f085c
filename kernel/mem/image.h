/*
 * The kernel's own image: where it is linked, where it lies, and its sections.
 *
 * The sections' bounds come from the linker script. The image lies contiguously in physical
 * memory: at its linked place, or where image_relocate says the loader put it.
 */
#pragma once

#include "lib/types.h"

extern char __image_start[], __image_end[], __text_start[], __text_end[], __rodata_start[],
    __rodata_end[], __data_start[];

/* Says where the image begins; before anything else asks. Page aligned. */
void image_relocate(phys_t base);

phys_t image_base(void);
uint64_t image_size(void);

/* Distance of the image's start from ARCH_KERNEL_BASE. */
uint64_t image_link_offset(void);

/* The physical address of something in the image. */
phys_t image_to_phys(const void *address);
