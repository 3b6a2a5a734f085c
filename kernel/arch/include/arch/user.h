/*
 * The contract, part 9: user mode. Entry code saves a thread's registers into its
 * `struct trap_frame` (the first field of struct thread), whatever brought it into the kernel, goes
 * on on the CPU's kernel stack, and calls
 *
 *     struct thread *syscall_enter(struct cpu *cpu, struct thread *thread)     syscall/entry.c
 *     struct thread *trap_enter(...)  of arch/, which calls thread_fault, irq_dispatch, ...
 *
 * with interrupts off. What comes back is the thread to go to: its frame is loaded, message
 * registers from cpu->message (which entry code sets to the frame itself before the call; a fast
 * IPC points it at the sender's frame), and user mode entered.
 *
 * Inline, in arch_user.h, on a struct trap_frame:
 *   uint64_t frame_control(f), frame_operand(f, i), frame_label(f), frame_word(f, i)
 *   void frame_set_control(f, v), frame_set_operand(f, i, v), frame_set_label, frame_set_word
 *   void frame_copy_message(to, from)         label and words
 *   bool frame_entered_old(f)                 by the second entry (int 0x80)
 *   ARCH_ENTRY                                the calling convention of syscall_enter: entry code
 * has saved all registers, so that none need be preserved struct arch_thread FPU area, thread
 * pointer, what else a switch moves void arch_thread_leave(struct cpu *cpu, struct thread *thread)
 *       saves what of the running thread is neither in its frame nor stays readable: its thread
 *       pointer if user mode may write that, its FPU state if another CPU may take it over. Called
 *       *before* the thread is given to anybody: put into a place, a run queue, bound to a reply.
 *       Leaving and not going after all does no harm.
 *   void arch_thread_switch(struct cpu *cpu, struct thread *to)
 *       loads these, and sets the place where the next entry saves. Called before anything that may
 *       call arch_thread_leave for `to`: making its call again, or its attention.
 */
#pragma once

#include "arch/trap.h"
#include "lib/error.h"
#include "lib/types.h"
#include <abi.h>

struct cpu;
struct thread;
struct job;

/* Where to go: `thread` is the CPU's current one; label and words come from `message`. */
struct user_exit {
    struct thread *thread;
    struct trap_frame *message;
};

#include <arch_user.h>

/* syscall/entry.c: a system call of `thread`, the current one; a fault of it; and the way out after
 * an interrupt. Interrupts off, on the CPU's kernel stack. */
ARCH_ENTRY struct user_exit syscall_enter(struct cpu *cpu, struct thread *thread);
struct user_exit thread_trap(struct cpu *cpu, struct thread *thread, uint32_t fault,
                             uaddr_t address, uint64_t error);
struct user_exit user_leave(struct cpu *cpu);

/* A frame that starts at `pc` with `sp` and `argument` in the first word register. */
void arch_frame_init(struct trap_frame *frame, uaddr_t pc, uaddr_t sp, uint64_t argument);

/* The user's registers as user space sees them (abi_arch.h), and back; `set` refuses or cuts
 * whatever would give more than user mode: bad_argument. */
struct abi_registers;
void arch_registers_get(const struct thread *thread, struct abi_registers *registers);
error_t arch_registers_set(struct thread *thread, const struct abi_registers *registers);
/* Of a thread that runs here, or that nobody else lets run. */
void arch_thread_pointer_set(struct thread *thread, uaddr_t pointer);

/* FPU state; size in bytes is constant after boot. The area is in the CPU's own layout. */
error_t arch_thread_init(struct thread *thread, struct job *job);
void arch_thread_free(struct thread *thread, struct job *job);
size_t arch_fpu_size(void);
void arch_fpu_get(struct thread *thread, void *area);
error_t arch_fpu_set(struct thread *thread, const void *area);
/* The FPU of `thread` is nowhere but in its area afterwards; on the CPU that may hold it. */
void arch_fpu_save(struct cpu *self, struct thread *thread);

/* Each CPU, once: entry registers, FPU control. */
void arch_user_init_cpu(void);

/* Starts user mode at the end of boot or from idle: loads what the entry path would. */
_Noreturn void arch_user_enter(struct cpu *cpu, struct thread *thread);
