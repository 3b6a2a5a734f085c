/*
 * Native test: every field of abi/state.def, from the list itself: each that can be set is set and
 * read back, each that cannot is refused; import needs the right for it. And handles, kept.
 */
#include "lib/string.h"
#include "lib/types.h"
#include "sys/call.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "test.h"
#include <abi_arch.h>
#include <root.h>
#include <state.h>

enum how { HOW_read, HOW_set, HOW_import };

struct field {
    const char *kind, *part, *name;
    uint8_t object, number, index, how;
};

static const struct field fields[] = {
#define END(kind, part)
#define LINK(kind, number, name, right, text)
#define STATE(kind_name, part_name, part_number, text)                                             \
    {.kind = #kind_name,                                                                           \
     .part = #part_name,                                                                           \
     .object = OBJECT_##kind_name,                                                                 \
     .number = part_number,                                                                        \
     .index = 255},
#define FIELD(how_name, type, name_, text) {.name = #name_, .how = HOW_##how_name},
#include <state.def>
#undef STATE
#undef FIELD
#undef END
#undef LINK
};

/* What a field is set to, where 1 is no value for it. */
static const struct {
    const char *name;
    uint64_t value;
} samples[] = {
    {"memory_limit", 1 << 20},
    {"memory_reserved", 8192},
    {"cpu_share", 500},
    {"clock_offset", 12345},
    {"wait", WAIT_RUNNING},
    {"resume", WAIT_RESUME_CALL},
    {"sending", 0},
    {"class", 2},
    {"priority", 20},
    {"budget", 0},
    {"period", 0},
    {"kind", MESSAGE_send},
    {"bytes", 0},
    {"caller", 0},
    {"server", 0},
    {"deadline", UINT64_C(1) << 62},
};

static slot_t job, objects[OBJECT_KINDS], port;

static uint64_t sample_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(samples); i++)
        if (strcmp(samples[i].name, name) == 0)
            return samples[i].value;
    return 1;
}

static bool is_port(const char *name)
{
    return strcmp(name, "foreign") == 0 || strcmp(name, "handler") == 0;
}

static uint64_t read_field(const struct field *part, unsigned index, error_t *error)
{
    uint64_t size = 0, next;
    *error = tern_object_info(objects[part->object], part->number, 0, &size, &next);
    EXPECT(*error != OK || size > index * sizeof(uint64_t));
    return ((const uint64_t *)sys_page)[index];
}

static error_t write_field(const struct field *part, unsigned index, uint64_t value, slot_t import)
{
    memset(sys_page, 0, 512);
    ((uint64_t *)sys_page)[index] = value;
    return tern_object_set(objects[part->object], part->number, UINT64_C(1) << index, 512, import);
}

static void try_field(const struct field *part, const struct field *field, unsigned index)
{
    error_t error;
    uint64_t value = is_port(field->name) ? port.value : sample_of(field->name);
    /* Scheduling goes by class: realtime alone has budgets; entries and pages are set as a whole.
     */
    bool whole = strcmp(part->part, "queue") == 0 || strcmp(part->part, "page") == 0;
    error_t without = write_field(part, index, value, (slot_t){0});
    error_t with = write_field(part, index, value, job);
    if (field->how == HOW_read) {
        EXPECT(without != OK && with != OK);
        return;
    }
    if (field->how == HOW_import)
        EXPECT(without == ERR_denied);
    if (whole)
        return;
    EXPECT(with == OK);
    if (with != OK)
        sys_print("%s.%s.%s: %s\n", part->kind, part->part, field->name, error_text(with));
    uint64_t now = read_field(part, index, &error);
    bool badge = strcmp(field->name, "foreign_badge") == 0 ||
                 strcmp(field->name, "handler_badge") == 0; /* taken together with its port only */
    if (is_port(field->name))
        EXPECT(error == OK && now != 0);
    else if (!badge)
        EXPECT(error == OK && now == value);
}

