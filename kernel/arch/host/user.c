/* Threads of the host: registers that nobody runs with. */
#include "obj/thread.h"

void arch_frame_init(struct trap_frame *frame, uaddr_t pc, uaddr_t sp, uint64_t argument)
{
    *frame = (struct trap_frame){.pc = pc.va, .sp = sp.va, .words = {argument}};
}

error_t arch_thread_init(struct thread *thread, struct job *job)
{
    (void)job;
    thread->arch.live = 0;
    return OK;
}

void arch_thread_free(struct thread *thread, struct job *job)
{
    (void)thread;
    (void)job;
}
