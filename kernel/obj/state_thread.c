/*
 * The state of threads (state.h).
 *
 * All but scheduling is set on a thread that stands (obj/hold.h), so that nobody else lets it go on
 * meanwhile.
 */
#include "cap/slot.h"
#include "ipc/queue.h"
#include "ipc/reply.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/memory.h"
#include "obj/hold.h"
#include "obj/process.h"
#include "obj/state.h"
#include "sched/sched.h"
#include "syscall/restart.h"
#include <abi_arch.h>

_Static_assert(SCHED_AFFINITY_WORDS == 8, "affinity0 to affinity7");
_Static_assert((int)WAIT_RESUME_CALL == RESUME_CALL && (int)WAIT_RESUME_FAULT == RESUME_FAULT, "");

#define SCHED_FIELDS (STATE_BIT(thread, basic, affinity7) * 2 - STATE_BIT(thread, basic, class))

static struct thread *thread_of(struct object *object)
{
    assert(object->kind == OBJECT_thread);
    return CONTAINER_OF(object, struct thread, object);
}

/* --- out --- */

/* Acquire: who sees that it is dead sees the value that it left (thread_die). */
static enum wait_record wait_of(const struct thread *thread)
{
    switch (atomic_load_explicit(&thread->status, memory_order_acquire)) {
    case THREAD_NEW:
        return WAIT_NEW;
    case THREAD_PARKED:
        return thread->resume == RESUME_USER ? WAIT_RUNNING : WAIT_ISSUE;
    case THREAD_REPLY:
        return WAIT_REPLY;
    case THREAD_FAULT:
        return WAIT_FAULT;
    case THREAD_DEAD:
        return WAIT_DEAD;
    default:
        return thread->sending == MESSAGE_exit ? WAIT_DEAD : WAIT_OTHER;
    }
}

static struct object *reply_of(const struct thread *thread)
{
    enum wait_record wait = wait_of(thread);
    struct reply *reply = *(struct reply *const volatile *)&thread->reply;
    return (wait == WAIT_REPLY || wait == WAIT_FAULT) && reply != NULL ? &reply->object : NULL;
}

/* Of a call that was not taken, its registers say it. */
static uint64_t sending_of(const struct thread *thread)
{
    enum wait_record wait = wait_of(thread);
    bool says = wait == WAIT_REPLY || wait == WAIT_FAULT || thread->resume == RESUME_FAULT;
    return says ? thread->sending : MESSAGE_NONE;
}

static void get_sched(struct thread *thread, struct state_thread_basic *to)
{
    struct sched_params params;
    sched_get(thread, &params);
    to->class = params.policy.class;
    to->priority = params.policy.priority;
    to->budget = params.policy.budget_ns;
    to->period = params.policy.period_ns;
    memcpy(&to->affinity0, params.affinity, sizeof(params.affinity));
    to->cpu_time = sched_time_ns(thread);
}

static struct object *port_object(struct port *port)
{
    return port != NULL ? &port->object : NULL;
}

static void get_basic(struct thread *thread, struct state_thread_basic *to)
{
    uint32_t attention = atomic_load(&thread->attention);
    *to = (struct state_thread_basic){
        .identity = thread->object.identity,
        .process = state_identity(&thread->process->object),
        .page = thread->page_user.va,
        .page_memory = state_identity(&thread->page_memory->object),
        .wait = wait_of(thread),
        .resume = thread->resume,
        .sending = sending_of(thread),
        .reply = state_identity(reply_of(thread)),
        .order = wait_of(thread) == WAIT_ISSUE ? thread->order : 0,
        .suspended = (attention & ATTENTION_SUSPEND) != 0,
        .kicked = (attention & ATTENTION_KICK) != 0,
        .fault_class = thread->fault[0],
        .fault_address = thread->fault[1],
        .fault_error = thread->fault[2],
        .fault_pc = thread->fault[3],
        .foreign_badge = thread->foreign_badge,
        .foreign = state_identity(port_object(thread->foreign)),
        .handler_badge = thread->handler_badge,
        .handler = state_identity(port_object(thread->handler)),
        .exit_reason = atomic_load(&thread->exit_reason),
        .exit_value = thread->exit_value,
    };
    get_sched(thread, to);
}

/* On no CPU, and in nobody's hands. */
static bool stands(const struct thread *thread)
{
    enum thread_status status = thread_status(thread);
    return status != THREAD_RUNNING && status != THREAD_CLAIMED;
}

