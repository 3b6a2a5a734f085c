/* trace/symbol.c on a table and a text section of the test's own. */
#include "lib/string.h"
#include "mem/image.h"
#include "mem/vmap.h"
#include "trace/symbol.h"
#include "unit.h"

/* Three functions, at 0x10, 0x20 and 0x80, in a text of 0x100 bytes. */
__asm__(".data\n"
        ".balign 8\n"
        ".globl __symbols_start, __symbols_end, __text_start, __text_end\n"
        "__symbols_start: .4byte 3, 0x10, 0, 0x20, 6, 0x80, 13\n"
        ".asciz \"first\"\n"
        ".asciz \"second\"\n"
        ".asciz \"third\"\n"
        "__symbols_end:\n"
        ".balign 8\n"
        "__text_start: .skip 0x100\n"
        "__text_end: .byte 0\n"
        ".text\n");

static uintptr_t stack[64];
static uint32_t seen;
static uintptr_t addresses[16];
static bool returns[16];

/* Only the test's stack is mapped. */
bool vmap_lookup(uintptr_t va, phys_t *address, uint32_t *flags, uint64_t *page_size)
{
    *address = PHYS(0);
    *flags = 0;
    *page_size = PAGE_SIZE;
    return va >= (uintptr_t)stack && va < (uintptr_t)(stack + COUNT_OF(stack));
}

static bool names(uint64_t at, const char *name, uint64_t offset)
{
    uint64_t found = 0;
    const char *text = symbol_find((uintptr_t)__text_start + at, &found);
    return text != NULL && strcmp(text, name) == 0 && found == offset;
}

TEST(symbol_finds_by_range)
{
    EXPECT(names(0x10, "first", 0) && names(0x1f, "first", 15));
    EXPECT(names(0x20, "second", 0) && names(0x7f, "second", 0x5f));
    EXPECT(names(0x80, "third", 0) && names(0xff, "third", 0x7f));
}

TEST(symbol_knows_nothing_outside)
{
    uint64_t offset;
    EXPECT(symbol_find((uintptr_t)__text_start + 0xf, &offset) == NULL);
    EXPECT(symbol_find((uintptr_t)__text_start + 0x100, &offset) == NULL);
    EXPECT(symbol_find(0, &offset) == NULL && symbol_find(UINTPTR_MAX, &offset) == NULL);
}

static void note(uintptr_t address, bool is_return)
{
    addresses[seen] = address;
    returns[seen++] = is_return;
}

TEST(backtrace_follows_frames)
{
    stack[0] = (uintptr_t)&stack[10], stack[1] = 111;
    stack[10] = (uintptr_t)&stack[20], stack[11] = 222;
    stack[20] = 0, stack[21] = 333;
    backtrace_walk(7, (uintptr_t)stack, 16, note);
    EXPECT(seen == 4 && addresses[0] == 7 && !returns[0]);
    EXPECT(addresses[1] == 111 && addresses[2] == 222 && addresses[3] == 333 && returns[3]);
}

TEST(backtrace_stops_at_bad_frames)
{
    stack[0] = (uintptr_t)stack, stack[1] = 1; /* its own caller */
    backtrace_walk(7, (uintptr_t)stack, 16, note);
    EXPECT(seen == 2);
    seen = 0;
    stack[0] = 0x1000, stack[1] = 1; /* lower, and not mapped */
    backtrace_walk(7, (uintptr_t)stack, 16, note);
    EXPECT(seen == 2);
    seen = 0;
    stack[0] = (uintptr_t)(stack + COUNT_OF(stack)) - 8, stack[1] = 1; /* half mapped */
    backtrace_walk(7, (uintptr_t)stack, 16, note);
    EXPECT(seen == 2);
    seen = 0;
    backtrace_walk(7, (uintptr_t)stack + 4, 16, note); /* not aligned */
    EXPECT(seen == 1);
}

TEST(backtrace_gives_no_more_than_asked)
{
    for (size_t i = 0; i + 2 < COUNT_OF(stack); i += 2)
        stack[i] = (uintptr_t)&stack[i + 2], stack[i + 1] = i + 1;
    backtrace_walk(7, (uintptr_t)stack, 5, note);
    EXPECT(seen == 5);
    seen = 0;
    backtrace_walk(7, (uintptr_t)stack, 0, note);
    EXPECT(seen == 0);
}
