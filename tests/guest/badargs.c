/*
 * Native test: every call with bad arguments. From abi/syscall.def: each starts from arguments that
 * are nearly right, and gets one after the other replaced by whatever is wrong for its type. Each
 * call returns an error that its entry lists, and one that fails costs the job nothing.
 */
#include "forms.h"
#include "guest_thread.h"
#include "lib/string.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "test.h"
#include <device.h>
#include <guest_arch.h>
#include <root.h>
#include <space.h>
#include <state.h>

#define TOY       UINT64_C(0x10000000) /* addresses of a process without threads */
#define TOY_PAGE  (TOY + 0x100000)     /* the message page of its thread */
#define READ_ONLY UINT64_C(0x30000000)
#define IRQ_LINE  40                   /* of nobody */
#define LAST      UINT64_C(0x30001000) /* a page with nothing behind it */
#define HELD_PAGE UINT64_C(0x30100000) /* the message page of a thread with foreign calls */

static slot_t bad_job, objects[OBJECT_KINDS]; /* one of each kind, all charged to the job */
static uint8_t page[2 * MESSAGE_PAGE] __attribute__((aligned(4096)));
static uint64_t bad_empty; /* charged to the job when there was nothing in it */
static uint32_t issued;

static const uint64_t bad_addresses[] = {0,
                                         1,
                                         UINT64_C(0x30000000),
                                         UINT64_C(0x30001ffe),
                                         UINT64_C(0x40000000),
                                         SPACE_END - 1,
                                         SPACE_END,
                                         UINT64_C(0x0000800000000000),
                                         UINT64_C(0x8000000000000000),
                                         UINT64_C(0xffff800000000000),
                                         UINT64_C(0xffffffff80000000),
                                         UINT64_MAX - 7,
                                         UINT64_MAX};
static const uint64_t bad_numbers[] = {0,
                                       1,
                                       7,
                                       12,
                                       63,
                                       255,
                                       4095,
                                       4097,
                                       65537,
                                       UINT64_C(1) << 31,
                                       UINT64_C(1) << 32,
                                       UINT64_C(1) << 47,
                                       UINT64_C(1) << 63,
                                       UINT64_MAX - 4095,
                                       UINT64_MAX};

enum { RIGHTS_SHARED = RIGHT_read | RIGHT_write | RIGHT_grant | RIGHT_revoke, RIGHT_BITS = 20 };

static uint64_t job_used(void)
{
    uint64_t size = 0, next = 0;
    const struct state_job_basic *state = sys_page;
    EXPECT(tern_object_info(bad_job, STATE_job_basic, 0, &size, &next) == OK);
    return state->memory_used;
}

static uint64_t kind_named(const struct form *form, const char *name)
{
    uint64_t kind = form_kind(form, name);
    return kind != OBJECT_NONE ? kind : OBJECT_port;
}

/* An argument that is right, or nearly. */
static uint64_t base_value(const struct form *form, const struct form_parameter *parameter)
{
    bool space = strncmp(form->name, "space_", 6) == 0;
    if (parameter->type == FORM_SLOT && form_same(parameter->name, "wanted"))
        return 0;
    if (parameter->type == FORM_SLOT)
        return objects[kind_named(form, parameter->name)].value;
    if (parameter->type == FORM_ADDRESS)
        return space && !form_same(parameter->name, "ranges") &&
                       !form_same(parameter->name, "buffer")
                   ? TOY
                   : (uintptr_t)page;
    if (parameter->type == FORM_RIGHTS)
        return RIGHTS_ALL;
    if (form_same(parameter->name, "size"))
        return MESSAGE_PAGE;
    if (form_same(parameter->name, "count") || form_same(parameter->name, "pages"))
        return 1;
    return form_same(parameter->name, "kind") ? OBJECT_port : 0;
}

static void call_base(const struct form *form, uint64_t number, struct abi_call *call)
{
    unsigned in = 0;
    *call = (struct abi_call){.control = number};
    /* Others may have unmapped what is listed. */
    if (number == CALL_space_list)
        (void)tern_space_map(objects[OBJECT_process], objects[OBJECT_memory], 0,
                             (uaddr_t){TOY_PAGE}, MESSAGE_PAGE, SPACE_READ);
    *(struct space_range *)(void *)page = (struct space_range){{TOY_PAGE}, 64};
    for (const struct form_parameter *at = form->parameters; at->way != FORM_none; at++)
        if (at->way != FORM_out)
            *form_place(call, at, &in) = base_value(form, at);
}

