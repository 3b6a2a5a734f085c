/* x86-64: by which way in start.S was entered, as arch_start is told. For C and assembler. */
#ifndef X86_64_START_H
#define X86_64_START_H

#define START_PVH        0
#define START_MULTIBOOT2 1
#define START_LIMINE     2
#define START_UNKNOWN    3

#endif