error_t state_get_registers(struct thread *thread, struct state *state)
{
    if (state->part == STATE_thread_registers) {
        arch_registers_get(thread, state->data);
        state->size = sizeof(struct abi_registers);
    } else if (state->part == STATE_thread_fpu) {
        arch_fpu_get(thread, state->data);
        state->size = arch_fpu_size();
    } else {
        return ERR_bad_argument;
    }
    return OK;
}

static error_t thread_get(struct object *object, struct state *state)
{
    struct thread *thread = thread_of(object);
    switch (state->part) {
    case STATE_thread_basic:
        get_basic(thread, state->data);
        state->size = sizeof(struct state_thread_basic);
        return OK;
    default:
        if (atomic_load(&thread->exit_reason) != EXIT_NONE)
            return ERR_dead;
        return stands(thread) ? state_get_registers(thread, state) : ERR_busy;
    }
}

/* --- in --- */

/* A port that the kernel sends to for the thread. A capability's badge cannot be changed. */
static error_t set_port(struct thread *caller, object_t argument, uint64_t badge,
                        struct port **port)
{
    struct slot *slot;
    error_t error = state_argument(caller, argument, OBJECT_port, RIGHT_send, &slot);
    if (error != OK)
        return error;
    if (slot != NULL && slot->badge != 0 && slot->badge != badge)
        return ERR_denied;
    struct port *old = *port, *new = NULL;
    if (slot != NULL)
        new = CONTAINER_OF(slot_kept(slot), struct port, object);
    if (new != NULL && !port_source_get(new))
        return ERR_bad_slot;
    *port = new;
    if (old != NULL)
        port_source_put(old);
    return OK;
}

static error_t set_ports(struct thread *caller, struct thread *thread, uint64_t fields,
                         const struct state_thread_basic *new)
{
    error_t error = OK;
    if (STATE_SETS(thread, basic, foreign)) {
        uint64_t badge = STATE_SETS(thread, basic, foreign_badge) ? new->foreign_badge : 0;
        error = set_port(caller, new->foreign, badge, &thread->foreign);
        if (error == OK)
            thread->foreign_badge = badge;
    }
    if (error == OK && STATE_SETS(thread, basic, handler)) {
        uint64_t badge = STATE_SETS(thread, basic, handler_badge) ? new->handler_badge : 0;
        error = set_port(caller, new->handler, badge, &thread->handler);
        if (error == OK)
            thread->handler_badge = badge;
    }
    thread->special = restart_mode() || thread->foreign != NULL;
    thread->directory = thread->special ? slot_no_directory : thread->process->table.directory;
    return error;
}

static bool sends_validly(uint64_t kind)
{
    return kind <= MESSAGE_kick && kind != MESSAGE_signal;
}

static error_t set_wait(struct thread *thread, uint64_t fields, uint32_t *was,
                        const struct state_thread_basic *new)
{
    uint64_t *fault = thread->fault;
    if (STATE_SETS(thread, basic, sending)) {
        if (!sends_validly(new->sending))
            return ERR_bad_argument;
        thread->sending = (uint8_t)new->sending;
    }
    if (STATE_SETS(thread, basic, resume)) {
        if (new->resume > WAIT_RESUME_FAULT)
            return ERR_bad_argument;
        thread->resume = (uint8_t)new->resume;
    }
    if (STATE_SETS(thread, basic, order)) {
        if ((new->order & ~(UINT64_MAX << PORT_TURN_SHIFT)) > PORT_TURNS_MAX)
            return ERR_bad_argument;
        thread->order = new->order;
    }
    fault[0] = STATE_SETS(thread, basic, fault_class) ? new->fault_class : fault[0];
    fault[1] = STATE_SETS(thread, basic, fault_address) ? new->fault_address : fault[1];
    fault[2] = STATE_SETS(thread, basic, fault_error) ? new->fault_error : fault[2];
    fault[3] = STATE_SETS(thread, basic, fault_pc) ? new->fault_pc : fault[3];
    /* A fault that is sent again has to be one. */
    bool faults = thread->sending == MESSAGE_fault || thread->sending == MESSAGE_no_memory;
    if (thread->resume == RESUME_FAULT && !faults)
        thread->resume = RESUME_USER;
    if (!STATE_SETS(thread, basic, wait))
        return OK;
    if (new->wait == WAIT_NEW || new->wait > WAIT_FAULT)
        return ERR_bad_argument;
    if (*was == THREAD_NEW && atomic_load(&thread->process->dying))
        return ERR_dead;
    thread->cpu = *was == THREAD_NEW ? cpu_self()->number : thread->cpu;
    *was = THREAD_PARKED;
    return OK;
}

