/*
 * More ways to copy than mem/space.h has: between two spaces, and one word atomically. Errors as
 * there; bad_address for device registers. No locks held.
 */
#pragma once

#include "mem/space.h"

/* Interrupts stay off, so callers bound `size`. Ranges that overlap copy in any order. */
error_t space_copy_between(struct space *to_space, uaddr_t to, struct space *from_space,
                           uaddr_t from, uint64_t size, uint64_t *done);

/*
 * Stores `desired` into the aligned word of `width` 4 or 8 bytes if `expected` is there; *old is
 * what was there, 4 bytes zero-extended. bad_argument.
 */
error_t space_cas(struct space *space, uaddr_t va, uint64_t width, uint64_t expected,
                  uint64_t desired, uint64_t *old);
