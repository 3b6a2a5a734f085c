/*
 * The random calls of fuzz.c: workers, the pool of capabilities that they share, arguments made
 * from the list of system calls (forms.h), and what is kept of the results. For fuzz.c alone.
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include "forms.h"
#include "lib/string.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>
#include <space.h>
#include <state.h>
#include <stdatomic.h>

#define CALLS        100000 /* unless the command line says otherwise; and then no longer than: */
#define CALLS_NS     UINT64_C(20000000000) /* with more CPUs than the machine has, locks are slow */
#define WORKERS      4
#define VICTIMS      3 /* at once; one that was killed is started again */
#define POOL         5 /* capabilities of each kind */
#define STACK_SIZE   8192
#define WINDOW       UINT64_C(0x20000000) /* memory that may lose its pages at any time */
#define WINDOW_SIZE  UINT64_C(0x4000)
#define WORDS        4                    /* that are waited on, of each page */
#define TOY          UINT64_C(0x10000000) /* addresses in processes that have no threads */
#define PAIR_RUN     16                   /* turns before a pair leaves the CPUs to others */
#define ROUND_NS     UINT64_C(1000000)
#define STUCK_NS     UINT64_C(20000000000)
#define STUCK_ROUNDS 500 /* of the keeper, besides: only then it has tried everything */

struct worker {
    uint64_t random;
    slot_t thread; /* victims */
    bool victim;
    void *page;                   /* its message page */
    struct space_range ranges[2]; /* for space_read, space_write */
    _Atomic(uint64_t) calls;
    uint64_t last; /* call's number, for who looks after a hang */
    uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
};

static struct worker workers[WORKERS + VICTIMS];
static _Atomic(uint64_t) pool[OBJECT_KINDS][POOL];
static _Atomic(uint64_t) counts[SYSCALL_LIMIT][ERR_COUNT];
static _Atomic(bool) stop;
static uint64_t calls_wanted, calls_until, seed;
static slot_t fuzz_job;

/* --- randomness --- */

static uint64_t random_next(struct worker *worker)
{
    uint64_t x = worker->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    worker->random = x;
    return x * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}

static uint64_t below(struct worker *worker, uint64_t limit)
{
    return random_next(worker) % limit;
}

static bool one_in(struct worker *worker, uint64_t n)
{
    return below(worker, n) == 0;
}

/* --- the pool: places for capabilities of each kind --- */

static void pool_put(_Atomic(uint64_t) *place, uint64_t handle)
{
    uint64_t old = atomic_exchange(place, handle);
    if (old != 0)
        (void)tern_cap_delete((slot_t){old});
}

static void pool_add(struct worker *worker, uint64_t kind, uint64_t handle)
{
    if (kind == OBJECT_NONE || kind >= OBJECT_KINDS)
        kind = below(worker, OBJECT_KINDS);
    pool_put(&pool[kind][below(worker, POOL)], handle);
}

/* A later generation may be what the keeper looks by whether a thread has ended. */
static bool keepers_own(uint64_t handle)
{
    for (unsigned i = 0; i < COUNT_OF(workers); i++)
        if (workers[i].thread.value == handle)
            return true;
    return false;
}

static uint64_t any_handle(struct worker *worker, uint64_t kind)
{
    if (kind == OBJECT_NONE || one_in(worker, 16))
        kind = below(worker, OBJECT_KINDS);
    uint64_t handle = atomic_load(&pool[kind][below(worker, POOL)]);
    if (one_in(worker, 64))
        handle += UINT64_C(1) << 32; /* a later generation */
    if (one_in(worker, 64))
        handle = random_next(worker);
    return one_in(worker, 64) || keepers_own(handle) ? 0 : handle;
}

/* The kind that it is in the pool for. */
static uint64_t kind_of_handle(uint64_t handle)
{
    for (uint64_t kind = 1; kind < OBJECT_KINDS; kind++)
        for (unsigned i = 0; i < POOL; i++)
            if (atomic_load(&pool[kind][i]) == handle)
                return kind;
    return OBJECT_NONE;
}

/* --- arguments --- */

static uint64_t any_page(struct worker *worker)
{
    return below(worker, 24) * MESSAGE_PAGE;
}

