/*
 * Threads that wait for a page from its pager.
 *
 * The first thread that needs an absent page sends the message of kind page to the pager's port,
 * and is in state send until it is taken; then it faults again and finds the page filling. Who
 * finds a page filling waits, as on a word (ipc/word.h), until something of the object has come.
 * All are in user mode's eyes at the faulting instruction; being claimed is just faulting again.
 *
 * A pager whose port nobody can receive from any more is none: all who wait fault again, and the
 * first takes it away from the object.
 */
#pragma once

#include "mem/memory.h"
#include "obj/thread.h"
#include "sched/cpu.h"

/* The current thread needs the page of `request`; it waits when this returns. */
void page_wanted(struct cpu *self, struct thread *thread, const struct page_request *request);

/* Something of the object came, or has to be asked for anew (memory_pager.wake). Wakes some who
 * wait, the reaper the others. */
bool page_wake(struct memory *memory);

/* Gives a pager's reference on its port back (memory_pager.put). */
void page_pager_put(struct object *port);

/* The message of an owned thread, which was in state send, is taken back: nobody was asked. */
void page_unasked(struct thread *thread);
