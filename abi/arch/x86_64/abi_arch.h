/*
 * x86-64: registers of a call (abi.h says which is what), and of a thread.
 *
 * `syscall` keeps all registers but rcx, r11 and what the call's result is in; `int $0x80` keeps
 * rcx and r11 too. A call that gives no message back leaves label and words as they were.
 */
#ifndef ABI_ARCH_X86_64_H
#define ABI_ARCH_X86_64_H

#include <stdint.h>

/* How a thread's last entry into the kernel was made: its call, if it is to be issued again. */
enum abi_entry {
    ABI_ENTRY_NONE, /* none: an interrupt, a fault, or not started */
    ABI_ENTRY_SYSCALL,
    ABI_ENTRY_OLD, /* int 0x80 */
};

/*
 * All registers of a thread but FPU state. Set: rflags are cut to C P A Z S T D O NT RF AC ID, rip
 * has to be canonical, the bases have to be user addresses.
 */
struct abi_registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags, fs_base, gs_base;
    uint64_t entry; /* enum abi_entry */
};

/* A call's registers, in and out. */
struct abi_call {
    uint64_t control, operand[4], label, word[6];
};

#define ABI_INLINE static inline __attribute__((always_inline))

/* The value of a register that nothing was put into: costs no instruction. */
#define ABI_ANY(variable) __asm__ volatile("" : "=r"(variable))

/*
 * A call that sets the first `operands` and `words` of its registers only (constants), and leaves
 * in the others whatever is there: that goes along, so it must be no secret. With a local struct
 * all of it stays in registers.
 */
#define ABI_SET(variable, used, value)                                                             \
    if (used)                                                                                      \
        variable = (value);                                                                        \
    else                                                                                           \
        ABI_ANY(variable);

#define ABI_CALL_BODY(instruction, ...)                                                            \
    register uint64_t rbx __asm__("rbx") = call->control;                                          \
    register uint64_t r12 __asm__("r12"), r13 __asm__("r13");                                      \
    register uint64_t r14 __asm__("r14"), r15 __asm__("r15");                                      \
    register uint64_t rax __asm__("rax") = call->label;                                            \
    register uint64_t rdi __asm__("rdi"), rsi __asm__("rsi"), rdx __asm__("rdx");                  \
    register uint64_t r10 __asm__("r10"), r8 __asm__("r8"), r9 __asm__("r9");                      \
    ABI_SET(r12, operands > 0, call->operand[0])                                                   \
    ABI_SET(r13, operands > 1, call->operand[1])                                                   \
    ABI_SET(r14, operands > 2, call->operand[2])                                                   \
    ABI_SET(r15, operands > 3, call->operand[3])                                                   \
    ABI_SET(rdi, words > 0, call->word[0])                                                         \
    ABI_SET(rsi, words > 1, call->word[1])                                                         \
    ABI_SET(rdx, words > 2, call->word[2])                                                         \
    ABI_SET(r10, words > 3, call->word[3])                                                         \
    ABI_SET(r8, words > 4, call->word[4])                                                          \
    ABI_SET(r9, words > 5, call->word[5])                                                          \
    __asm__ volatile(instruction                                                                   \
                     : "+r"(rbx), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15), "+r"(rax),           \
                       "+r"(rdi), "+r"(rsi), "+r"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)              \
                     :                                                                             \
                     : __VA_ARGS__);                                                               \
    call->control = rbx;                                                                           \
    call->operand[0] = r12;                                                                        \
    call->operand[1] = r13;                                                                        \
    call->operand[2] = r14;                                                                        \
    call->operand[3] = r15;                                                                        \
    call->label = rax;                                                                             \
    call->word[0] = rdi;                                                                           \
    call->word[1] = rsi;                                                                           \
    call->word[2] = rdx;                                                                           \
    call->word[3] = r10;                                                                           \
    call->word[4] = r8;                                                                            \
    call->word[5] = r9

ABI_INLINE void abi_call_short(struct abi_call *call, unsigned operands, unsigned words)
{
    ABI_CALL_BODY("syscall", "rcx", "r11", "memory");
}

/* The same by the second entry. */
ABI_INLINE void abi_call_old(struct abi_call *call)
{
    const unsigned operands = 4, words = 6;
    ABI_CALL_BODY("int $0x80", "memory");
}

#undef ABI_SET
#undef ABI_CALL_BODY
#undef ABI_ANY

ABI_INLINE void abi_call(struct abi_call *call)
{
    abi_call_short(call, 4, 6);
}

#endif
