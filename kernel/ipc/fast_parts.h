/*
 * What the files of the fast path share (fast.h). fast.c has the way in, calls and answers;
 * fast_one_way.c what ends in a switch to another thread that is ready: sends, signals, receives,
 * yields, interrupts.
 *
 * The fast path does what send.c, receive.c and reply.c do, in one piece and for plain messages
 * only; before its first write it can still leave everything to them. Counted instructions are what
 * shapes these files: one function for each way, in which entry code has left nothing to preserve
 * (ARCH_ENTRY).
 */
#pragma once

#include "ipc/fast.h"
#include "ipc/queue.h"
#include "lib/string.h"
#include "sched/sched.h"
#include "syscall/entry.h"

/* By itself, so that what one way needs on the stack is not paid by the others. */
#define OUTLINE static __attribute__((noinline))

#define NOT_PLAIN ((struct user_exit){NULL, NULL})

/* The slot with the object and one of the rights; *object is NULL if there is none such. */
INLINE struct slot *fast_find(const struct thread *thread, uint64_t handle, uint32_t right,
                              struct object **object)
{
    struct slot *slot = slot_find_in(thread->directory, (slot_t){handle}, object);
    if (UNLIKELY((slot->rights & right) == 0))
        *object = NULL;
    return slot;
}

INLINE bool fast_change(struct reply *reply, uintptr_t from, uintptr_t to)
{
    return LIKELY(atomic_compare_exchange_strong_explicit(
        &reply->word, &from, to, memory_order_acq_rel, memory_order_relaxed));
}

/* Bytes of the message page. */
INLINE void fast_bytes(uint64_t bytes, struct thread *to, const struct thread *from)
{
    if (UNLIKELY(bytes != 0))
        memcpy(to->page, from->page, bytes);
}

/* Makes `next` live: its space and registers. */
INLINE void fast_load(struct cpu *self, struct thread *next)
{
    self->current = next;
    arch_space_switch(self, &next->process->space.arch);
    arch_thread_switch(self, next);
}

/*
 * The thread of a shard's list. The compiler is to reach its fields from its own address: from that
 * of `wait` the offsets of the frame fit no instruction of some CPUs.
 */
INLINE struct thread *fast_thread(struct list *wait)
{
    struct thread *thread = CONTAINER_OF(wait, struct thread, wait);
    __asm__("" : "+r"(thread));
    return thread;
}

/* Puts the server into its shard, where any CPU may take it and write its frame from now on. */
INLINE void fast_publish(struct cpu *self, struct thread *server, struct port *port)
{
    server->fast = true;
    thread_set_shard(server, port, self->number);
    struct port_shard *shard = &port->shards[self->number];
    debug_assert(self->number < port->shard_count && server->place == port);
    spinlock_enter(&shard->lock);
    list_add_first(&shard->receivers, &server->wait);
    /* Release: who finds this status finds where it waits, too (port_unpublish). */
    atomic_store_explicit(&server->status, THREAD_RECEIVE, memory_order_release);
    spinlock_exit(&shard->lock);
}

/* A receiver that has waited since, and may have come too late: something was pending, or gone. */
void fast_look(struct port *port, struct thread *receiver);

/* Every call without a fast path, and what of the others is not plain. */
ARCH_ENTRY struct user_exit enter_general(struct cpu *self, struct thread *thread);

ARCH_ENTRY struct user_exit enter_send(struct cpu *self, struct thread *thread);
ARCH_ENTRY struct user_exit enter_signal(struct cpu *self, struct thread *thread);
ARCH_ENTRY struct user_exit enter_receive(struct cpu *self, struct thread *thread);
ARCH_ENTRY struct user_exit enter_yield(struct cpu *self, struct thread *thread);
