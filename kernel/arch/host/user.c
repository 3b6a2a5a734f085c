/* Threads of the host: registers, kept and given back. Nothing runs with them. */
#include "arch/user.h"
#include "mem/space.h"
#include "obj/thread.h"
#include <abi_arch.h>

#include <string.h>

_Thread_local struct arch_thread host_loaded;

void arch_frame_init(struct trap_frame *frame, uaddr_t pc, uaddr_t sp, uint64_t argument)
{
    *frame = (struct trap_frame){.pc = pc.va, .sp = sp.va, .word = {argument}};
}

void arch_registers_get(const struct thread *thread, struct abi_registers *registers)
{
    const struct trap_frame *frame = &thread->frame;
    *registers = (struct abi_registers){.control = frame->control,
                                        .label = frame->label,
                                        .pc = frame->pc,
                                        .sp = frame->sp,
                                        .thread_pointer = thread->arch.thread_pointer};
    memcpy(registers->operand, frame->operand, sizeof(registers->operand));
    memcpy(registers->word, frame->word, sizeof(registers->word));
}

error_t arch_registers_set(struct thread *thread, const struct abi_registers *registers)
{
    struct trap_frame *frame = &thread->frame;
    if (registers->pc >= SPACE_END)
        return ERR_bad_argument;
    frame->control = registers->control;
    frame->label = registers->label;
    frame->pc = registers->pc;
    frame->sp = registers->sp;
    memcpy(frame->operand, registers->operand, sizeof(registers->operand));
    memcpy(frame->word, registers->word, sizeof(registers->word));
    arch_thread_pointer_set(thread, (uaddr_t){registers->thread_pointer});
    return OK;
}

void arch_thread_pointer_set(struct thread *thread, uaddr_t pointer)
{
    thread->arch.thread_pointer = pointer.va;
    if (cpu_self()->current == thread)
        host_loaded.thread_pointer = pointer.va;
}

error_t arch_thread_init(struct thread *thread, struct job *job)
{
    (void)job;
    thread->arch = (struct arch_thread){0};
    return OK;
}

void arch_thread_free(struct thread *thread, struct job *job)
{
    (void)thread;
    (void)job;
}

size_t arch_fpu_size(void)
{
    return sizeof(uint64_t);
}

void arch_fpu_get(struct thread *thread, void *area)
{
    memcpy(area, &thread->arch.fpu, sizeof(thread->arch.fpu));
}

error_t arch_fpu_set(struct thread *thread, const void *area)
{
    memcpy(&thread->arch.fpu, area, sizeof(thread->arch.fpu));
    return OK;
}
