/* AArch64: system registers as C, and the bits of them that more than one file needs. */
#pragma once

#include "lib/types.h"

/* `name` is what the assembler calls the register; a write is not seen before the next isb. */
#define sysreg_read(name)                                                                          \
    ({                                                                                             \
        uint64_t sysreg_value;                                                                     \
        __asm__ volatile("mrs %0, " name : "=r"(sysreg_value)::"memory");                          \
        sysreg_value;                                                                              \
    })

#define sysreg_write(name, value)                                                                  \
    __asm__ volatile("msr " name ", %0" ::"r"((uint64_t)(value)) : "memory")

/* A field of an ID register: four bits, where 0 mostly means absent (Arm ARM D19.1.3). */
#define id_field(name, low) ((uint32_t)(sysreg_read(name) >> (low)) & 0xf)

#define barrier_isb()     __asm__ volatile("isb" ::: "memory")
#define barrier_dsb(kind) __asm__ volatile("dsb " kind ::: "memory")

#define MPIDR_AFFINITY ((uint64_t)0xff00ffffff) /* Aff3, Aff2, Aff1, Aff0 */

#define SCTLR_SPAN ((uint64_t)1 << 23)
