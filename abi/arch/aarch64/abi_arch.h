/*
 * AArch64: the registers of a thread as user space sees them, and a native call as C.
 *
 *     control   operands 0..3   label   words 0..5   entry
 *     x9        x10..x13        x8      x0..x5       svc #0
 *
 * All other registers, flags and SIMD are as they were when a call comes back.
 */
#ifndef ABI_ARCH_AARCH64_H
#define ABI_ARCH_AARCH64_H

#include <stdint.h>

/*
 * All but FPU and SIMD. `pstate` has the flags N, Z, C and V (bits 31 to 28) and is 0 otherwise:
 * what else is set there is refused if it is more than user mode, and lost if it is not.
 */
struct abi_registers {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
    uint64_t thread_pointer; /* TPIDR_EL0 */
};

/* FPU and SIMD. Bits that are reserved in the two words are cut. */
struct abi_fpu {
    uint64_t q[32][2]; /* low half first */
    uint32_t fpsr, fpcr;
    uint64_t reserved; /* 0 */
};

/* The registers of a call: what goes in, and afterwards what came out. */
struct abi_call {
    uint64_t control;
    uint64_t operand[4];
    uint64_t label;
    uint64_t word[6];
};

/* Stands for a register that the call does not care about: no instruction sets it. */
#define ABI_ARCH_ANY(reg) __asm__ volatile("" : "=r"(reg)) /* volatile: not kept for later */
#define ABI_ARCH_SET(reg, used, value)                                                             \
    do {                                                                                           \
        if (used)                                                                                  \
            reg = (value);                                                                         \
        else                                                                                       \
            ABI_ARCH_ANY(reg);                                                                     \
    } while (0)

/*
 * A call that sets the first `operands` and `words` of its registers only (constants), and leaves
 * in the others whatever is there: that goes along, so it must be no secret. With a local struct
 * all of it stays in registers.
 */
static inline __attribute__((always_inline)) void abi_call_short(struct abi_call *call,
                                                                 unsigned operands, unsigned words)
{
    register uint64_t control __asm__("x9") = call->control;
    register uint64_t operand0 __asm__("x10");
    register uint64_t operand1 __asm__("x11");
    register uint64_t operand2 __asm__("x12");
    register uint64_t operand3 __asm__("x13");
    register uint64_t label __asm__("x8") = call->label;
    register uint64_t word0 __asm__("x0");
    register uint64_t word1 __asm__("x1");
    register uint64_t word2 __asm__("x2");
    register uint64_t word3 __asm__("x3");
    register uint64_t word4 __asm__("x4");
    register uint64_t word5 __asm__("x5");
    ABI_ARCH_SET(operand0, operands > 0, call->operand[0]);
    ABI_ARCH_SET(operand1, operands > 1, call->operand[1]);
    ABI_ARCH_SET(operand2, operands > 2, call->operand[2]);
    ABI_ARCH_SET(operand3, operands > 3, call->operand[3]);
    ABI_ARCH_SET(word0, words > 0, call->word[0]);
    ABI_ARCH_SET(word1, words > 1, call->word[1]);
    ABI_ARCH_SET(word2, words > 2, call->word[2]);
    ABI_ARCH_SET(word3, words > 3, call->word[3]);
    ABI_ARCH_SET(word4, words > 4, call->word[4]);
    ABI_ARCH_SET(word5, words > 5, call->word[5]);
    __asm__ volatile("svc #0"
                     : "+r"(control), "+r"(operand0), "+r"(operand1), "+r"(operand2),
                       "+r"(operand3), "+r"(label), "+r"(word0), "+r"(word1), "+r"(word2),
                       "+r"(word3), "+r"(word4), "+r"(word5)
                     :
                     : "memory");
    call->control = control;
    call->operand[0] = operand0;
    call->operand[1] = operand1;
    call->operand[2] = operand2;
    call->operand[3] = operand3;
    call->label = label;
    call->word[0] = word0;
    call->word[1] = word1;
    call->word[2] = word2;
    call->word[3] = word3;
    call->word[4] = word4;
    call->word[5] = word5;
}

static inline void abi_call(struct abi_call *call)
{
    abi_call_short(call, 4, 6);
}

#undef ABI_ARCH_SET
#undef ABI_ARCH_ANY

#endif
