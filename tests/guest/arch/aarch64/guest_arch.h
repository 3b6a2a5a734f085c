/* AArch64: what tests of threads want to do to the CPU itself. */
#ifndef GUEST_ARCH_AARCH64_H
#define GUEST_ARCH_AARCH64_H

#include <abi_arch.h>
#include <stdbool.h>

#define GUEST_OLD_ENTRY  0
#define GUEST_FPU_AT     0 /* the first SIMD register in the FPU's state */
#define GUEST_UNDEFINED  "udf #0"
#define GUEST_ECAM       UINT64_C(0x4010000000) /* of the first PCI bus, on the tests' machine */
#define GUEST_BAR        0x10000000u            /* from here devices are put that have no address */
#define GUEST_BAR_BYTES  0x10000000u
#define GUEST_MMIO       UINT64_C(0x0a000000) /* virtio's slots, on machines that have them */
#define GUEST_MMIO_SLOTS 32u
#define GUEST_MMIO_LINE  48u /* interrupt of the first */

static inline uint64_t *registers_pc(struct abi_registers *r)
{
    return &r->pc;
}
static inline uint64_t *registers_sp(struct abi_registers *r)
{
    return &r->sp;
}
static inline uint64_t *registers_word(struct abi_registers *r)
{
    return &r->x[0];
}
static inline uint64_t *registers_result(struct abi_registers *r)
{
    return &r->x[0];
}
static inline uint64_t registers_thread_pointer(const struct abi_registers *r)
{
    return r->thread_pointer;
}
/* One that no call uses and C code has to keep. */
static inline uint64_t *registers_kept(struct abi_registers *r)
{
    return &r->x[27];
}

static inline void guest_step_off(struct abi_registers *r)
{
    r->pstate &= 0xf0000000;
}

/* A system call as Linux programs make it; its other registers are checked by the caller. */
static inline uint64_t guest_foreign(struct abi_call *call, bool old)
{
    (void)old;
    abi_call(call);
    return call->word[0];
}
static inline void guest_result_forget(struct abi_call *call)
{
    call->word[0] = 0;
}

static inline uint64_t guest_simd_get(void)
{
    uint64_t value;
    __asm__ volatile(".arch_extension fp\n\tfmov %0, d0" : "=r"(value));
    return value;
}
static inline void guest_simd_set(uint64_t value)
{
    __asm__ volatile(".arch_extension fp\n\tfmov d0, %0" : : "r"(value) : "memory");
}

/*
 * Instructions that fault: FAULT_CASE(class, code before, the instruction). The code stores where
 * the instruction stands and where the thread is to go on.
 */
#define GUEST_FAULT(class, before, code)                                                           \
    __asm__ volatile("adr x9, 2f\n\tstr x9, %0\n\tadr x9, 1f\n\tstr x9, %1\n\t" before             \
                     "\n2:\t" code "\n1:"                                                          \
                     : "=m"(fault_at), "=m"(fault_skip)                                            \
                     :                                                                             \
                     : "x9", "x10", "memory", "cc");                                               \
    break;

#define GUEST_FAULTS(CASE)                                                                         \
    CASE(FAULT_undefined, "", "udf #0")                                                            \
    CASE(FAULT_undefined, "", "mrs x10, sctlr_el1")                                                \
    CASE(FAULT_undefined, "", "hvc #0")                                                            \
    CASE(FAULT_breakpoint, "", "brk #5")                                                           \
    CASE(FAULT_alignment, "add x10, x9, #2\n\tstr x10, %0", "br x10")                              \
    CASE(FAULT_page, "mov x10, #0x800000000000", "ldr x10, [x10]")

#endif
