/* ELF programs (elf.h). */
#include "lib/elf.h"
#include "lib/assert.h"
#include "lib/string.h"

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_offset, section_offset;
    uint32_t flags;
    uint16_t size, program_size, program_count, section_size, section_count, names;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF-64, figure 4-3");

struct elf_program_header {
    uint32_t type, flags;
    uint64_t offset, va, pa, file_size, size, align;
};
_Static_assert(sizeof(struct elf_program_header) == 56, "ELF-64, figure 5-1");

enum { ELF_TYPE_EXECUTABLE = 2, ELF_TYPE_DYNAMIC = 3 };
enum { ELF_SEGMENT_LOAD = 1, ELF_SEGMENT_INTERPRETER = 3 };
enum { ELF_EXECUTE = 1, ELF_WRITE = 2, ELF_READ = 4 };

static bool header_fits(const struct elf_header *header, uint16_t machine)
{
    static const uint8_t ident[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1}; /* 64 bit, little endian */
    bool type = header->type == ELF_TYPE_EXECUTABLE || header->type == ELF_TYPE_DYNAMIC;
    return memcmp(header->ident, ident, sizeof(ident)) == 0 && type && header->machine == machine &&
           header->program_size == sizeof(struct elf_program_header);
}

/* A part of the file that lies in it whole. */
static bool part_fits(uint64_t offset, uint64_t part, uint64_t size)
{
    return offset <= size && part <= size - offset;
}

static error_t interpreter_set(struct elf_program *program, const struct elf_program_header *header,
                               const char *data)
{
    const char *name = data + header->offset;
    if (header->file_size == 0 || name[header->file_size - 1] != 0 || program->interpreter != NULL)
        return ERR_malformed;
    program->interpreter = name;
    return OK;
}

static error_t segment_add(struct elf_program *program, const struct elf_program_header *header)
{
    if (header->file_size > header->size || header->va + header->size < header->va)
        return ERR_malformed;
    if (program->segment_count == ELF_SEGMENTS_MAX)
        return ERR_full;
    program->file_end = max_u64(program->file_end, header->offset + header->file_size);
    program->segments[program->segment_count++] =
        (struct elf_segment){.va = header->va,
                             .size = header->size,
                             .offset = header->offset,
                             .file_size = header->file_size,
                             .read = (header->flags & ELF_READ) != 0,
                             .write = (header->flags & ELF_WRITE) != 0,
                             .execute = (header->flags & ELF_EXECUTE) != 0};
    return OK;
}

/* One program header of the file, whose table begins at `table`. */
static error_t header_take(struct elf_program *program, const struct elf_program_header *header,
                           const char *data, uint64_t size, uint64_t table)
{
    bool load = header->type == ELF_SEGMENT_LOAD && header->size != 0;
    if (!load && header->type != ELF_SEGMENT_INTERPRETER)
        return OK;
    if (!part_fits(header->offset, header->file_size, size))
        return ERR_truncated;
    if (!load)
        return interpreter_set(program, header, data);
    if (table >= header->offset && table - header->offset < header->file_size)
        program->headers_va = header->va + (table - header->offset);
    return segment_add(program, header);
}

error_t elf_read(const void *data, uint64_t size, uint16_t machine, struct elf_program *program)
{
    struct elf_header header;
    if (size < sizeof(header))
        return ERR_truncated;
    memcpy(&header, data, sizeof(header));
    if (!header_fits(&header, machine))
        return ERR_malformed;
    uint64_t table = (uint64_t)header.program_count * sizeof(struct elf_program_header);
    if (!part_fits(header.program_offset, table, size))
        return ERR_truncated;
    uint64_t sections = (uint64_t)header.section_count * header.section_size;
    if (!part_fits(header.section_offset, sections, size))
        return ERR_truncated;
    *program = (struct elf_program){
        .entry = header.entry,
        .headers_count = header.program_count,
        .dynamic = header.type == ELF_TYPE_DYNAMIC,
        .file_end = max_u64(header.program_offset + table, header.section_offset + sections)};
    for (uint32_t i = 0; i < header.program_count; i++) {
        struct elf_program_header segment;
        memcpy(&segment, (const char *)data + header.program_offset + i * sizeof(segment),
               sizeof(segment));
        error_t error = header_take(program, &segment, data, size, header.program_offset);
        if (error != OK)
            return error;
    }
    debug_assert(program->segment_count <= ELF_SEGMENTS_MAX && program->file_end <= size);
    return program->segment_count != 0 ? OK : ERR_malformed;
}