/* What a call that succeeded made. */
static void results_delete(const struct form *form, const struct abi_call *call)
{
    unsigned out = 0;
    for (const struct form_parameter *at = form->parameters; at->way != FORM_none; at++)
        if (at->way == FORM_out && at[0].type == FORM_SLOT && !form_same(form->name, "cap_place"))
            EXPECT(tern_cap_delete((slot_t){call->word[out++]}) == OK);
        else
            out += at->way == FORM_out;
}

static error_t issue(const struct form *form, struct abi_call *call)
{
    uint64_t used = job_used();
    abi_call(call);
    error_t error = abi_status(call);
    issued++;
    if (!form_lists(form, error))
        sys_print("%s: %s\n", form->name, error_text(error));
    EXPECT(form_lists(form, error));
    if (error != OK && used < job_used()) {
        sys_print("%s: %s, and %lu bytes more\n", form->name, error_text(error),
                  (unsigned long)(job_used() - used));
        EXPECT(false);
    } else if (error == OK && !form->raw) {
        results_delete(form, call);
    }
    return error;
}

/* The call with its parameter number `which` replaced. */
static error_t issue_with(uint64_t number, unsigned which, uint64_t value)
{
    const struct form *form = &forms[number];
    struct abi_call call;
    unsigned in = 0;
    call_base(form, number, &call);
    for (unsigned i = 0; i <= which; i++) {
        const struct form_parameter *at = &form->parameters[i];
        uint64_t *place = at->way == FORM_out ? NULL : form_place(&call, at, &in);
        if (i == which && place != NULL)
            *place = value;
    }
    return issue(form, &call);
}

/* Ends objects, the caller, or what the other tests need. */
static bool left_out(uint64_t number)
{
    return forms[number].name == NULL || number == CALL_thread_exit ||
           form_same(forms[number].name, "debug_write") || number == CALL_cap_delete ||
           form_same(forms[number].name, "object_kill");
}

static bool objects_make(void)
{
    static const uint8_t kinds[] = {OBJECT_process, OBJECT_thread, OBJECT_memory,
                                    OBJECT_port,    OBJECT_reply,  OBJECT_timer};
    if (bad_job.value == 0 &&
        tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0, &bad_job) != OK)
        return false;
    bad_empty = job_used();
    objects[OBJECT_job] = bad_job;
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        slot_t parent = objects[kinds[i] == OBJECT_timer ? OBJECT_port : OBJECT_process];
        uint64_t value = kinds[i] == OBJECT_thread   ? TOY_PAGE
                         : kinds[i] == OBJECT_timer  ? 1
                         : kinds[i] == OBJECT_memory ? MESSAGE_PAGE
                                                     : 0;
        bool child = kinds[i] == OBJECT_thread || kinds[i] == OBJECT_timer;
        if (tern_object_create(bad_job, kinds[i], child ? parent : (slot_t){0}, value,
                               &objects[kinds[i]]) != OK)
            return false;
    }
    return true;
}

/* Of the first job; a CPU without I/O ports has none. */
static bool hardware_make(void)
{
    slot_t job = root_slot(ROOT_SLOT_JOB);
    struct abi_device *device = sys_page;
    *device = (struct abi_device){.identity = 7777};
    error_t ports = tern_object_create(job, OBJECT_ioport, (slot_t){0}, 0xcf8 | UINT64_C(8) << 16,
                                       &objects[OBJECT_ioport]);
    *device = (struct abi_device){.identity = 7777, .dma_end = UINT64_MAX};
    return (ports == OK || ports == ERR_unsupported) &&
           tern_object_create(job, OBJECT_device, (slot_t){0}, 0, &objects[OBJECT_device]) == OK &&
           tern_object_create(job, OBJECT_irq, (slot_t){0}, IRQ_LINE, &objects[OBJECT_irq]) == OK;
}

