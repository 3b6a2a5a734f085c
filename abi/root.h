/*
 * The root program: what the kernel gives to the first thread of user mode.
 *
 * It is the boot module named "root" (or the only module): an ELF file, static, for this CPU. What
 * stands behind that in the same module, from the next page on, counts as the first of the other
 * modules, for loaders that have but one. Its segments are mapped where they are linked, with their
 * own rights. The thread starts at the entry point on a stack of ROOT_STACK bytes below
 * ROOT_STACK_TOP, with the address of its message page in word 0; in that page stands the kernel's
 * command line, ended by 0, then lines of what it knows of the machine, ended by 0:
 *
 *     machine cpus COUNT   that run
 *     machine pcie WINDOW FIRST LAST BASE SIZE   PCI Express: the physical address of the
 *         configuration space of bus FIRST, and that of the others to LAST; memory below 4 GiB that
 *         is free for devices on them (size 0: they have theirs from the firmware)
 *
 * Its process has these capabilities, with all rights, each the first of
 * its slot: generation 1.
 */
#ifndef ABI_ROOT_H
#define ABI_ROOT_H

#include <abi.h>

enum root_slot {
    ROOT_SLOT_PROCESS = 1, /* its own process */
    ROOT_SLOT_THREAD = 2,  /* its first thread */
    ROOT_SLOT_JOB = 3,     /* the first job: all of the machine */
    ROOT_SLOT_MODULE = 4,  /* memory with a boot module; the others have the slots behind it */
};

/* Above any program that is linked where programs are (0x400000). */
#define ROOT_PAGE      UINT64_C(0x7fff00000000) /* the message page */
#define ROOT_STACK_TOP UINT64_C(0x7ffe00000000)
#define ROOT_STACK     UINT64_C(0x10000)

static inline slot_t root_slot(enum root_slot slot)
{
    return (slot_t){UINT64_C(1) << 32 | (uint64_t)slot};
}

#endif
