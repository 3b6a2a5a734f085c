/*
 * Device registers, wherever the firmware put them: in memory or behind ports.
 *
 * Life cycle: register_open makes a window on a block of registers that begins at a struct
 * machine_register; never closed. Offsets count bytes; the caller knows that they are in the
 * block, and orders its own accesses against others.
 */
#pragma once

#include "boot/machine.h"
#include "lib/error.h"
#include "lib/types.h"

struct register_block {
    volatile void *memory; /* NULL: behind ports */
    uint16_t port;
};

/* unsupported if `where` is in no space, bad_argument if the block does not fit in it. */
error_t register_open(struct register_block *block, const struct machine_register *where,
                      uint64_t size);

/* One access of 1, 2 or 4 bytes. */
uint32_t register_read(const struct register_block *block, uint32_t offset, uint32_t bytes);
void register_write(const struct register_block *block, uint32_t offset, uint32_t bytes,
                    uint32_t value);

/* "port 0x3f8", "0x9000000" */
void register_text(const struct machine_register *where, char *text, size_t size);