static uint64_t any_address(struct worker *worker)
{
    switch (below(worker, 16)) {
    case 0:
        return random_next(worker);
    case 1:
        return 0;
    case 2:
        return UINT64_C(0xffff800000000000) + any_page(worker);
    case 3:
        return SPACE_END - any_page(worker);
    case 4:
    case 5:
    case 6:
    case 7:
        return TOY + any_page(worker);
    default:
        /* Few words, so that some are waited on and woken. */
        return WINDOW + below(worker, WINDOW_SIZE / MESSAGE_PAGE) * MESSAGE_PAGE +
               below(worker, WORDS) * sizeof(uint32_t);
    }
}

static uint64_t any_number(struct worker *worker)
{
    switch (below(worker, 8)) {
    case 0:
        return random_next(worker) << 8;
    case 1:
        return UINT64_MAX;
    case 2:
    case 3:
        return any_page(worker);
    case 4:
        return 1 + below(worker, 5000);
    default:
        return below(worker, 9);
    }
}

static uint64_t any_deadline(struct worker *worker)
{
    uint64_t now = 0, way = below(worker, 32);
    if (way == 0)
        return DEADLINE_NEVER;
    if (way < 16)
        return DEADLINE_POLL;
    (void)tern_clock_read(&now);
    return now + below(worker, 300000);
}

/* What a parameter of that name mostly is: below `limit`, so many times `unit`. */
static const struct likely {
    const char *name;
    uint64_t limit, unit;
} likely[] = {
    {"offset", 8, MESSAGE_PAGE},
    {"to_offset", 8, MESSAGE_PAGE},
    {"from_offset", 8, MESSAGE_PAGE},
    {"size", 8, MESSAGE_PAGE},
    {"bytes", 32, MESSAGE_PAGE},
    {"kind", 8, 1},
    {"mode", 3, 1},
    {"link", 4, 1},
    {"part", 3, 1},
    {"phase", 1, 1},
    {"place", 1, 1},
    {"pages", 129, 1},
    {"wanted", 1, 1},
    {"expected", 1, 1},
    {"badge", 2, 77},
    {"period", 2, 200000},
    {"index", 40, 1},
    {"since", 4, 1},
};

/* Access and what clones do, in a valid way mostly; of memory_clone a bit. */
static uint64_t any_flags(struct worker *worker, const struct form *form)
{
    if (form_same(form->name, "memory_clone"))
        return below(worker, 2);
    return (1 + below(worker, 3)) | (one_in(worker, 8) ? below(worker, 8) : 0) |
           below(worker, 3) << 4;
}

static uint64_t any_named(struct worker *worker, const struct form *form, const char *name)
{
    if (form_same(name, "deadline"))
        return any_deadline(worker);
    if (one_in(worker, 8))
        return any_number(worker);
    if (form_same(name, "flags"))
        return any_flags(worker, form);
    if (form_same(form->name, "space_cas") && form_same(name, "size"))
        return UINT64_C(4) << below(worker, 2);
    /* Few copies are large: each piece of one takes the lock of the space that all share. */
    if ((form_same(form->name, "memory_read") || form_same(form->name, "memory_write")) &&
        form_same(name, "size") && !one_in(worker, 8))
        return below(worker, 600);
    for (unsigned i = 0; i < COUNT_OF(likely); i++)
        if (form_same(name, likely[i].name))
            return below(worker, likely[i].limit) * likely[i].unit;
    return any_number(worker);
}

/* Of spaces that can be changed: those of processes without threads. */
static uint64_t any_place(struct worker *worker, const struct form *form)
{
    bool space = strncmp(form->name, "space", 5) == 0 && !one_in(worker, 8);
    return space ? TOY + any_page(worker) : any_address(worker);
}

static uint64_t any_value(struct worker *worker, const struct form *form,
                          const struct form_parameter *parameter)
{
    if (parameter->type == FORM_SLOT && form_same(parameter->name, "owner"))
        return one_in(worker, 2) ? 0 : any_handle(worker, OBJECT_process);
    if (parameter->type == FORM_SLOT)
        return any_handle(worker, form_kind(form, parameter->name));
    if (form_same(parameter->name, "buffer") || form_same(parameter->name, "bitmap"))
        return any_address(worker);
    if (parameter->type == FORM_ADDRESS)
        return any_place(worker, form);
    if (form_same(parameter->name, "from_va"))
        return one_in(worker, 2) ? 0 : any_place(worker, form);
    if (parameter->type == FORM_RIGHTS)
        return one_in(worker, 4) ? random_next(worker) : RIGHTS_ALL;
    return any_named(worker, form, parameter->name);
}