static bool pages_map(void)
{
    slot_t process = root_slot(ROOT_SLOT_PROCESS), memory;
    uaddr_t read_only = {READ_ONLY}, last = {LAST};
    return tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_memory, (slot_t){0}, MESSAGE_PAGE,
                              &memory) == OK &&
           tern_space_map(process, memory, 0, read_only, MESSAGE_PAGE, SPACE_READ) == OK &&
           tern_space_map(process, memory, 0, last, MESSAGE_PAGE, SPACE_READ | SPACE_WRITE) == OK;
}

TEST(badargs_prepare)
{
    REQUIRE(objects_make());
    REQUIRE(hardware_make());
    REQUIRE(pages_map());
}

/* Nothing there, another generation, beyond the table: bad_slot, of the capability invoked. */
TEST(badargs_no_capability)
{
    static const uint64_t handles[] = {0, 999, UINT64_C(1) << 32, UINT64_MAX,
                                       UINT64_C(1) << 32 | 0x7fffffff};
    for (uint64_t number = 0; number < SYSCALL_LIMIT; number++) {
        bool on = forms[number].name != NULL && forms[number].parameters[0].way == FORM_on;
        if (!on || left_out(number))
            continue;
        for (unsigned i = 0; i < COUNT_OF(handles); i++)
            EXPECT(issue_with(number, 0, handles[i]) == ERR_bad_slot);
        uint64_t right = base_value(&forms[number], &forms[number].parameters[0]);
        if (right != 0)
            EXPECT(issue_with(number, 0, right + (UINT64_C(1) << 32)) == ERR_bad_slot);
    }
}

/* All rights but the one that is asked for: denied. */
TEST(badargs_no_right)
{
    for (uint64_t number = 0; number < SYSCALL_LIMIT; number++) {
        const struct form *form = &forms[number];
        if (left_out(number) || form->right == 0 || form->parameters[0].way != FORM_on)
            continue;
        slot_t all = {base_value(form, &form->parameters[0])}, weak;
        if (all.value == 0)
            continue; /* there is no such object here */
        EXPECT(tern_cap_derive(all, (rights_t){RIGHTS_ALL & ~(uint64_t)form->right}, 0, &weak) ==
               OK);
        EXPECT(issue_with(number, 0, weak.value) == ERR_denied);
        EXPECT(tern_cap_delete(weak) == OK);
    }
}

/* Of the kernel, or of nobody: never. In user space some call may do without. */
static void address_try(uint64_t number, unsigned which, uint64_t address)
{
    error_t error = issue_with(number, which, address);
    /* Who lists from there on finds nothing. */
    bool list = number == CALL_space_list && form_same(forms[number].parameters[which].name, "va");
    if (error == OK && address > SPACE_END && !list)
        sys_print("%s: ok with %s=0x%lx\n", forms[number].name,
                  forms[number].parameters[which].name, (unsigned long)address);
    EXPECT(error != OK || address <= SPACE_END || list);
}

/* Every parameter of every call, everything that is wrong for it. */
static void parameter_try(uint64_t number, unsigned which)
{
    const struct form_parameter *at = &forms[number].parameters[which];
    if (at->type == FORM_SLOT) {
        for (unsigned kind = 0; kind < OBJECT_KINDS; kind++)
            (void)issue_with(number, which, objects[kind].value);
        (void)issue_with(number, which, UINT64_MAX);
    } else if (at->type == FORM_ADDRESS) {
        for (unsigned i = 0; i < COUNT_OF(bad_addresses); i++)
            address_try(number, which, bad_addresses[i]);
        for (uint64_t off = 1; off < MESSAGE_PAGE; off = off * 2 + 1)
            (void)issue_with(number, which, base_value(&forms[number], at) + off);
    }
    bool waits = form_same(at->name, "deadline"); /* 0 is what does not */
    for (unsigned i = 0; i < COUNT_OF(bad_numbers) && !waits; i++)
        (void)issue_with(number, which, bad_numbers[i]);
}

