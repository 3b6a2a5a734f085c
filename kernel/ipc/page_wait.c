/* Threads that wait for a page (page_wait.h). */
#include "ipc/page_wait.h"
#include "ipc/queue.h"
#include "ipc/transfer.h"
#include "ipc/word.h"
#include "lib/assert.h"
#include "sched/sched.h"

#define WAKES 16 /* at once */

static bool page_filling(struct memory *memory, uint64_t offset)
{
    struct page_info info;
    return memory_page_info(memory, offset, &info) == OK && info.kind == PAGE_FILLING;
}

/* Another was asked for the page already: it may come while we lie down. */
static void page_await(struct cpu *self, struct thread *thread, const struct page_request *request,
                       const struct port *port)
{
    word_wait_on(thread, request->memory->object.identity, WORD_ANY_PAGE);
    bool stay = page_filling(request->memory, request->offset) && !port_deaf(port);
    if (stay || !word_unwait(thread)) {
        sched_gone(self);
        thread_given(thread);
        return;
    }
    thread_set_status(thread, THREAD_RUNNING);
}

/* The page is absent again; without a pager, faulting again is an error. */
static void page_refuse(const struct page_request *request, struct port *port)
{
    static const struct memory_pager none;
    struct memory_pager former;
    memory_unasked(request->memory, request->offset);
    if (port != NULL && port_deaf(port) &&
        memory_pager_set(request->memory, &port->object, &none, &former))
        former.put(former.port);
}

/* The pager's port, with a reference; NULL if there is none now. */
static struct port *pager_port(struct memory *memory)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    struct object *object = memory->pager.port;
    if (object != NULL)
        object_get(object);
    spinlock_unlock(&memory->lock, irq);
    return object != NULL ? CONTAINER_OF(object, struct port, object) : NULL;
}

/* True if it waits. The port is held. */
static bool page_ask(struct cpu *self, struct thread *thread, const struct page_request *request,
                     struct port *port)
{
    if (port == NULL || port_deaf(port))
        return false;
    arch_thread_leave(self, thread);
    thread->sending = MESSAGE_page;
    if (!request->ask) {
        page_await(self, thread, request, port);
        return true;
    }
    if (!object_try_get(&request->memory->object))
        return false; /* it was unmapped meanwhile */
    thread->asked = request->memory;
    thread->fault[0] = request->offset;
    thread->fault[1] = 1;
    thread->fault[2] = request->write;
    sched_gone(self);
    send_held(thread, port);
    return true;
}

void page_wanted(struct cpu *self, struct thread *thread, const struct page_request *request)
{
    struct port *port = pager_port(request->memory);
    if (!page_ask(self, thread, request, port))
        page_refuse(request, port);
    if (port != NULL)
        object_put(&port->object);
}

/* A piece of waking who came before; true if no more do. */
static bool wake_some(const struct memory *memory, uint64_t before)
{
    return word_wake_on(memory->object.identity, WORD_ANY_PAGE, before, WAKES) < WAKES;
}

/* The reaper's; it has a reference. Others that come to wake meanwhile only say before when. */
static bool wake_step(struct reclaim *reclaim)
{
    struct memory *memory = CONTAINER_OF(reclaim, struct memory, object.reclaim);
    uint64_t before = atomic_load(&memory->wake_before);
    if (!wake_some(memory, before) ||
        !atomic_compare_exchange_strong(&memory->wake_before, &before, 0))
        return false;
    object_put(&memory->object);
    return true;
}

bool page_wake(struct memory *memory)
{
    uint64_t before = word_turn(memory->object.identity, WORD_ANY_PAGE);
    if (wake_some(memory, before))
        return true;
    if (!object_try_get(&memory->object))
        return false;
    if (atomic_exchange(&memory->wake_before, before) == 0)
        reap_steps(&memory->object.reclaim, wake_step);
    else
        object_put(&memory->object);
    return true;
}

void page_pager_put(struct object *port)
{
    port_source_put(CONTAINER_OF(port, struct port, object));
}

void page_unasked(struct thread *thread)
{
    struct memory *memory = thread->asked;
    thread->asked = NULL;
    memory_unasked(memory, thread->fault[0]);
    object_put(&memory->object);
}