static error_t objects_make(void)
{
    static const uint64_t values[OBJECT_KINDS] = {[OBJECT_memory] = 8192, [OBJECT_port] = 4};
    error_t error = tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0, &job);
    if (error == OK)
        error = tern_job_freeze(job, 0, 0, 0);
    if (error == OK)
        error = tern_object_create(job, OBJECT_job, (slot_t){0}, 0, &objects[OBJECT_job]);
    if (error == OK)
        error = sys_port_create(0, &port);
    for (unsigned kind = OBJECT_process; kind <= OBJECT_reply && error == OK; kind++) {
        slot_t parent = objects[OBJECT_process];
        uint64_t value = kind == OBJECT_thread ? SYS_CHILD_PAGE : values[kind];
        error = tern_object_create(job, kind, kind == OBJECT_thread ? parent : (slot_t){0}, value,
                                   &objects[kind]);
    }
    if (error == OK)
        error = tern_object_create(job, OBJECT_timer, port, 1, &objects[OBJECT_timer]);
    return error;
}

TEST(state_every_field)
{
    unsigned tried = 0, index = 0;
    const struct field *part = NULL;
    REQUIRE(objects_make() == OK);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (fields[i].part != NULL) {
            part = &fields[i];
            index = 0;
            continue;
        }
        if (objects[part->object].value != 0) {
            try_field(part, &fields[i], index);
            tried++;
        }
        index++;
    }
    sys_print("%u fields\n", tried);
    EXPECT(tried > 80);
    EXPECT(tern_object_info(objects[OBJECT_port], 77, 0, &(uint64_t){0}, &(uint64_t){0}) ==
           ERR_bad_argument);
    EXPECT(tern_object_set(objects[OBJECT_port], 77, 1, 8, job) == ERR_bad_argument);
}

/* What was taken of an image comes out as it is, and goes in again unchanged. */
static void expect_kept(slot_t thread)
{
    uint64_t size, next;
    struct abi_registers first;
    EXPECT(tern_object_info(thread, STATE_thread_registers, 0, &size, &next) == OK);
    memcpy(&first, sys_page, sizeof(first));
    EXPECT(tern_object_set(thread, STATE_thread_registers, 0, size, (slot_t){0}) == OK);
    EXPECT(tern_object_info(thread, STATE_thread_registers, 0, &size, &next) == OK);
    EXPECT(memcmp(&first, sys_page, sizeof(first)) == 0);
}

TEST(state_registers_and_fpu)
{
    uint64_t size, next;
    slot_t thread = objects[OBJECT_thread];
    struct abi_registers saved, wild;
    unsigned taken = 0;
    REQUIRE(tern_object_info(thread, STATE_thread_registers, 0, &size, &next) == OK);
    REQUIRE(size == sizeof(saved));
    memcpy(&saved, sys_page, sizeof(saved));
    /* Whatever is taken can be read back and is harmless; a thread with it never runs here. */
    for (unsigned i = 0; i < sizeof(wild) / 8; i++) {
        memset(&wild, 0xff, sizeof(wild));
        ((uint64_t *)&wild)[i] = i;
        memcpy(sys_page, &wild, sizeof(wild));
        error_t error =
            tern_object_set(thread, STATE_thread_registers, 0, sizeof(wild), (slot_t){0});
        EXPECT(error == OK || error == ERR_bad_argument);
    }
    for (unsigned i = 0; i < 8 * sizeof(saved) / 8; i++) {
        uint64_t *words = memcpy(sys_page, &saved, sizeof(saved));
        words[i / 8] = UINT64_C(0x123456789abcdef) << i % 8 * 8;
        if (tern_object_set(thread, STATE_thread_registers, 0, sizeof(saved), (slot_t){0}) == OK) {
            expect_kept(thread);
            taken++;
        }
    }
    EXPECT(taken > sizeof(saved) / 8);
    memcpy(sys_page, &saved, sizeof(saved));
    EXPECT(tern_object_set(thread, STATE_thread_registers, 0, size, (slot_t){0}) == OK);
    EXPECT(tern_object_set(thread, STATE_thread_registers, 0, size - 8, (slot_t){0}) ==
           ERR_bad_argument);
    REQUIRE(tern_object_info(thread, STATE_thread_fpu, 0, &size, &next) == OK);
    EXPECT(tern_object_set(thread, STATE_thread_fpu, 0, size, (slot_t){0}) == OK);
    memset(sys_page, 0xff, size);
    error_t error = tern_object_set(thread, STATE_thread_fpu, 0, size, (slot_t){0});
    EXPECT(error == OK || error == ERR_bad_argument);
}

