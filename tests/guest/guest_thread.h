/* For native tests: where threads send to, and their registers, through their state. */
#ifndef GUEST_THREAD_H
#define GUEST_THREAD_H

#include "lib/error.h"
#include "sys/call.h"
#include "sys/message.h"
#include "sys/thread.h"
#include "test.h"
#include <abi_arch.h>
#include <root.h>
#include <state.h>

#define THREAD_BIT(name) STATE_BIT(thread, basic, name)

/* Lets others run for so long. */
static inline void sleep_for(uint64_t nanoseconds)
{
    slot_t port = {0};
    uint64_t now = 0;
    struct message message;
    EXPECT(sys_port_create(0, &port) == OK && tern_clock_read(&now) == OK);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, now + nanoseconds) == ERR_timeout);
    EXPECT(tern_cap_delete(port) == OK);
}

static inline error_t thread_route(slot_t thread, slot_t foreign, uint64_t foreign_badge,
                                   slot_t handler, uint64_t handler_badge)
{
    struct state_thread_basic *basic = sys_page;
    *basic = (struct state_thread_basic){.foreign = {foreign.value},
                                         .foreign_badge = foreign_badge,
                                         .handler = {handler.value},
                                         .handler_badge = handler_badge};
    return tern_object_set(thread, STATE_thread_basic,
                           THREAD_BIT(foreign) | THREAD_BIT(foreign_badge) | THREAD_BIT(handler) |
                               THREAD_BIT(handler_badge),
                           sizeof(*basic), (slot_t){0});
}

/* A new thread stands, suspended, with the registers that were set. */
static inline error_t thread_stand(slot_t thread)
{
    struct state_thread_basic *basic = sys_page;
    *basic = (struct state_thread_basic){.wait = WAIT_RUNNING, .suspended = 1};
    return tern_object_set(thread, STATE_thread_basic, THREAD_BIT(wait) | THREAD_BIT(suspended),
                           sizeof(*basic), root_slot(ROOT_SLOT_JOB));
}

/* Of a thread, or of the one that a reply object holds, in the message page. */
static inline error_t registers_get(slot_t of)
{
    uint64_t size, next;
    return tern_object_info(of, STATE_thread_registers, 0, &size, &next);
}

static inline error_t registers_set(slot_t of)
{
    return tern_object_set(of, STATE_thread_registers, 0, sizeof(struct abi_registers),
                           (slot_t){0});
}

static inline error_t fpu_get(slot_t of, uint64_t *size)
{
    uint64_t next;
    return tern_object_info(of, STATE_thread_fpu, 0, size, &next);
}

static inline error_t fpu_set(slot_t of, uint64_t size)
{
    return tern_object_set(of, STATE_thread_fpu, 0, size, (slot_t){0});
}

#endif
