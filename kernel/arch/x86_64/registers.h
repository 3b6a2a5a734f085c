/* x86-64: control registers, model-specific registers, CPUID and ports as C. */
#pragma once

#include "lib/types.h"

#define CR0_MP    (1u << 1)
#define CR0_EM    (1u << 2)
#define CR0_TS    (1u << 3)
#define CR0_NE    (1u << 5)
#define CR0_WP    (1u << 16)
#define CR0_NW    (1u << 29)
#define CR0_CD    (1u << 30)
#define CR3_KEEP  ((uint64_t)1 << 63) /* do not forget what the TLB has by this tag */
#define CR4_PGE   (1u << 7)
#define CR4_FXSR  (1u << 9)
#define CR4_XMMEX (1u << 10)
#define CR4_UMIP  (1u << 11)
#define CR4_PCE   (1u << 8)
#define CR4_FSGS  (1u << 16)
#define CR4_PCID  (1u << 17)
#define CR4_XSAVE (1u << 18)
#define CR4_SMEP  (1u << 20)
#define CR4_SMAP  (1u << 21)
#define CR4_PKE   (1u << 22)

#define MSR_APIC_BASE         0x1bu
#define MSR_SPEC_CTRL         0x48u
#define MSR_PRED_CMD          0x49u
#define MSR_ARCH_CAPABILITIES 0x10au
#define MSR_SYSENTER_CS       0x174u
#define MSR_BNDCFGS           0xd90u
#define MSR_PAT               0x277u
#define MSR_TSC_DEADLINE      0x6e0u
#define MSR_X2APIC            0x800u /* + register offset / 16 */
#define MSR_EFER              0xc0000080u
#define MSR_STAR              0xc0000081u
#define MSR_LSTAR             0xc0000082u
#define MSR_FMASK             0xc0000084u
#define MSR_FS_BASE           0xc0000100u
#define MSR_GS_BASE           0xc0000101u
#define MSR_KERNEL_GS         0xc0000102u

struct cpuid {
    uint32_t a, b, c, d;
};

static inline struct cpuid cpuid_read(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

/* Zeros if the CPU has no such leaf; `leaf` of the basic, the hypervisor's or the extended range.
 */
static inline struct cpuid cpuid_leaf(uint32_t leaf, uint32_t subleaf)
{
    bool has = cpuid_read(leaf & 0xc0000000, 0).a >= leaf;
    return has ? cpuid_read(leaf, subleaf) : (struct cpuid){0};
}

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

#define CONTROL_REGISTER(n)                                                                        \
    static inline uint64_t cr##n##_read(void)                                                      \
    {                                                                                              \
        uint64_t value;                                                                            \
        __asm__ volatile("movq %%cr" #n ", %0" : "=r"(value)::"memory");                           \
        return value;                                                                              \
    }                                                                                              \
    static inline void cr##n##_write(uint64_t value)                                               \
    {                                                                                              \
        __asm__ volatile("movq %0, %%cr" #n ::"r"(value) : "memory");                              \
    }

CONTROL_REGISTER(0)
CONTROL_REGISTER(2)
CONTROL_REGISTER(3)
CONTROL_REGISTER(4)

static inline uint8_t port_in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t port_in16(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t port_in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void port_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline void port_out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline void port_out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}
