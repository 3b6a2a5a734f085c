/*
 * Names for code addresses, from a table that the build makes of the linked kernel
 * (tools/symbols.py): sorted offsets and names, in a section of its own.
 */
#pragma once

#include "lib/types.h"

/* The function that holds `address` and the offset in it; NULL if none does. */
const char *symbol_find(uintptr_t address, uint64_t *offset);

/* Calls `each` with `pc` and up to most - 1 return addresses, innermost first, by frame pointers.
 */
void backtrace_walk(uintptr_t pc, uintptr_t frame_pointer, uint32_t most,
                    void (*each)(uintptr_t address, bool is_return));
