/*
 * ELF programs, as far as who loads them must know (System V ABI, "Object Files" and "Program
 * Loading"). For the kernel's root program, and for those in user space that start others.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

struct elf_segment {
    uint64_t va, size;          /* in memory; dynamic: from where it is put */
    uint64_t offset, file_size; /* in the file, the first bytes of it; the rest is zero */
    bool read, write, execute;
};

#define ELF_SEGMENTS_MAX 16

struct elf_program {
    uint64_t entry;
    uint64_t headers_va, headers_count; /* where the program sees its headers; va 0: nowhere */
    uint64_t file_end;                  /* no header, segment or section header lies behind it */
    const char *interpreter;            /* in the file, ended by 0; NULL: none */
    uint32_t segment_count;
    bool dynamic; /* it can stand anywhere: addresses count from there */
    struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/*
 * Reads the program headers of `size` bytes at `data`; `machine` is what e_machine must be.
 * malformed, truncated; full: too many segments. Addresses are not judged here.
 */
error_t elf_read(const void *data, uint64_t size, uint16_t machine, struct elf_program *program);