static void set_attention(struct thread *thread, uint32_t bit, bool sets, uint64_t value)
{
    if (sets && value != 0)
        atomic_fetch_or(&thread->attention, bit);
    else if (sets)
        atomic_fetch_and(&thread->attention, ~bit);
}

static error_t set_held(struct thread *caller, struct thread *thread, uint64_t fields,
                        const struct state_thread_basic *new)
{
    struct hold hold;
    error_t error = hold_thread(&hold, thread);
    if (error != OK)
        return error;
    error = set_ports(caller, thread, fields, new);
    set_attention(thread, ATTENTION_SUSPEND, STATE_SETS(thread, basic, suspended), new->suspended);
    set_attention(thread, ATTENTION_KICK, STATE_SETS(thread, basic, kicked), new->kicked);
    if (error == OK && hold.reply == NULL)
        error = set_wait(thread, fields, &hold.status, new);
    hold_end(&hold);
    return error;
}

/* Fields that are not set keep what they have. */
static error_t set_sched(struct thread *thread, uint64_t fields,
                         const struct state_thread_basic *new)
{
    struct sched_params params;
    struct state_thread_basic merged;
    get_sched(thread, &merged);
    for (uint32_t i = 0; i < sizeof(merged) / sizeof(uint64_t); i++)
        if ((fields >> i & 1) != 0)
            ((uint64_t *)&merged)[i] = ((const uint64_t *)new)[i];
    if (merged.class >= SCHED_CLASSES || merged.priority > UINT8_MAX)
        return ERR_bad_argument;
    params.policy = (struct sched_policy){.class = (uint8_t)merged.class,
                                          .priority = (uint8_t)merged.priority,
                                          .budget_ns = merged.budget,
                                          .period_ns = merged.period};
    memcpy(params.affinity, &merged.affinity0, sizeof(params.affinity));
    return sched_set(thread, &params);
}

static error_t set_basic(struct thread *caller, struct thread *thread, uint64_t fields,
                         const struct state_thread_basic *new)
{
    error_t error = OK;
    if ((fields & SCHED_FIELDS) != 0)
        error = set_sched(thread, fields, new);
    if (error == OK && (fields & ~SCHED_FIELDS) != 0)
        error = set_held(caller, thread, fields, new);
    return error;
}

error_t state_set_registers(struct thread *thread, const struct state *state)
{
    bool fpu = state->part == STATE_thread_fpu;
    if (state->size != (fpu ? arch_fpu_size() : sizeof(struct abi_registers)))
        return ERR_bad_argument;
    return fpu ? arch_fpu_set(thread, state->data) : arch_registers_set(thread, state->data);
}

static error_t set_registers(struct thread *thread, const struct state *state)
{
    struct hold hold;
    error_t error = hold_thread(&hold, thread);
    if (error != OK)
        return error;
    error = state_set_registers(thread, state);
    hold_end(&hold);
    return error;
}

static error_t thread_set(struct thread *caller, struct object *object, uint64_t fields,
                          const struct state *state)
{
    struct thread *thread = thread_of(object);
    switch (state->part) {
    case STATE_thread_basic:
        return set_basic(caller, thread, fields, state->data);
    case STATE_thread_registers:
    case STATE_thread_fpu:
        return set_registers(thread, state);
    default:
        return ERR_bad_argument;
    }
}

static error_t thread_open(struct object *object, uint64_t link, uint64_t *index,
                           struct state_link *found)
{
    struct thread *thread = thread_of(object);
    (void)index;
    switch (link) {
    case LINK_thread_foreign:
        return state_found(port_object(thread->foreign), RIGHT_read, found);
    case LINK_thread_handler:
        return state_found(port_object(thread->handler), RIGHT_read, found);
    case LINK_thread_reply:
        return state_found(reply_of(thread), RIGHT_read, found);
    default:
        return state_found(&thread->page_memory->object, RIGHT_read | RIGHT_write | RIGHT_map,
                           found);
    }
}

const struct state_ops thread_state = {
    .set_right = RIGHT_run, .get = thread_get, .set = thread_set, .open = thread_open};
