/*
 * Ranges of I/O ports. Each access is a system call that checks the capability, so that taking it
 * back ends all use at once, and a thread has no more state for it.
 */
#pragma once

#include "obj/object.h"

struct ioport {
    struct object object;
    uint32_t first, count; /* constant; first + count is at most 65536 */
};

/* bad_argument for no range; denied for ports of the kernel's own; unsupported without ports. */
error_t ioport_create(struct job *job, uint32_t first, uint32_t count, struct ioport **result);

/* An access of 1, 2 or 4 bytes; bad_argument beyond the range, denied for the kernel's own. */
error_t ioport_check(const struct ioport *ioport, uint64_t port, uint64_t bytes);
