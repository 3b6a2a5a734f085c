/* AArch64: by which way in start.S was entered, as arch_start is told. For C and assembler. */
#pragma once

#define START_IMAGE  0
#define START_LIMINE 1
