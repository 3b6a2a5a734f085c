/* AArch64: what user code wants of the CPU itself. */
#ifndef SYS_ARCH_AARCH64_H
#define SYS_ARCH_AARCH64_H

#include <stdint.h>

#define SYS_MACHINE 183 /* as ELF's e_machine numbers CPUs */

#define SYS_TLS_ALIGN UINT64_C(64) /* of blocks of thread-local data (user.ld) */

/* The virtual counter; isb keeps it from being read ahead of earlier code (Arm ARM D12.1.2). */
static inline uint64_t sys_counter(void)
{
    uint64_t count;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count) : : "memory");
    return count;
}

/* All accesses before, of memory and of devices, come before all after: in the domain that devices
 * are in (Arm ARM B2.3, DMB OSH). */
static inline void sys_device_fence(void)
{
    __asm__ volatile("dmb osh" ::: "memory");
}

/* A vector register, for tests: compiled code uses none. */
static inline void sys_vector_set(uint64_t value)
{
    __asm__ volatile(".arch_extension fp\n\tfmov d7, %0" ::"r"(value));
}

static inline uint64_t sys_vector_get(void)
{
    uint64_t value;
    __asm__ volatile(".arch_extension fp\n\tfmov %0, d7" : "=r"(value));
    return value;
}

/*
 * Thread-local data as ELF's variant I has them: two words are the thread pointer's own, the block
 * begins at the next multiple of its alignment.
 */
static inline void *sys_tls_block(void *room)
{
    return (char *)room + SYS_TLS_ALIGN;
}

static inline void sys_tls_set(void *room, uint64_t size)
{
    (void)size;
    __asm__ volatile("msr tpidr_el0, %0" ::"r"(room) : "memory");
}

/* In a loop that waits for another CPU. */
static inline void sys_relax(void)
{
    __asm__ volatile("yield");
}

#endif
