/*
 * Threads of this process, and objects: what most programs want of object_create.
 */
#ifndef SYS_THREAD_H
#define SYS_THREAD_H

#include "lib/error.h"
#include <abi.h>

/* The program's own: its first thread's message page, and its end. */
extern void *sys_page;
_Noreturn void sys_exit(uint64_t value);

/* Makes a port of the given depth, or a reply object, in the root program's job. */
error_t sys_port_create(uint64_t depth, slot_t *port);
error_t sys_reply_create(slot_t *reply);

/*
 * Starts a thread that runs `entry(argument, page)` on a stack [stack, stack + size), where `page`
 * is its message page, and ends when that returns, with its value.
 */
error_t sys_thread_start(uint64_t (*entry)(void *argument, void *page), void *argument, void *stack,
                         uint64_t size, slot_t *thread);

#endif
