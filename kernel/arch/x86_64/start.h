/* x86-64: by which way in start.S was entered, as arch_start is told. For C and assembler. */
#pragma once

#define START_PVH        0
#define START_MULTIBOOT2 1
#define START_LIMINE     2
#define START_UNKNOWN    3