TEST(badargs_each_parameter)
{
    for (uint64_t number = 0; number < SYSCALL_LIMIT; number++) {
        if (left_out(number))
            continue;
        for (unsigned i = 0; forms[number].parameters[i].way != FORM_none; i++)
            if (forms[number].parameters[i].way != FORM_out)
                parameter_try(number, i);
    }
    sys_print("%u calls\n", issued);
}

/* Another kind: the right that belongs to the right one is asked for, and is not there. */
TEST(badargs_other_kind)
{
    for (uint64_t number = 0; number < SYSCALL_LIMIT; number++) {
        const struct form *form = &forms[number];
        if (left_out(number) || form->parameters[0].way != FORM_on || form->right == 0)
            continue;
        bool special = (form->right & ~(uint32_t)RIGHTS_SHARED) != 0;
        uint64_t kind = kind_named(form, form->parameters[0].name);
        for (unsigned other = 1; other < OBJECT_KINDS; other++) {
            if (other == kind || objects[other].value == 0)
                continue;
            error_t error = issue_with(number, 0, objects[other].value);
            EXPECT(!special || error == ERR_denied);
        }
    }
}

/* Every capability that a call names, without one right after the other, and without any. */
static void rights_try(uint64_t number, unsigned which)
{
    const struct form *form = &forms[number];
    slot_t all = {base_value(form, &form->parameters[which])}, weak;
    if (all.value == 0)
        return;
    for (unsigned bit = 0; bit <= RIGHT_BITS; bit++) {
        uint64_t rights = bit == RIGHT_BITS ? 0 : RIGHTS_ALL & ~(UINT64_C(1) << bit);
        REQUIRE(tern_cap_derive(all, (rights_t){rights}, 0, &weak) == OK);
        error_t error = issue_with(number, which, weak.value);
        if (which == 0 && (form->right & ~rights) != 0)
            EXPECT(error == ERR_denied);
        EXPECT(tern_cap_delete(weak) == OK);
    }
}

TEST(badargs_each_right)
{
    for (uint64_t number = 0; number < SYSCALL_LIMIT; number++) {
        if (left_out(number))
            continue;
        for (unsigned i = 0; forms[number].parameters[i].way != FORM_none; i++)
            if (forms[number].parameters[i].type == FORM_SLOT &&
                forms[number].parameters[i].way != FORM_out)
                rights_try(number, i);
    }
}

/* What ends objects, and what prints: with what cannot succeed only. */
TEST(badargs_of_those_that_end)
{
    static const uint32_t rights[OBJECT_KINDS] = {
        [OBJECT_thread] = RIGHT_run, [OBJECT_process] = RIGHT_table, [OBJECT_job] = RIGHT_control};
    static const uint64_t handles[] = {0, 999, UINT64_C(1) << 32, UINT64_MAX};
    slot_t weak;
    for (unsigned i = 0; i < COUNT_OF(handles); i++) {
        EXPECT(issue_with(CALL_cap_delete, 0, handles[i]) == ERR_bad_slot);
        EXPECT(issue_with(CALL_object_kill, 0, handles[i]) == ERR_bad_slot);
    }
    for (unsigned kind = 1; kind < OBJECT_KINDS; kind++) {
        if (objects[kind].value == 0)
            continue;
        REQUIRE(tern_cap_derive(objects[kind], (rights_t){RIGHTS_ALL & ~(uint64_t)rights[kind]}, 0,
                                &weak) == OK);
        EXPECT(issue_with(CALL_object_kill, 0, weak.value) ==
               (rights[kind] == 0 ? ERR_unsupported : ERR_denied));
        EXPECT(tern_cap_delete(weak) == OK);
        EXPECT(issue_with(CALL_cap_delete, 0, weak.value) == ERR_bad_slot);
    }
    for (unsigned i = 0; i < COUNT_OF(bad_addresses); i++)
        EXPECT(tern_debug_write((uaddr_t){bad_addresses[i]}, 64) != OK ||
               bad_addresses[i] == READ_ONLY);
    EXPECT(tern_debug_write((uaddr_t){(uintptr_t)page}, DEBUG_WRITE_MAX + 1) == ERR_bad_argument);
    EXPECT(tern_debug_write((uaddr_t){(uintptr_t)page}, UINT64_MAX) == ERR_bad_argument);
}