TEST(state_counters_are_the_first_jobs)
{
    uint64_t size, next;
    slot_t first = root_slot(ROOT_SLOT_JOB);
    REQUIRE(tern_object_info(first, STATE_job_counter, 0, &size, &next) == OK);
    EXPECT(size == sizeof(struct state_job_counter) && next == 1);
    EXPECT(tern_object_info(first, STATE_job_counter, UINT64_MAX, &size, &next) == ERR_not_found);
    EXPECT(tern_object_info(objects[OBJECT_job], STATE_job_counter, 0, &size, &next) ==
           ERR_not_found);
}

/* Rights cannot grow on the way, nor can what may not be given away be placed elsewhere. */
TEST(state_places_keep_rights)
{
    uint64_t next;
    slot_t process = objects[OBJECT_process], placed, weak, opened,
           handle = {UINT64_C(77) << 32 | 130};
    REQUIRE(tern_cap_place(process, handle, (slot_t){0}, port, (rights_t){RIGHT_send | RIGHT_grant},
                           9, &placed) == OK);
    EXPECT(placed.value == handle.value);
    EXPECT(tern_cap_place(process, handle, (slot_t){0}, port, (rights_t){RIGHT_send}, 0, &placed) ==
           ERR_exists);
    REQUIRE(tern_object_open(process, LINK_process_capability, 130, &opened, &next) == OK);
    EXPECT(next == 130);
    EXPECT(tern_port_signal(opened, 1) == ERR_denied);
    EXPECT(tern_cap_derive(port, (rights_t){RIGHT_send}, 0, &weak) == OK);
    EXPECT(tern_cap_place(process, (slot_t){0}, (slot_t){0}, weak, (rights_t){RIGHTS_ALL}, 0,
                          &placed) == ERR_denied);
    EXPECT(tern_object_open(port, LINK_process_mapping, 130, &placed, &next) == ERR_bad_argument);
    EXPECT(tern_object_open(weak, LINK_port_sender, 0, &placed, &next) == ERR_denied);
    EXPECT(tern_object_kill(job) == OK);
}

/* A stored message with a capability, out of one port and into another. */
TEST(state_capability_in_queue)
{
    const slot_t first_job = root_slot(ROOT_SLOT_JOB);
    slot_t from = {0}, to = {0}, target = {0}, opened = {0};
    uint64_t size = 0, slot_size = 0, next = 0;
    struct message message = {.caps = 1, .label = 5};
    REQUIRE(sys_port_create(2, &from) == OK && sys_port_create(2, &to) == OK);
    REQUIRE(sys_port_create(0, &target) == OK);
    REQUIRE(tern_cap_derive(target, (rights_t){RIGHT_signal | RIGHT_grant}, 4, &opened) == OK);
    message.word[5] = opened.value;
    EXPECT(tern_port_send(from, &message, DEADLINE_POLL) == OK);
    REQUIRE(tern_object_info(from, STATE_port_queue, 0, &size, &next) == OK);
    struct state_port_queue entry = *(const struct state_port_queue *)sys_page;
    EXPECT(entry.caps == 1 && entry.label == 5 && entry.word5 == 0);
    EXPECT(tern_object_open(from, LINK_port_capability, 1, &opened, &next) == ERR_not_found);
    REQUIRE(tern_object_open(from, LINK_port_capability, 0, &opened, &next) == OK);
    /* It is derived from the message's, which is in no process's table. */
    REQUIRE(tern_object_info(root_slot(ROOT_SLOT_PROCESS), STATE_process_slot,
                             (uint32_t)opened.value, &slot_size, &next) == OK);
    const struct state_process_slot *own = sys_page;
    EXPECT(own->handle.value == opened.value && own->parent_process.value == 0 &&
           own->parent.value == 0);
    entry.word5 = opened.value;
    *(struct state_port_queue *)sys_page = entry;
    const uint64_t sets = ~STATE_BIT(port, queue, thread) & (STATE_BIT(port, queue, caps) * 2 - 1);
    EXPECT(tern_object_set(to, STATE_port_queue, sets, size, first_job) == OK);
    EXPECT(tern_port_receive(to, (slot_t){0}, &message, DEADLINE_POLL) == OK);
    EXPECT(message.label == 5 && message.caps == 1 && message.word[5] != 0);
    EXPECT(tern_port_signal((slot_t){message.word[5]}, 7) == OK);
    EXPECT(tern_port_receive(target, (slot_t){0}, &message, DEADLINE_POLL) == OK);
    EXPECT(message.word[0] == 4);
    EXPECT(tern_cap_delete(from) == OK && tern_cap_delete(to) == OK &&
           tern_cap_delete(target) == OK);
}
