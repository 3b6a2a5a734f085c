/* Processes made from the running one (sys/child.h). */
#include "sys/child.h"
#include "sys/call.h"
#include "sys/start.h"
#include <root.h>
#include <space.h>

error_t sys_child_create(slot_t job, slot_t *process)
{
    uint64_t next = 0;
    error_t error = tern_object_create(job, OBJECT_process, (slot_t){0}, 0, process);
    while (error == OK && next != SPACE_END)
        error = tern_space_clone(root_slot(ROOT_SLOT_PROCESS), *process, next, &next);
    return error;
}

/* Memory of its own at [top - SYS_STACK_BYTES, top), with what start.S wants at its end. */
static error_t stack_make(slot_t job, slot_t process, uint64_t top, const struct sys_begin *begin)
{
    slot_t memory;
    uint64_t done;
    error_t error = tern_object_create(job, OBJECT_memory, (slot_t){0}, SYS_STACK_BYTES, &memory);
    if (error != OK)
        return error;
    error = tern_memory_write(memory, SYS_STACK_BYTES - SYS_BEGIN_BYTES,
                              (uaddr_t){(uintptr_t)begin}, sizeof(*begin), &done);
    if (error == OK)
        error = tern_space_map(process, memory, 0, (uaddr_t){top - SYS_STACK_BYTES},
                               SYS_STACK_BYTES, SPACE_READ | SPACE_WRITE);
    (void)tern_cap_delete(memory);
    return error;
}

/* Starts where the stack is, with what stands there. */
static uint64_t stack_top(unsigned n)
{
    return SYS_CHILD_PAGE + (n + 1) * SYS_CHILD_STEP;
}

error_t sys_child_thread_make(slot_t job, slot_t process, unsigned n,
                              uint64_t (*entry)(void *argument, void *page), void *argument,
                              slot_t *thread)
{
    uint64_t page = SYS_CHILD_PAGE + n * SYS_CHILD_STEP;
    const struct sys_begin begin = {entry, argument, (void *)page};
    error_t error = stack_make(job, process, stack_top(n), &begin);
    return error != OK ? error : tern_object_create(job, OBJECT_thread, process, page, thread);
}

error_t sys_child_start(slot_t thread, unsigned n)
{
    uint64_t at = stack_top(n) - SYS_BEGIN_BYTES;
    return tern_thread_start(thread, (uaddr_t){(uintptr_t)sys_thread_enter}, (uaddr_t){at}, at);
}

error_t sys_child_thread(slot_t job, slot_t process, unsigned n,
                         uint64_t (*entry)(void *argument, void *page), void *argument,
                         slot_t *thread)
{
    error_t error = sys_child_thread_make(job, process, n, entry, argument, thread);
    return error == OK ? sys_child_start(*thread, n) : error;
}

error_t sys_child_give(slot_t process, unsigned n, slot_t source, uint64_t rights, uint64_t badge)
{
    slot_t placed;
    return tern_cap_place(process, sys_child_slot(n), (slot_t){0}, source, (rights_t){rights},
                          badge, &placed);
}