/* What belongs together in object_create, mostly. */
static void any_object(struct worker *worker, struct abi_call *call)
{
    if (one_in(worker, 8))
        return;
    uint64_t kind = call->word[0] = 1 + below(worker, OBJECT_timer);
    call->word[1] = kind == OBJECT_thread  ? any_handle(worker, OBJECT_process)
                    : kind == OBJECT_timer ? any_handle(worker, OBJECT_port)
                                           : 0;
    call->word[2] = kind == OBJECT_thread  ? TOY + any_page(worker)
                    : kind == OBJECT_timer ? random_next(worker)
                    : kind == OBJECT_port  ? below(worker, PORT_DEPTH_MAX + 1)
                                           : (1 + below(worker, 24)) * MESSAGE_PAGE;
}

/* The list of ranges of space_read and space_write. */
static void any_ranges(struct worker *worker, struct abi_call *call)
{
    for (unsigned i = 0; i < COUNT_OF(worker->ranges); i++)
        worker->ranges[i] =
            (struct space_range){{TOY + any_page(worker) + below(worker, 64)}, any_number(worker)};
    call->word[0] = (uintptr_t)worker->ranges;
    call->word[1] = below(worker, COUNT_OF(worker->ranges) + 1);
}

/* A message of any size with capabilities, some of them moved. */
static void any_message(struct worker *worker, struct abi_call *call)
{
    uint64_t caps = one_in(worker, 3) ? below(worker, 8) : 0;
    uint64_t bytes = one_in(worker, 3) ? below(worker, MESSAGE_PAGE + 2) : 0;
    call->control |= bytes << CONTROL_BYTES_SHIFT | caps << CONTROL_CAPS_SHIFT |
                     below(worker, 16) << CONTROL_MOVE_SHIFT |
                     below(worker, 2 * ANSWER_RANGE) << CONTROL_WAY_SHIFT;
    call->label = random_next(worker);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        call->word[i] =
            i >= MESSAGE_WORDS - caps % 8 ? any_handle(worker, OBJECT_NONE) : random_next(worker);
    if ((call->control & CONTROL_RANGE) == 0 || one_in(worker, 8))
        return;
    call->word[1] = any_address(worker);
    call->word[2] = any_address(worker);
    call->word[3] = any_number(worker);
}

/* A word of a state: nearly what was there, or nearly anything. */
static uint64_t any_field(struct worker *worker, uint64_t was)
{
    switch (below(worker, 6)) {
    case 0:
        return was ^ UINT64_C(1) << below(worker, 64);
    case 1:
        return any_handle(worker, OBJECT_NONE);
    case 2:
        return any_address(worker);
    default:
        return any_number(worker);
    }
}

/* Many places are empty; imports want what is there. */
static uint64_t live_handle(struct worker *worker, uint64_t kind)
{
    uint64_t handle = 0;
    for (unsigned i = 0; i < 8 && handle == 0; i++)
        handle = any_handle(worker, kind == OBJECT_NONE ? 1 + below(worker, OBJECT_irq - 1) : kind);
    return handle;
}

/*
 * What object_set is to take in: states of every kind, images of registers and of the FPU. Most are
 * exports of that very object, or of another, with a few words changed; some are random.
 */
