/*
 * What differs by CPU in the personality; each arch/<cpu>/ has one file of it. "registers" is
 * struct abi_registers of a thread that is held.
 */
#ifndef LINUX_SERVER_ARCH_H
#define LINUX_SERVER_ARCH_H

#include "signals.h"
#include "worker.h"
#include <abi_arch.h>

/* This CPU's number of each call of call.def; negative: it has none. */
extern const int16_t arch_call_numbers[LINUX_CALLS];

extern const char arch_platform[]; /* AT_PLATFORM and uname's machine */
uint64_t arch_hwcap(void);

/* A call's result in the registers; a call that is to be made, or made again after it was taken. */
void arch_result_set(struct abi_registers *registers, uint64_t result);
void arch_call_back(struct abi_registers *registers);
void arch_call_again(struct abi_registers *registers, const struct call *call);

/* clone(2) has its last two arguments in another order on each CPU. */
void arch_clone_arguments(uint64_t fourth, uint64_t fifth, uint64_t *tls, uint64_t *child_tid);

/* A clone's child: returns 0 from the call, on another stack if `stack` is not 0. */
void arch_child(struct abi_registers *registers, uint64_t stack);
void arch_thread_pointer_set(struct abi_registers *registers, uint64_t value);

/*
 * A signal frame for `info` on the stack, or the other stack at `other`, with everything that
 * arch_frame_end needs to go back; then the registers for its handler. `mask`: what is blocked
 * after the handler. -EFAULT: there is no room.
 */
int64_t arch_frame(struct worker *worker, struct task *task, struct abi_registers *registers,
                   const struct signal_action *action, const struct signal_info *info,
                   uint64_t mask);
/* rt_sigreturn: sets registers, FPU and `mask` from the frame. -EFAULT. */
int64_t arch_frame_end(struct worker *worker, struct task *task, struct abi_registers *registers,
                       uint64_t *mask);

/* arch_prctl(2), where there is one; else -EINVAL. */
int64_t arch_prctl_do(struct call *call, int what, uint64_t value);

/* Code that ends signal handlers which name none themselves; size 0: they always do. */
#define TRAMPOLINE_VA UINT64_C(0x7ff0f0000000)
extern const uint32_t arch_trampoline[];
extern const uint64_t arch_trampoline_size;

#endif
