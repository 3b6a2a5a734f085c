/* x86-64: what user code wants of the CPU itself. */
#ifndef SYS_ARCH_X86_64_H
#define SYS_ARCH_X86_64_H

#include "sys/call.h"
#include <stdint.h>

#define SYS_MACHINE 62 /* as ELF's e_machine numbers CPUs */

#define SYS_TLS_ALIGN UINT64_C(64) /* of blocks of thread-local data (user.ld) */

/* The time stamp counter, after all earlier loads (Intel SDM 2B, RDTSC). */
static inline uint64_t sys_counter(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* All accesses before, of memory and of devices, come before all after: also those of combining
 * mappings (Intel SDM 2A, MFENCE). */
static inline void sys_device_fence(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

/* A vector register, for tests: compiled code uses none. */
static inline void sys_vector_set(uint64_t value)
{
    __asm__ volatile("movq %0, %%xmm7" ::"r"(value));
}

static inline uint64_t sys_vector_get(void)
{
    uint64_t value;
    __asm__ volatile("movq %%xmm7, %0" : "=r"(value));
    return value;
}

/*
 * Thread-local data as ELF's variant II has them (System V ABI, ELF handling for TLS 3.4.6): the
 * block ends at the thread pointer, and there stands the thread pointer itself.
 */
static inline void *sys_tls_block(void *room)
{
    return room;
}

static inline void sys_tls_set(void *room, uint64_t size)
{
    uint64_t *end = (uint64_t *)((char *)room + size);
    *end = (uint64_t)(uintptr_t)end;
    (void)tern_thread_pointer((uaddr_t){*end});
}

/* In a loop that waits for another CPU. */
static inline void sys_relax(void)
{
    __asm__ volatile("pause");
}

#endif
