/*
 * A thread's whole floating point and vector state in memory, for tests/guest/fpu.c: V0 to V31,
 * FPCR and FPSR (Arm ARM B1.2).
 */
#ifndef GUEST_FPU_H
#define GUEST_FPU_H

#include <stdbool.h>
#include <stdint.h>

struct guest_fpu {
    uint8_t vector[32][16];
    uint64_t fpcr, fpsr;
};

#define GUEST_FPU_START {.fpcr = 0}

#define GUEST_PAIRS(DO)                                                                            \
    DO(0, 1)                                                                                       \
    DO(2, 3)                                                                                       \
    DO(4, 5)                                                                                       \
    DO(6, 7)                                                                                       \
    DO(8, 9)                                                                                       \
    DO(10, 11)                                                                                     \
    DO(12, 13)                                                                                     \
    DO(14, 15)                                                                                     \
    DO(16, 17) DO(18, 19) DO(20, 21) DO(22, 23) DO(24, 25) DO(26, 27) DO(28, 29) DO(30, 31)
#define GUEST_LOAD(a, b)  "ldp q" #a ", q" #b ", [%0, #16 * " #a "]\n\t"
#define GUEST_STORE(a, b) "stp q" #a ", q" #b ", [%0, #16 * " #a "]\n\t"

static inline void guest_fpu_load(const struct guest_fpu *from)
{
    __asm__ volatile(".arch_extension fp\n\tmsr fpcr, %0\n\tmsr fpsr, %1"
                     :
                     : "r"(from->fpcr), "r"(from->fpsr));
    __asm__ volatile(".arch_extension fp\n\t" GUEST_PAIRS(GUEST_LOAD)
                     :
                     : "r"(from->vector)
                     : "memory");
}

static inline void guest_fpu_store(struct guest_fpu *to)
{
    __asm__ volatile(".arch_extension fp\n\t" GUEST_PAIRS(GUEST_STORE)
                     :
                     : "r"(to->vector)
                     : "memory");
    __asm__ volatile(".arch_extension fp\n\tmrs %0, fpcr\n\tmrs %1, fpsr"
                     : "=r"(to->fpcr), "=r"(to->fpsr));
}

static inline void guest_fpu_store_start(struct guest_fpu *to)
{
    guest_fpu_store(to);
}

/* A value for each `seed`: rounding and sticky flags differ. */
static inline void guest_fpu_fill(struct guest_fpu *to, uint32_t seed)
{
    for (uint32_t i = 0; i < sizeof(to->vector); i++)
        (&to->vector[0][0])[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 4));
    to->fpcr = (uint64_t)(seed & 3) << 22;
    to->fpsr = seed & 0x1f;
}

#endif
