/*
 * Processes made from the running one: a copy of its address space, an empty table, one thread.
 *
 * The parent gives it capabilities by cap_place, at handles that both sides know (sys_child_slot).
 */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include "lib/error.h"
#include <abi.h>

/* Message page and stack of a child's thread stand close together: few page tables show both. */
#define SYS_CHILD_PAGE  UINT64_C(0x7ffd00000000) /* message page of a child's first thread */
#define SYS_CHILD_STEP  UINT64_C(0x10000)        /* of further ones, behind it */
#define SYS_STACK_BYTES UINT64_C(0x8000)         /* a stack ends a step behind the page */

/* The n-th handle that a child can be given, from 1. */
static inline slot_t sys_child_slot(unsigned n)
{
    return (slot_t){UINT64_C(1) << 32 | n};
}

/* Makes a process in `job` with a private copy of the caller's space. */
error_t sys_child_create(slot_t job, slot_t *process);

/*
 * Starts the n-th thread (from 0) of a child: `entry(argument, page)` on a stack of its own. The
 * objects are charged to `job`.
 */
error_t sys_child_thread(slot_t job, slot_t process, unsigned n,
                         uint64_t (*entry)(void *argument, void *page), void *argument,
                         slot_t *thread);

/* The same not started: made, with its stack ready. */
error_t sys_child_thread_make(slot_t job, slot_t process, unsigned n,
                              uint64_t (*entry)(void *argument, void *page), void *argument,
                              slot_t *thread);

/* Starts the n-th thread that was made so. */
error_t sys_child_start(slot_t thread, unsigned n);

/* Derives a capability into the child's table at sys_child_slot(n). */
error_t sys_child_give(slot_t process, unsigned n, slot_t source, uint64_t rights, uint64_t badge);

#endif
