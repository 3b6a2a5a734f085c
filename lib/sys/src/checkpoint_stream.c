/*
 * The form of a checkpoint's stream (checkpoint.h): written, and looked at before it is believed.
 *
 * A stream comes from anywhere. checkpoint_check looks at everything in it that restoring uses to
 * find its way: sizes, kinds, numbers. What it says beyond that the kernel judges, as from anyone.
 */
#include "checkpoint.h"
#include "lib/string.h"
#include <sys_arch.h>

/* --- writing --- */

void *stream_write(struct checkpoint *c, enum record_type type, uint64_t bytes)
{
    uint64_t size = sizeof(struct record) + align_up(bytes, 8);
    if (c->size - c->used < size)
        return NULL;
    struct record *record = (struct record *)(void *)(c->stream + c->used);
    memset(record, 0, size);
    *record = (struct record){.type = type, .bytes = (uint32_t)bytes};
    c->used += size;
    return record + 1;
}

error_t stream_begin(struct checkpoint *c)
{
    c->at = c->used = sizeof(struct stream_header);
    return c->size < c->used ? ERR_full : OK;
}

static uint64_t head_sum(const struct stream_header *header)
{
    return fnv1a(header, offsetof(struct stream_header, head_sum));
}

void stream_end(struct checkpoint *c)
{
    struct stream_header *header = (struct stream_header *)(void *)c->stream;
    *header = (struct stream_header){.magic = STREAM_MAGIC,
                                     .version = STREAM_VERSION,
                                     .machine = SYS_MACHINE,
                                     .bytes = c->used,
                                     .body_sum = fnv1a(header + 1, c->used - sizeof(*header))};
    header->head_sum = head_sum(header);
}

/* --- reading --- */

static uint64_t stream_bytes(const struct checkpoint *c)
{
    return ((const struct stream_header *)(const void *)c->stream)->bytes;
}

const struct record *stream_record(const struct checkpoint *c)
{
    return c->at < stream_bytes(c) ? (const struct record *)(const void *)(c->stream + c->at)
                                   : NULL;
}

void stream_next(struct checkpoint *c)
{
    c->at += sizeof(struct record) + align_up(stream_record(c)->bytes, 8);
}

/* Sizes of each type's data, and the kind of the object that its number is of. */
static const struct {
    uint32_t least, most, kind;
} shapes[RECORD_TYPES] = {
#define WITH(type)  sizeof(uint64_t) + sizeof(type), sizeof(uint64_t) + sizeof(type)
#define UP_TO(size) sizeof(uint64_t), sizeof(uint64_t) + (size)
    [RECORD_object] = {sizeof(struct record_object), sizeof(struct record_object), OBJECT_NONE},
    [RECORD_job] = {WITH(struct state_job_basic), OBJECT_job},
    [RECORD_page] = {sizeof(struct record_page), sizeof(struct record_page) + 4096, OBJECT_memory},
    [RECORD_memory] = {WITH(struct state_memory_basic), OBJECT_memory},
    [RECORD_thread] = {WITH(struct state_thread_basic), OBJECT_thread},
    [RECORD_registers] = {WITH(struct abi_registers), OBJECT_thread},
    [RECORD_fpu] = {UP_TO(MESSAGE_PAGE), OBJECT_thread},
    [RECORD_mapping] = {WITH(struct mapping_info), OBJECT_process},
    [RECORD_slot] = {WITH(struct state_process_slot), OBJECT_process},
    [RECORD_reply] = {WITH(struct state_reply_basic), OBJECT_reply},
    [RECORD_timer] = {WITH(struct state_timer_basic), OBJECT_timer},
    [RECORD_entry] = {sizeof(struct record_entry), sizeof(struct record_entry), OBJECT_port},
    [RECORD_entry_bytes] = {UP_TO(MESSAGE_PAGE), OBJECT_port},
    [RECORD_port] = {WITH(struct state_port_basic), OBJECT_port},
};

/* Numbers in the data besides the first: where, and of what (OBJECT_NONE: of any kind). */
static const struct {
    uint32_t type, offset, kind;
} references[] = {
#define IN(type, field) (uint32_t)(sizeof(uint64_t) + offsetof(type, field))
    {RECORD_page, offsetof(struct record_page, first_memory), OBJECT_memory},
    {RECORD_memory, IN(struct state_memory_basic, pager), OBJECT_port},
    {RECORD_thread, IN(struct state_thread_basic, foreign), OBJECT_port},
    {RECORD_thread, IN(struct state_thread_basic, handler), OBJECT_port},
    {RECORD_mapping, IN(struct mapping_info, memory), OBJECT_memory},
    {RECORD_slot, IN(struct state_process_slot, object), OBJECT_NONE},
    {RECORD_slot, IN(struct state_process_slot, parent_process), OBJECT_process},
    {RECORD_entry, offsetof(struct record_entry, caps[0].object), OBJECT_NONE},
    {RECORD_entry, offsetof(struct record_entry, caps[1].object), OBJECT_NONE},
    {RECORD_entry, offsetof(struct record_entry, caps[2].object), OBJECT_NONE},
    {RECORD_entry, offsetof(struct record_entry, caps[3].object), OBJECT_NONE},
    {RECORD_reply, IN(struct state_reply_basic, caller), OBJECT_thread},
    {RECORD_reply, IN(struct state_reply_basic, server), OBJECT_thread},
};

