/* Names for code addresses and backtraces (symbol.h); the table's form is in tools/symbols.py. */
#include "trace/symbol.h"
#include "lib/assert.h"
#include "mem/image.h"
#include "mem/vmap.h"

struct symbol {
    uint32_t offset; /* from __text_start */
    uint32_t name;   /* from the end of the symbols */
};

struct symbol_table {
    uint32_t count;
    struct symbol symbols[];
};

extern const char __symbols_start[], __symbols_end[];

const char *symbol_find(uintptr_t address, uint64_t *offset)
{
    const struct symbol_table *table = (const struct symbol_table *)(const void *)__symbols_start;
    uintptr_t start = (uintptr_t)__text_start;
    if (__symbols_end - __symbols_start < (ptrdiff_t)sizeof(*table) || table->count == 0 ||
        address < start + table->symbols[0].offset || address >= (uintptr_t)__text_end)
        return NULL;
    uint32_t low = 0, high = table->count; /* symbols[low] is at or below, symbols[high] above */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (start + table->symbols[middle].offset <= address)
            low = middle;
        else
            high = middle;
    }
    *offset = address - start - table->symbols[low].offset;
    return (const char *)&table->symbols[table->count] + table->symbols[low].name;
}

/* A frame is the caller's frame pointer and the return address, on both CPUs. */
static bool frame_readable(uintptr_t fp)
{
    phys_t page;
    uint32_t flags;
    uint64_t size;
    return fp != 0 && is_aligned(fp, sizeof(uintptr_t)) && vmap_lookup(fp, &page, &flags, &size) &&
           vmap_lookup(fp + sizeof(uintptr_t), &page, &flags, &size);
}

void backtrace_walk(uintptr_t pc, uintptr_t frame_pointer, uint32_t most,
                    void (*each)(uintptr_t address, bool is_return))
{
    if (most > 0)
        each(pc, false);
    for (uint32_t i = 1; i < most && frame_readable(frame_pointer); i++) {
        const uintptr_t *frame = (const uintptr_t *)frame_pointer;
        if (frame[1] == 0)
            return;
        each(frame[1], true);
        if (frame[0] <= frame_pointer) /* stacks grow down: callers lie higher */
            return;
        frame_pointer = frame[0];
    }
}