/* Messages: counts that are out of range, capabilities that are not there, each bit alone. */
TEST(badargs_messages)
{
    for (uint64_t number = CALL_port_send; number <= CALL_port_reply; number++)
        for (unsigned bit = 8; bit < 64; bit++) {
            struct abi_call call;
            call_base(&forms[number], number, &call);
            call.control |= UINT64_C(1) << bit;
            error_t error = issue(&forms[number], &call);
            EXPECT(error != OK || number == CALL_port_receive); /* that may find a timer's bits */
        }
}

static void run_held(uint64_t argument)
{
    (void)argument;
    for (;;) {
        struct abi_call call = {0};
        (void)guest_foreign(&call, false);
    }
}

/* An answer with a range of which one word is bad: given, or the thread is held as before. */
static void range_try(uint64_t number, slot_t port, slot_t reply, unsigned which, uint64_t value)
{
    struct abi_call call = {.control = number | CONTROL_RANGE,
                            .operand = {port.value, reply.value, DEADLINE_POLL},
                            .word = {0, (uintptr_t)page, (uintptr_t)page + 2048, 64}};
    struct message message;
    call.word[which] = value;
    error_t error = issue(&forms[number], &call);
    EXPECT(error == OK || error == ERR_would_block || registers_get(reply) == OK);
    bool given = error == (number == CALL_port_reply ? OK : ERR_would_block);
    EXPECT(!given || which == 3 || value < SPACE_END);
    EXPECT(!given || which != 3 || value <= SPACE_COPY_MAX);
    if (given)
        REQUIRE(tern_port_receive(port, reply, &message, DEADLINE_NEVER) == OK);
}

TEST(badargs_ranges)
{
    static const uint64_t numbers[] = {CALL_port_reply, CALL_port_reply_receive};
    static uint8_t stack[8192] __attribute__((aligned(16)));
    slot_t thread = {0}, port, reply;
    struct message message;
    REQUIRE(sys_port_create(0, &port) == OK && sys_reply_create(&reply) == OK);
    REQUIRE(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_thread,
                               root_slot(ROOT_SLOT_PROCESS), HELD_PAGE, &thread) == OK);
    REQUIRE(thread_route(thread, port, 0, (slot_t){0}, 0) == OK);
    REQUIRE(tern_thread_start(thread, (uaddr_t){(uintptr_t)run_held},
                              (uaddr_t){(uintptr_t)stack + sizeof(stack)}, 0) == OK);
    REQUIRE(tern_port_receive(port, reply, &message, DEADLINE_NEVER) == OK);
    for (unsigned i = 0; i < COUNT_OF(numbers); i++)
        for (unsigned which = 1; which <= 3; which++) {
            for (unsigned j = 0; j < COUNT_OF(bad_addresses); j++)
                range_try(numbers[i], port, reply, which, bad_addresses[j]);
            for (unsigned j = 0; j < COUNT_OF(bad_numbers); j++)
                range_try(numbers[i], port, reply, which, bad_numbers[j]);
        }
    EXPECT(tern_object_kill(thread) == OK && tern_cap_delete(thread) == OK);
    EXPECT(tern_cap_delete(port) == OK && tern_cap_delete(reply) == OK);
}

/* A millisecond, in which idle CPUs free things. */
static void pause(void)
{
    static uint32_t nobody_wakes;
    uint64_t now;
    EXPECT(tern_clock_read(&now) == OK);
    EXPECT(tern_word_wait((uaddr_t){(uintptr_t)&nobody_wakes}, 0, now + 1000000) == ERR_timeout);
}

/* When all of the job is gone nothing is charged to it: no call that failed has left anything. */
TEST(badargs_nothing_leaks)
{
    EXPECT(tern_object_kill(objects[OBJECT_process]) == OK);
    for (unsigned kind = 1; kind < OBJECT_KINDS; kind++)
        if (kind != OBJECT_job && objects[kind].value != 0)
            EXPECT(tern_cap_delete(objects[kind]) == OK);
    EXPECT(tern_cap_revoke(bad_job) == OK);
    for (unsigned i = 0; i < 2000 && job_used() != bad_empty; i++)
        pause();
    EXPECT(job_used() == bad_empty);
}
