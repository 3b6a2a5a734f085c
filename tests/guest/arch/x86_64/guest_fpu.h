/*
 * A thread's whole floating point and vector state in memory, for tests/guest/fpu.c: the vector
 * registers as wide as the CPU and the kernel allow (SDM 1 13.3), one x87 register, the two control
 * words.
 */
#ifndef GUEST_FPU_H
#define GUEST_FPU_H

#include <stdbool.h>
#include <stdint.h>

struct guest_fpu {
    uint8_t vector[16][32]; /* the upper halves count if guest_fpu_wide() */
    uint64_t x87;           /* a mantissa */
    uint32_t mxcsr;
    uint16_t control;
};

#define GUEST_FPU_START {.mxcsr = 0x1f80, .control = 0x37f}

/* AVX, by CPUID and XCR0. */
static inline bool guest_fpu_wide(void)
{
    uint32_t a = 1, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if ((c >> 27 & 1) == 0 || (c >> 28 & 1) == 0)
        return false;
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & 6) == 6;
}

#define GUEST_EACH(DO)                                                                             \
    DO(0)                                                                                          \
    DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
#define GUEST_TEXT(n)       #n
#define GUEST_LOAD(n)       "vmovdqu " GUEST_TEXT(n) "*32(%0), %%ymm" GUEST_TEXT(n) "\n\t"
#define GUEST_STORE(n)      "vmovdqu %%ymm" GUEST_TEXT(n) ", " GUEST_TEXT(n) "*32(%0)\n\t"
#define GUEST_LOAD_HALF(n)  "movdqu " GUEST_TEXT(n) "*32(%0), %%xmm" GUEST_TEXT(n) "\n\t"
#define GUEST_STORE_HALF(n) "movdqu %%xmm" GUEST_TEXT(n) ", " GUEST_TEXT(n) "*32(%0)\n\t"

static inline void guest_fpu_load(const struct guest_fpu *from)
{
    __asm__ volatile("fninit\n\tfldcw %0\n\tfildll %1" : : "m"(from->control), "m"(from->x87));
    __asm__ volatile("ldmxcsr %0" : : "m"(from->mxcsr));
    if (guest_fpu_wide())
        __asm__ volatile(GUEST_EACH(GUEST_LOAD) : : "r"(from->vector) : "memory");
    else
        __asm__ volatile(GUEST_EACH(GUEST_LOAD_HALF) : : "r"(from->vector) : "memory");
}

static inline void guest_fpu_store(struct guest_fpu *to)
{
    if (guest_fpu_wide())
        __asm__ volatile(GUEST_EACH(GUEST_STORE) : : "r"(to->vector) : "memory");
    else
        __asm__ volatile(GUEST_EACH(GUEST_STORE_HALF) : : "r"(to->vector) : "memory");
    __asm__ volatile("fstcw %0\n\tfistpll %1" : "=m"(to->control), "=m"(to->x87));
    __asm__ volatile("stmxcsr %0" : "=m"(to->mxcsr));
}

/* The same of a thread that has loaded nothing: its x87 stack is empty, and read as 0. */
static inline void guest_fpu_store_start(struct guest_fpu *to)
{
    __asm__ volatile("fldz");
    guest_fpu_store(to);
}

/* A value for each `seed`: rounding differs, all exceptions stay masked. */
static inline void guest_fpu_fill(struct guest_fpu *to, uint32_t seed)
{
    for (uint32_t i = 0; i < sizeof(to->vector); i++)
        (&to->vector[0][0])[i] =
            (i % 32 < 16 || guest_fpu_wide()) ? (uint8_t)(seed * 31 + i * 7 + (i >> 5)) : 0;
    to->x87 = seed * UINT64_C(0x100000001) & INT64_MAX;
    to->mxcsr = 0x1f80 | (seed & 3) << 13;
    to->control = (uint16_t)(0x37f | (seed & 3) << 10);
}

#endif
