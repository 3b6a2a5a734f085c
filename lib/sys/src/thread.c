/*
 * Objects and threads of the root program (sys/thread.h).
 *
 * A new thread's stack begins with what it is to run; arch/<cpu>/start.S gives it to
 * sys_thread_begin.
 */
#include "sys/thread.h"
#include "lib/types.h"
#include "sys/call.h"
#include "sys/start.h"
#include <root.h>
#include <stdatomic.h>

/* Message pages of further threads stand above the first one's, each at an address of its own with
 * a page between. */
#define PAGE_STEP (2 * (uint64_t)MESSAGE_PAGE)

static _Atomic(uint64_t) page_next = ROOT_PAGE + PAGE_STEP;

static error_t create(enum object_kind kind, slot_t parent, uint64_t value, slot_t *created)
{
    return tern_object_create(root_slot(ROOT_SLOT_JOB), (uint64_t)kind, parent, value, created);
}

error_t sys_port_create(uint64_t depth, slot_t *port)
{
    return create(OBJECT_port, (slot_t){0}, depth, port);
}

error_t sys_reply_create(slot_t *reply)
{
    return create(OBJECT_reply, (slot_t){0}, 0, reply);
}

void sys_thread_begin(const struct sys_begin *begin)
{
    SYS_TLS_BEGIN();
    sys_exit(begin->entry(begin->argument, begin->page));
}

error_t sys_thread_start(uint64_t (*entry)(void *argument, void *page), void *argument, void *stack,
                         uint64_t size, slot_t *thread)
{
    uint64_t page = atomic_fetch_add_explicit(&page_next, PAGE_STEP, memory_order_relaxed);
    error_t error = create(OBJECT_thread, root_slot(ROOT_SLOT_PROCESS), page, thread);
    if (error != OK)
        return error;
    uintptr_t top = align_down((uintptr_t)stack + size - sizeof(struct sys_begin), 16);
    struct sys_begin *begin = (struct sys_begin *)top;
    *begin = (struct sys_begin){entry, argument, (void *)page};
    error = tern_thread_start(*thread, (uaddr_t){(uintptr_t)sys_thread_enter}, (uaddr_t){top}, top);
    if (error != OK)
        (void)tern_cap_delete(*thread);
    return error;
}