static void any_image(struct worker *worker, struct abi_call *call)
{
    uint64_t *words = worker->page, size = 0, next = 0;
    uint64_t part = one_in(worker, 2) ? 0 : below(worker, 5);
    call->operand[0] = live_handle(worker, OBJECT_NONE);
    slot_t object = {one_in(worker, 4) ? live_handle(worker, OBJECT_NONE) : call->operand[0]};
    bool exported =
        !one_in(worker, 4) && tern_object_info(object, part, below(worker, 3), &size, &next) == OK;
    if (!exported)
        size = below(worker, 80) * sizeof(uint64_t);
    uint64_t count = size / sizeof(uint64_t), changes = exported ? below(worker, 4) : count;
    for (uint64_t i = 0; i < changes && count != 0; i++) {
        uint64_t at = exported ? below(worker, count) : i;
        words[at] = any_field(worker, words[at]);
    }
    call->word[0] = one_in(worker, 8) ? any_number(worker) : part;
    /* Registers have no fields; of the others few are set at once, most of them without import. */
    uint64_t fields = UINT64_C(1) << below(worker, 24);
    call->word[1] = one_in(worker, 3) ? 0 : fields | (one_in(worker, 4) ? random_next(worker) : 0);
    call->word[2] = one_in(worker, 8) ? any_number(worker) : size;
    call->word[3] = one_in(worker, 2) ? 0 : live_handle(worker, OBJECT_job);
}

/* --- calls --- */

/* Calls that end the caller, write to the console, or reach devices. */
static bool left_out(const struct worker *worker, uint64_t number)
{
    return forms[number].name == NULL || form_same(forms[number].name, "debug_write") ||
           (number == CALL_thread_exit && !worker->victim) ||
           form_same(forms[number].name, "ioport_access");
}

/* Calls that undo what others made, or are long: else there would be little else. */
static bool seldom(uint64_t number)
{
    return number == CALL_thread_exit || number == CALL_cap_delete || number == CALL_cap_revoke ||
           number == CALL_object_kill || number == CALL_job_freeze || number == CALL_job_thaw;
}

static uint64_t any_call(struct worker *worker)
{
    uint64_t number;
    do
        number = below(worker, SYSCALL_LIMIT);
    while (left_out(worker, number) || (seldom(number) && !one_in(worker, 8)));
    return number;
}

/* What came goes into the pool. */
static void keep_results(struct worker *worker, const struct form *form, uint64_t kind,
                         const struct abi_call *call)
{
    unsigned out = 0;
    if (form->raw) {
        unsigned caps = (unsigned)control_caps(call->control);
        EXPECT(caps <= MESSAGE_CAPS_MAX && control_bytes(call->control) <= MESSAGE_PAGE);
        for (unsigned i = MESSAGE_WORDS - caps; i < MESSAGE_WORDS; i++)
            if (call->word[i] != 0)
                pool_add(worker, OBJECT_NONE, call->word[i]);
        return;
    }
    for (const struct form_parameter *at = form->parameters; at->way != FORM_none; at++) {
        if (at->way != FORM_out)
            continue;
        if (at->type == FORM_SLOT)
            pool_add(worker, kind, call->word[out]);
        out++;
    }
}

static void call_any(struct worker *worker)
{
    uint64_t number = any_call(worker);
    const struct form *form = &forms[number];
    struct abi_call call = {.control = number};
    unsigned in = 0;
    if (form->raw)
        any_message(worker, &call);
    for (const struct form_parameter *at = form->parameters; at->way != FORM_none; at++)
        if (at->way != FORM_out)
            *form_place(&call, at, &in) = any_value(worker, form, at);
    worker->last = number;
    if (number == CALL_object_set)
        any_image(worker, &call);
    if (number == CALL_object_create)
        any_object(worker, &call);
    if ((number == CALL_space_read || number == CALL_space_write) && !one_in(worker, 8))
        any_ranges(worker, &call);
    bool gives = number == CALL_port_receive || number == CALL_port_call ||
                 number == CALL_port_reply_receive;
    uint64_t kind = form_same(form->name, "object_create") ? call.word[0] : OBJECT_NONE;
    if (number == CALL_cap_derive)
        kind = kind_of_handle(call.operand[0]);
    abi_call(&call);
    error_t error = abi_status(&call);
    if (!form_lists(form, error)) {
        sys_print("%s returned %d\n", form->name, error);
        EXPECT(false);
        return;
    }
    atomic_fetch_add(&counts[number][error], 1);
    /* What was placed is a handle of another table, and names something else in ours. */
    if (error == OK && (gives || !form->raw) && number != CALL_cap_place)
        keep_results(worker, form, kind, &call);
}

static uint64_t worker_run(void *argument, void *page)
{
    struct worker *worker = argument;
    worker->page = page;
    while (!atomic_load(&stop)) {
        call_any(worker);
        atomic_fetch_add(&worker->calls, 1);
    }
    return 0;
}

#endif
