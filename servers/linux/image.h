/*
 * A program's image: an address space made from ELF files, and its first stack (System V ABI and
 * its supplements, "Process Initialization"; execve(2)).
 */
#ifndef LINUX_IMAGE_H
#define LINUX_IMAGE_H

#include "mm.h"
#include "task.h"

#define ARGUMENTS_MOST UINT64_C(0x200000) /* bytes of arguments and environment, all in all */
#define STRING_MOST    UINT64_C(0x20000)  /* of one of them, its end included (MAX_ARG_STRLEN) */

/* Strings one behind the other, each ended by 0. */
struct strings {
    char *bytes;
    uint64_t used, room;
    uint64_t count;
};

/* -ENOMEM, -E2BIG. */
int64_t strings_add(struct strings *strings, const char *text, uint64_t length);
void strings_free(struct strings *strings);

struct image {
    struct mm *mm;
    uint64_t entry, stack; /* where its thread begins */
    /* For the auxiliary vector: */
    uint64_t program_entry, headers_va, headers_count, base;
};

/*
 * Maps the program and its interpreter into a new address space. -ENOEXEC: no ELF file for this
 * CPU; what was made is in image->mm even after an error, if that is not NULL.
 */
int64_t image_load(struct image *image, struct task *task, struct node *program);

/* Its stack: arguments, environment, auxiliary vector. `name`: AT_EXECFN. */
int64_t image_stack(struct image *image, const struct task *task, const struct strings *arguments,
                    const struct strings *environment, const char *name);

#endif
