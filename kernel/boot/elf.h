/*
 * Static ELF programs, as far as the root program needs them (System V ABI, "Object Files").
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

struct elf_segment {
    uint64_t va, size; /* in memory */
    const void *file;  /* the first `file_size` bytes of it; the rest is zero */
    uint64_t file_size;
    bool read, write, execute;
};

#define ELF_SEGMENTS_MAX 8

struct elf_program {
    uint64_t entry;
    uint64_t file_end; /* no header, segment or section header lies behind it */
    uint32_t segment_count;
    struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/*
 * Reads the program headers of `size` bytes at `data`; `machine` is what e_machine must be.
 * malformed, truncated; full: too many segments. Addresses are not judged here.
 */
error_t elf_read(const void *data, uint64_t size, uint16_t machine, struct elf_program *program);
