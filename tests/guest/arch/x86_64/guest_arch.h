/* x86-64: what tests of threads want to do to the CPU itself. */
#ifndef GUEST_ARCH_X86_64_H
#define GUEST_ARCH_X86_64_H

#include <abi_arch.h>
#include <stdbool.h>

#define GUEST_OLD_ENTRY  1
#define GUEST_FPU_AT     160 /* the first SIMD register in the FPU's state (XSAVE area) */
#define GUEST_UNDEFINED  "ud2"
#define GUEST_ECAM       UINT64_C(0xb0000000) /* of the first PCI bus, on the tests' machine */
#define GUEST_BAR        0xe0000000u          /* from here devices are put that have no address */
#define GUEST_BAR_BYTES  0x10000000u
#define GUEST_MMIO       UINT64_C(0xfeb00000) /* virtio's slots, on machines that have them */
#define GUEST_MMIO_SLOTS 24u
#define GUEST_MMIO_LINE  24u /* interrupt of the first */

static inline uint64_t *registers_pc(struct abi_registers *r)
{
    return &r->rip;
}
static inline uint64_t *registers_sp(struct abi_registers *r)
{
    return &r->rsp;
}
static inline uint64_t *registers_word(struct abi_registers *r)
{
    return &r->rdi;
}
static inline uint64_t *registers_result(struct abi_registers *r)
{
    return &r->rax;
}
static inline uint64_t registers_thread_pointer(const struct abi_registers *r)
{
    return r->fs_base;
}
/* One that no call uses and C code has to keep. */
static inline uint64_t *registers_kept(struct abi_registers *r)
{
    return &r->rbp;
}

static inline void guest_step_off(struct abi_registers *r)
{
    r->rflags &= ~(uint64_t)0x100;
}

/* A system call as Linux programs make it; its other registers are checked by the caller. */
static inline uint64_t guest_foreign(struct abi_call *call, bool old)
{
    if (old)
        abi_call_old(call);
    else
        abi_call(call);
    return call->label;
}
static inline void guest_result_forget(struct abi_call *call)
{
    call->label = 0;
}

static inline uint64_t guest_simd_get(void)
{
    uint64_t value;
    __asm__ volatile("movq %%xmm0, %0" : "=r"(value));
    return value;
}
static inline void guest_simd_set(uint64_t value)
{
    __asm__ volatile("movq %0, %%xmm0" : : "r"(value) : "memory");
}

/*
 * Instructions that fault: FAULT_CASE(class, code before, the instruction). The code stores where
 * the instruction stands and where the thread is to go on.
 */
#define GUEST_FAULT(class, before, code)                                                           \
    __asm__ volatile("leaq 2f(%%rip), %%rax\n\tmovq %%rax, %0\n\t"                                 \
                     "leaq 1f(%%rip), %%rax\n\tmovq %%rax, %1\n\t" before "\n2:\t" code "\n1:"     \
                     : "=m"(fault_at), "=m"(fault_skip)                                            \
                     :                                                                             \
                     : "rax", "rcx", "rdx", "memory", "cc");                                       \
    break;

#define GUEST_FAULTS(CASE)                                                                         \
    CASE(FAULT_divide, "xorl %%ecx, %%ecx", "divl %%ecx")                                          \
    CASE(FAULT_undefined, "", "ud2")                                                               \
    CASE(FAULT_protection, "", "hlt")                                                              \
    CASE(FAULT_protection, "", "inb $0x80, %%al")                                                  \
    CASE(FAULT_protection, "movl $0x80000000, %%eax; shlq $20, %%rax", "movq (%%rax), %%rax")      \
    CASE(FAULT_breakpoint, "", "int3")                                                             \
    CASE(FAULT_protection, "", "int $0x81")                                                        \
    CASE(FAULT_fpu, "fninit; pushq $0x37b; fldcw (%%rsp); popq %%rax; fld1; fldz; fdivrp",         \
         "fwait")                                                                                  \
    CASE(FAULT_step, "pushfq; orl $0x100, (%%rsp); popfq; nop", "nop")

#endif
