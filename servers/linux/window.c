/*
 * Addresses for stores (window.h): a buddy system without merging. Ranges that were given back are
 * kept on a stack per size; a stack is as large as there were ever ranges of its size, so that
 * giving back needs no memory.
 */
#include "window.h"
#include "lib/types.h"
#include <assert.h>
#include <stdlib.h>

#define WINDOWS_BEGIN UINT64_C(0x400000000000) /* above what main.c and streams.c map */
#define WINDOWS_END   UINT64_C(0x700000000000)
#define WINDOW_ORDERS 29 /* 4 KiB to 1 TiB */

static struct window_stack {
    uint64_t *free;
    uint32_t count, room, made; /* room >= made: each that was made can come back */
} stacks[WINDOW_ORDERS];

static uint64_t windows_next = WINDOWS_BEGIN;

static struct window_stack *stack_of(uint64_t size)
{
    assert(size >= PAGE_SIZE && (size & (size - 1)) == 0);
    unsigned order = (unsigned)__builtin_ctzll(size) - PAGE_SHIFT;
    assert(order < WINDOW_ORDERS);
    return &stacks[order];
}

static bool stack_reserve(struct window_stack *stack)
{
    if (stack->made < stack->room)
        return true;
    uint32_t room = stack->room == 0 ? 16 : stack->room * 2;
    uint64_t *larger = realloc(stack->free, room * sizeof(*larger));
    if (larger == NULL)
        return false;
    stack->free = larger;
    stack->room = room;
    return true;
}

uint64_t window_take(uint64_t size)
{
    struct window_stack *stack = stack_of(size);
    if (stack->count != 0)
        return stack->free[--stack->count];
    uint64_t address = align_up(windows_next, min_u64(size, 2 * MIB));
    if (size > WINDOWS_END - address || !stack_reserve(stack))
        return 0;
    windows_next = address + size;
    stack->made++;
    return address;
}

void window_give(uint64_t address, uint64_t size)
{
    struct window_stack *stack = stack_of(size);
    assert(address != 0 && stack->count < stack->made);
    stack->free[stack->count++] = address;
}
