/*
 * What the scheduler and the timers call elsewhere, as little as their tests need. Weak: where the
 * real one is linked as well, it is taken.
 */
#include "ipc/port.h"
#include "obj/thread.h"
#include "sched/sched.h"
#include "syscall/entry.h"

#define WEAK __attribute__((weak))

WEAK struct thread *reply_lender(const struct thread *server)
{
    const struct reply *reply = server->serving;
    uintptr_t word = reply == NULL ? REPLY_FREE : reply->word;
    if (word == REPLY_FREE || (word & 3) != 0)
        return NULL;
    struct thread *caller = (struct thread *)word;
    return caller->server == server ? caller : NULL;
}

WEAK void thread_park(struct thread *thread)
{
    thread_set_status(thread, THREAD_PARKED);
}

WEAK bool thread_attend(struct cpu *self, struct thread *thread)
{
    if ((thread->attention & (ATTENTION_SUSPEND | ATTENTION_FREEZE)) != 0) {
        arch_thread_leave(self, thread);
        sched_gone(self);
        thread_park(thread);
    }
    return self->current == thread;
}

WEAK void syscall_again(struct cpu *self, struct thread *thread)
{
    (void)self;
    thread->resume = RESUME_USER;
}

WEAK void port_signal(struct port *port, uint64_t bits)
{
    atomic_fetch_or(&port->signals, bits);
}

WEAK bool port_source_get(struct port *port)
{
    atomic_fetch_add(&port->sources, 1);
    return true;
}

WEAK void port_source_put(struct port *port)
{
    atomic_fetch_sub(&port->sources, 1);
}
