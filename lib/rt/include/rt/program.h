/*
 * Native programs that are started: made from an ELF file in the caller's memory, given
 * capabilities and arguments, then let run (rt/begin.h is their side).
 *
 * Load, then any number of gives and args, then start. What was made is charged to the program's
 * job; killing that ends it. After an error rt_program_forget gives the capabilities up.
 */
#ifndef RT_PROGRAM_H
#define RT_PROGRAM_H

#include "rt/begin.h"

struct rt_program {
    slot_t job, process, thread; /* ours, with all rights */
    uint64_t entry;
    struct rt_block block;
    uint32_t given; /* how many named capabilities */
};

/* A static program. Errors of elf_read (lib/elf.h) and of the calls; unsupported: a dynamic one. */
error_t rt_program_load(struct rt_program *program, slot_t job, const void *file, uint64_t size);

/*
 * Derives a capability of ours into its table and names it in its start block. The locator has its
 * own slot (rt_program_locate).
 */
error_t rt_program_give(struct rt_program *program, const char *name, slot_t source,
                        rights_t rights, uint64_t badge);
error_t rt_program_locate(struct rt_program *program, slot_t source, uint64_t badge);

static inline error_t rt_program_arg(struct rt_program *program, const char *text)
{
    return rt_block_arg(&program->block, text);
}

/* Its end and faults are told to `handler` with a badge. `page`: the caller's message page. */
error_t rt_program_start(struct rt_program *program, slot_t handler, uint64_t badge, void *page);

/* Gives up our capabilities for its process and thread (not the job). */
void rt_program_forget(struct rt_program *program);

#endif
