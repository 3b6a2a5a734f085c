/*
 * The manifest: which native programs there are, and what each is given. Text; docs/manifest.md
 * says its form to who writes one.
 *
 *     program NAME          begins a block; lines below belong to it, `#` begins a comment
 *       file PATH           in the system archive; tern/bin/NAME if there is none
 *       arg TEXT            an argument; may be repeated
 *       memory SIZE         its job's limit (16M)
 *       reserve SIZE        kept for it alone (0)
 *       give THING            archive, console (it may write to the kernel's), wx, cpus (an
 * argument "cpus N"); may be repeated device virtio TYPE  it drives the next device of that type:
 * console, block, net, entropy needs NAME          is started after that program; may be repeated
 *       provides SERVICE      what others find by this name (locator)
 *       uses SERVICE          what it may find; may be repeated
 *       restart always|never
 *       end system          when it ends, the system does, with its value
 */
#ifndef INIT_MANIFEST_H
#define INIT_MANIFEST_H

#include "lib/error.h"
#include "lib/types.h"

#define PROGRAMS_MOST 32
#define NAME_MOST     32
#define PATH_MOST     128
#define ARGS_MOST     8
#define ARG_MOST      96
#define NEEDS_MOST    8

enum give { GIVE_ARCHIVE = 1, GIVE_CONSOLE = 2, GIVE_WX = 4, GIVE_CPUS = 8 };

struct entry {
    char name[NAME_MOST], file[PATH_MOST];
    char args[ARGS_MOST][ARG_MOST];
    char needs[NEEDS_MOST][NAME_MOST];
    char uses[NEEDS_MOST][NAME_MOST];
    char provides[NAME_MOST];
    uint32_t arg_count, need_count, use_count, gives;
    uint32_t device;          /* the virtio type that it drives; 0: none */
    uint64_t memory, reserve; /* bytes */
    bool restarts, ends_system;
};

struct manifest {
    struct entry entries[PROGRAMS_MOST];
    uint32_t count;
    uint32_t order[PROGRAMS_MOST]; /* of their start: each after those that it needs */
    uint32_t line;                 /* that an error is in, from 1; 0: in none */
    const char *why;               /* of an error: what is wrong */
};

/* Reads `size` bytes. malformed, full, not_found (a need that there is not), cycle. */
error_t manifest_read(struct manifest *manifest, const char *text, uint64_t size);

#endif
