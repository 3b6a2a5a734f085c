/* Native programs that are started (rt/program.h). */
#include "rt/program.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "rt/state.h"
#include "sys/call.h"
#include <space.h>
#include <sys_arch.h>

/* A program holds its own parts with all that it needs to make more of them, but no power over its
 * job: that is its starter's. */
#define JOB_RIGHTS (RIGHT_read | RIGHT_create | RIGHT_grant)

static error_t memory_fill(slot_t memory, uint64_t at, const char *data, uint64_t size)
{
    uint64_t done = 0;
    error_t error = OK;
    for (; error == OK && size > 0; at += done, data += done, size -= done)
        error = tern_memory_write(memory, at, (uaddr_t){(uintptr_t)data}, size, &done);
    return error;
}

/* New memory at `va`, with `size` bytes of `data` from `skip` on. */
static error_t area_make(struct rt_program *program, uint64_t va, uint64_t bytes, uint64_t skip,
                         const char *data, uint64_t size, uint64_t access)
{
    slot_t memory = {0};
    error_t error = tern_object_create(program->job, OBJECT_memory, (slot_t){0}, bytes, &memory);
    if (error != OK)
        return error;
    error = memory_fill(memory, skip, data, size);
    if (error == OK)
        error = tern_space_map(program->process, memory, 0, (uaddr_t){va}, bytes, access);
    (void)tern_cap_delete(memory); /* the mapping keeps it */
    return error;
}

static error_t segment_load(struct rt_program *program, const struct elf_segment *segment,
                            const char *file)
{
    uint64_t va = align_down(segment->va, PAGE_SIZE), end = segment->va + segment->size;
    if (end > SPACE_END || va < SPACE_START)
        return ERR_bad_address;
    uint64_t access = (segment->read ? SPACE_READ : 0) | (segment->write ? SPACE_WRITE : 0) |
                      (segment->execute ? SPACE_EXECUTE : 0);
    return area_make(program, va, align_up(end, PAGE_SIZE) - va, segment->va - va,
                     file + segment->offset, segment->file_size, access);
}

static error_t place(struct rt_program *program, uint32_t index, slot_t source, uint64_t rights,
                     uint64_t badge, slot_t *placed)
{
    slot_t wanted = {index == 0 ? 0 : UINT64_C(1) << 32 | index};
    return tern_cap_place(program->process, wanted, (slot_t){0}, source, (rights_t){rights}, badge,
                          placed);
}

static error_t own_parts_give(struct rt_program *program)
{
    slot_t placed;
    error_t error = place(program, ROOT_SLOT_PROCESS, program->process, RIGHTS_ALL, 0, &placed);
    if (error == OK)
        error = place(program, ROOT_SLOT_THREAD, program->thread, RIGHTS_ALL, 0, &placed);
    if (error == OK)
        error = place(program, ROOT_SLOT_JOB, program->job, JOB_RIGHTS, 0, &placed);
    return error;
}

static error_t parts_make(struct rt_program *program, const struct elf_program *elf,
                          const char *file)
{
    error_t error =
        tern_object_create(program->job, OBJECT_process, (slot_t){0}, 0, &program->process);
    for (uint32_t i = 0; error == OK && i < elf->segment_count; i++)
        error = segment_load(program, &elf->segments[i], file);
    if (error == OK)
        error = area_make(program, ROOT_STACK_TOP - ROOT_STACK, ROOT_STACK, 0, NULL, 0,
                          SPACE_READ | SPACE_WRITE);
    if (error == OK)
        error = tern_object_create(program->job, OBJECT_thread, program->process, ROOT_PAGE,
                                   &program->thread);
    return error;
}

error_t rt_program_load(struct rt_program *program, slot_t job, const void *file, uint64_t size)
{
    struct elf_program elf;
    program->job = job;
    program->process = program->thread = (slot_t){0};
    program->given = 0;
    rt_block_begin(&program->block);
    error_t error = elf_read(file, size, SYS_MACHINE, &elf);
    if (error == OK && elf.dynamic)
        error = ERR_unsupported;
    program->entry = error == OK ? elf.entry : 0;
    if (error == OK)
        error = parts_make(program, &elf, file);
    if (error == OK)
        error = own_parts_give(program);
    if (error != OK)
        rt_program_forget(program);
    return error;
}

error_t rt_program_give(struct rt_program *program, const char *name, slot_t source,
                        rights_t rights, uint64_t badge)
{
    slot_t placed;
    error_t error = place(program, 0, source, rights.bits, badge, &placed);
    if (error != OK)
        return error;
    program->given++;
    return rt_block_cap(&program->block, name, placed);
}

error_t rt_program_locate(struct rt_program *program, slot_t source, uint64_t badge)
{
    slot_t placed;
    return place(program, RT_SLOT_LOCATOR, source, RIGHT_send, badge, &placed);
}

/* The start block into its message page. */
static error_t block_write(struct rt_program *program)
{
    slot_t memory;
    uint64_t next;
    error_t error = tern_object_open(program->thread, LINK_thread_page, 0, &memory, &next);
    if (error != OK)
        return error;
    error = memory_fill(memory, 0, program->block.bytes, program->block.text.length + 1);
    (void)tern_cap_delete(memory);
    return error;
}

error_t rt_program_start(struct rt_program *program, slot_t handler, uint64_t badge, void *page)
{
    struct state_thread_basic state = {.handler_badge = badge, .handler = {handler.value}};
    error_t error = block_write(program);
    if (error == OK)
        error = rt_set(page, program->thread, STATE_thread_basic,
                       STATE_BIT(thread, basic, handler_badge) | STATE_BIT(thread, basic, handler),
                       &state, sizeof(state), (slot_t){0});
    if (error == OK)
        error = tern_thread_start(program->thread, (uaddr_t){program->entry},
                                  (uaddr_t){ROOT_STACK_TOP}, ROOT_PAGE);
    return error;
}

void rt_program_forget(struct rt_program *program)
{
    if (program->thread.value != 0)
        (void)tern_cap_delete(program->thread);
    if (program->process.value != 0)
        (void)tern_cap_delete(program->process);
    program->thread = program->process = (slot_t){0};
}