static error_t check_header(const struct checkpoint *c)
{
    const struct stream_header *header = (const struct stream_header *)(const void *)c->stream;
    if (c->size < sizeof(*header))
        return ERR_truncated;
    if (header->magic != STREAM_MAGIC)
        return ERR_malformed;
    if (header->version != STREAM_VERSION)
        return ERR_unsupported;
    if (header->head_sum != head_sum(header))
        return ERR_bad_checksum;
    if (header->machine != SYS_MACHINE)
        return ERR_unsupported;
    if (header->bytes > c->size)
        return ERR_truncated;
    if (header->bytes < sizeof(*header) || header->bytes % 8 != 0)
        return ERR_malformed;
    return header->body_sum == fnv1a(header + 1, header->bytes - sizeof(*header))
               ? OK
               : ERR_bad_checksum;
}

/* Every record lies in the stream whole. */
static error_t check_records(struct checkpoint *c)
{
    uint64_t end = stream_bytes(c);
    for (c->at = sizeof(struct stream_header); c->at < end; stream_next(c)) {
        const struct record *record = stream_record(c);
        if (record->type == RECORD_END || record->type >= RECORD_TYPES ||
            record->bytes < shapes[record->type].least ||
            record->bytes > shapes[record->type].most ||
            align_up(record->bytes, 8) > end - c->at - sizeof(*record))
            return ERR_malformed;
    }
    return OK;
}

/* The objects, from their records. The first is the job; others have a job, or are outside. */
static error_t read_objects(struct checkpoint *c)
{
    const struct record *record;
    c->count = 0;
    for (c->at = sizeof(struct stream_header); (record = stream_record(c)) != NULL;
         stream_next(c)) {
        const struct record_object *object = (const void *)(record + 1);
        if (record->type != RECORD_object)
            continue;
        if (object->number != c->count || c->count == CHECKPOINT_OBJECTS ||
            !checkpoint_exports(object->kind))
            return ERR_malformed;
        c->objects[c->count++] = (struct checkpoint_object){.kind = object->kind,
                                                            .value = object->value,
                                                            .owner = (uint32_t)object->owner,
                                                            .job = (uint32_t)object->job};
    }
    return c->count != 0 && c->objects[0].kind == OBJECT_job ? OK : ERR_malformed;
}

static bool is_kind(const struct checkpoint *c, uint64_t number, uint64_t kind)
{
    return number < c->count && (kind == OBJECT_NONE || c->objects[number].kind == kind);
}

/* What an object of each kind belongs to besides its job; memory need not, or may to that (its
 * clock page). */
static error_t check_objects(const struct checkpoint *c)
{
    static const uint8_t owners[OBJECT_KINDS] = {[OBJECT_thread] = OBJECT_process,
                                                 [OBJECT_memory] = OBJECT_thread,
                                                 [OBJECT_timer] = OBJECT_port};
    for (uint32_t i = 1; i < c->count; i++) {
        const struct checkpoint_object *object = &c->objects[i];
        bool free = owners[object->kind] == OBJECT_NONE ||
                    (object->kind == OBJECT_memory &&
                     (object->owner == NO_OBJECT || object->owner == object->job));
        if (object->job == NO_OBJECT && object->value >= c->outside_count)
            return ERR_not_found;
        if (object->job == NO_OBJECT)
            continue;
        if (!is_kind(c, object->job, OBJECT_job) ||
            (!free && !is_kind(c, object->owner, owners[object->kind])))
            return ERR_malformed;
    }
    return OK;
}

static error_t check_numbers(const struct checkpoint *c, const struct record *record)
{
    const char *data = (const char *)(record + 1);
    uint64_t number;
    memcpy(&number, data, sizeof(number));
    if (record->type == RECORD_object)
        return OK;
    if (!is_kind(c, number, shapes[record->type].kind) ||
        (c->objects[number].job == NO_OBJECT && number != 0))
        return ERR_malformed;
    for (uint32_t i = 0; i < COUNT_OF(references); i++) {
        if (references[i].type != record->type)
            continue;
        memcpy(&number, data + references[i].offset, sizeof(number));
        if (number != NO_OBJECT && !is_kind(c, number, references[i].kind))
            return ERR_malformed;
    }
    return OK;
}

error_t checkpoint_check(struct checkpoint *c)
{
    const struct record *record;
    error_t error = check_header(c);
    if (error == OK)
        error = check_records(c);
    if (error == OK)
        error = read_objects(c);
    if (error == OK)
        error = check_objects(c);
    c->at = sizeof(struct stream_header);
    while (error == OK && (record = stream_record(c)) != NULL) {
        error = check_numbers(c, record);
        if (error == OK)
            stream_next(c);
    }
    return error;
}
