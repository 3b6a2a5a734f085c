/* Programs' images (image.h): segments. */
#include "image.h"
#include "lib/elf.h"
#include "node.h"
#include "path.h"
#include "server_arch.h"
#include "sys/call.h"
#include "worker.h"
#include <space.h>
#include <stdlib.h>
#include <string.h>
#include <sys_arch.h>

#define PAGE         UINT64_C(4096)
#define DYNAMIC_BASE UINT64_C(0x555555554000)

static uint64_t access_of(const struct elf_segment *segment)
{
    return (segment->read ? SPACE_READ : 0) | (segment->write ? SPACE_READ | SPACE_WRITE : 0) |
           (segment->execute ? SPACE_READ | SPACE_EXECUTE : 0);
}

/* The file's own pages: nobody can write to them by the mapping, whatever mprotect asks. */
static int64_t map_file(struct mm *mm, struct node *node, uint64_t offset, uint64_t va,
                        uint64_t size, uint64_t access)
{
    slot_t memory, readable;
    uint64_t place;
    int64_t error = node_memory(node, &memory, &place);
    if (error != 0)
        return error;
    if (place % PAGE != 0)
        return -ENODEV;
    const rights_t rights = {RIGHT_read | RIGHT_execute | RIGHT_map};
    if (tern_cap_derive(memory, rights, 0, &readable) != OK)
        return -ENOMEM;
    error = mm_map(mm, readable, place + offset, va, size, access | SPACE_PRIVATE);
    (void)tern_cap_delete(readable);
    return error;
}

/* Memory of its own, with `size` bytes of the file from `skip` on. */
static int64_t map_copy(struct mm *mm, uint64_t va, uint64_t bytes, uint64_t skip, const char *data,
                        uint64_t size, uint64_t access)
{
    slot_t memory;
    uint64_t done = 0;
    if (tern_object_create(programs_job, OBJECT_memory, (slot_t){0}, bytes, &memory) != OK)
        return -ENOMEM;
    error_t error = OK;
    for (; error == OK && size > 0; skip += done, data += done, size -= done)
        error = tern_memory_write(memory, skip, (uaddr_t){(uintptr_t)data}, size, &done);
    int64_t result = error_number(error);
    if (result == 0)
        result = mm_map(mm, memory, 0, va, bytes, access | SPACE_PRIVATE);
    (void)tern_cap_delete(memory);
    return result;
}

static int64_t map_segment(struct mm *mm, struct node *node, const char *content,
                           const struct elf_segment *segment, uint64_t base)
{
    uint64_t at = base + segment->va, va = at & ~(PAGE - 1), skip = at - va;
    uint64_t bytes = (skip + segment->size + PAGE - 1) & ~(PAGE - 1);
    if (at < MAP_FLOOR || segment->size > STACK_TOP || at > STACK_TOP - segment->size)
        return -ENOMEM;
    bool plain =
        !segment->write && segment->size == segment->file_size && segment->offset % PAGE == skip;
    int64_t error = -ENODEV;
    if (plain)
        error = map_file(mm, node, segment->offset - skip, va, bytes, access_of(segment));
    if (error != -ENODEV)
        return error;
    return map_copy(mm, va, bytes, skip, content + segment->offset, segment->file_size,
                    access_of(segment));
}

static int64_t elf_load(struct mm *mm, struct node *node, const struct elf_program *elf,
                        const char *content, uint64_t base)
{
    int64_t error = 0;
    for (uint32_t i = 0; error == 0 && i < elf->segment_count; i++)
        error = map_segment(mm, node, content, &elf->segments[i], base);
    return error;
}

/* [first, end) of what an ELF file wants to occupy. */
static uint64_t extent(const struct elf_program *elf, uint64_t *first)
{
    uint64_t end = 0;
    *first = UINT64_MAX;
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *segment = &elf->segments[i];
        *first = segment->va < *first ? segment->va : *first;
        end = segment->va + segment->size > end ? segment->va + segment->size : end;
    }
    *first &= ~(PAGE - 1);
    return (end + PAGE - 1) & ~(PAGE - 1);
}

static int64_t elf_of(struct node *node, struct elf_program *elf, const char **content)
{
    const void *base;
    uint64_t size;
    int64_t error = node_content(node, &base, &size);
    if (error != 0)
        return error;
    *content = base;
    return elf_read(base, size, SYS_MACHINE, elf) == OK ? 0 : -ENOEXEC;
}

/* The dynamic linker, high up; the program begins in it. */
static int64_t interpreter_load(struct image *image, struct task *task, const char *name)
{
    struct node *node;
    struct elf_program elf;
    const char *content;
    uint64_t first;
    int64_t error = path_open_program(task, name, &node);
    if (error != 0)
        return error;
    error = elf_of(node, &elf, &content);
    if (error == 0 && !elf.dynamic)
        error = -ENOEXEC;
    if (error == 0) {
        uint64_t size = extent(&elf, &first) - first;
        image->base = mm_place(image->mm, 0, size) - first;
        error = elf_load(image->mm, node, &elf, content, image->base);
        image->entry = image->base + elf.entry;
    }
    node_put(node);
    return error;
}

/* The code that ends handlers which name none, where this CPU has it: the same page for all. */
static int64_t trampoline_map(struct mm *mm)
{
    static slot_t code;
    uint64_t done;
    if (arch_trampoline_size == 0)
        return 0;
    if (code.value == 0) {
        slot_t memory;
        if (tern_object_create(server_job, OBJECT_memory, (slot_t){0}, PAGE, &memory) != OK)
            return -ENOMEM;
        error_t error = tern_memory_write(memory, 0, (uaddr_t){(uintptr_t)arch_trampoline},
                                          arch_trampoline_size, &done);
        if (error != OK)
            return error_number(error);
        code = memory;
    }
    return mm_map(mm, code, 0, TRAMPOLINE_VA, PAGE, SPACE_READ | SPACE_EXECUTE | SPACE_SHARED);
}

int64_t image_load(struct image *image, struct task *task, struct node *program)
{
    struct elf_program elf;
    const char *content;
    uint64_t first;
    *image = (struct image){0};
    int64_t error = elf_of(program, &elf, &content);
    if (error != 0)
        return error;
    image->mm = mm_make();
    if (image->mm == NULL)
        return -ENOMEM;
    uint64_t base = elf.dynamic ? DYNAMIC_BASE : 0;
    error = elf_load(image->mm, program, &elf, content, base);
    if (error == 0)
        error = trampoline_map(image->mm);
    if (error != 0)
        return error;
    image->entry = image->program_entry = base + elf.entry;
    image->headers_va = elf.headers_va != 0 || elf.dynamic ? base + elf.headers_va : 0;
    image->headers_count = elf.headers_count;
    struct mm *mm = image->mm;
    mm->break_start = mm->break_now = mm->break_mapped = base + extent(&elf, &first) + PAGE;
    mm->program = node_get(program);
    return elf.interpreter != NULL ? interpreter_load(image, task, elf.interpreter) : 0;
}
