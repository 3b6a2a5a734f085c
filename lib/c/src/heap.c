/*
 * Memory for musl's allocator, in pieces (heap.h).
 *
 * A piece is a memory object of the program's own job, mapped as a whole in the heap's window and
 * kept by that mapping alone: when it is unmapped the object ends, and its memory is the job's
 * again. Which addresses are in use is known by the kernel's list of mappings, and by nothing else.
 *
 * What is given out is there: all pages of a piece are committed, and the page tables that show it
 * are made. So the end of the job's budget is an allocation that fails, and no fault later. The
 * kernel makes tables at the first touch: until then as many pages as there may be tables are kept
 * behind the end of the piece's object, and let go just before the touch. Only somebody else in the
 * job who takes the last of its budget at that instant can still turn the touch into a fault.
 *
 * A page between two pieces is never mapped.
 */
#include "heap.h"
#include "lib/string.h"
#include "lib/types.h"
#include "rt/lock.h"
#include "sys/call.h"
#include <root.h>
#include <space.h>
#include <sys_arch.h>

/* The window: no program is linked here, and no stack or message page is placed here. */
#define WINDOW_LOW  UINT64_C(0x20000000000)
#define WINDOW_HIGH UINT64_C(0x40000000000)
#define TABLE_SPAN  (2 * MIB) /* shown by one table of the lowest level */
#define UPPER       2         /* levels above that of which a new one may be needed, but the root */
#define LISTED      16        /* mappings that one call lists */

#define PROCESS root_slot(ROOT_SLOT_PROCESS)
#define JOB     root_slot(ROOT_SLOT_JOB)

static struct rt_lock heap_lock; /* the allocator's state; taken before `pieces_lock` */
static struct rt_lock pieces_lock;
static uint64_t next = WINDOW_LOW; /* where a hole is looked for first; pieces_lock */

/* The table that the end of the last piece was touched by (its number; 0: none), while nothing is
 * unmapped there: it is kept by that piece. pieces_lock. */
static uint64_t shown;

/* The first hole of `bytes`, with a page before and behind it, from `at` on; 0: none. */
static uint64_t hole_from(uint64_t at, uint64_t bytes)
{
    struct mapping_info list[LISTED] = {0};
    uint64_t count, align = bytes >= TABLE_SPAN ? TABLE_SPAN : PAGE_SIZE;
    do {
        at = align_up(at, align);
        if (at + bytes >= WINDOW_HIGH ||
            tern_space_list(PROCESS, (uaddr_t){at}, (uaddr_t){(uintptr_t)list}, LISTED, &count) !=
                OK)
            return 0;
        for (uint64_t i = 0; i < count; i++) {
            if (list[i].va > at + bytes)
                return at;
            at = align_up(list[i].va + list[i].size + PAGE_SIZE, align);
        }
    } while (count == LISTED);
    return at + bytes < WINDOW_HIGH ? at : 0;
}

static uint64_t hole_find(uint64_t bytes)
{
    uint64_t at = hole_from(next, bytes);
    return at != 0 || next == WINDOW_LOW ? at : hole_from(WINDOW_LOW, bytes);
}

static uint64_t last_table(uint64_t va, uint64_t bytes)
{
    return (va + bytes - 1) / TABLE_SPAN;
}

/* How many tables may be missing that show the piece. */
static uint64_t tables_missing(uint64_t va, uint64_t bytes)
{
    uint64_t first = va / TABLE_SPAN, last = last_table(va, bytes);
    return first == shown && last == shown ? 0 : last - first + 1 + UPPER;
}

static error_t commit(slot_t memory, uint64_t bytes)
{
    error_t error = OK;
    for (uint64_t at = 0, done = 0; at < bytes && error == OK; at += done)
        error = tern_memory_commit(memory, at, bytes - at, COMMIT_FILL, &done);
    return error;
}

/* Its tables are made here, if at all. */
static void touch(uint64_t va, uint64_t bytes)
{
    for (uint64_t at = va; at < va + bytes; at = align_down(at, TABLE_SPAN) + TABLE_SPAN)
        (void)*(const volatile char *)at;
    shown = last_table(va, bytes);
}

/* The object, with `bytes` and `spare` bytes behind them, becomes the piece at `va`. */
static error_t show(slot_t memory, uint64_t va, uint64_t bytes, uint64_t spare)
{
    error_t error = commit(memory, bytes + spare);
    if (error == OK)
        error = tern_space_map(PROCESS, memory, 0, (uaddr_t){va}, bytes, SPACE_READ | SPACE_WRITE);
    if (error != OK)
        return error;
    if (spare > 0)
        (void)tern_memory_resize(memory, bytes);
    touch(va, bytes);
    return OK;
}

static error_t piece_make(uint64_t bytes, uint64_t *va)
{
    slot_t memory;
    *va = hole_find(bytes);
    if (*va == 0)
        return ERR_no_memory;
    uint64_t spare = tables_missing(*va, bytes) * PAGE_SIZE;
    error_t error = tern_object_create(JOB, OBJECT_memory, (slot_t){0}, bytes + spare, &memory);
    if (error != OK)
        return error;
    error = show(memory, *va, bytes, spare);
    (void)tern_cap_delete(memory);
    return error;
}

void *__heap_map(size_t size)
{
    uint64_t va = 0;
    error_t error = ERR_no_memory;
    rt_lock_take(&pieces_lock);
    if (size < WINDOW_HIGH - WINDOW_LOW)
        error = piece_make(align_up(size, PAGE_SIZE), &va);
    if (error == OK)
        next = va + align_up(size, PAGE_SIZE) + PAGE_SIZE;
    rt_lock_give(&pieces_lock);
    return error == OK ? (void *)va : (void *)-1;
}

void __heap_unmap(void *piece, size_t size)
{
    uint64_t va = (uintptr_t)piece, bytes = align_up(size, PAGE_SIZE), done;
    rt_lock_take(&pieces_lock);
    if (last_table(va, bytes) == shown)
        shown = 0;
    rt_lock_give(&pieces_lock);
    for (uint64_t at = 0; at < bytes; at += done)
        if (tern_space_unmap(PROCESS, (uaddr_t){va + at}, bytes - at, &done) != OK)
            __builtin_trap(); /* whole mappings of this process: nothing can be missing */
}

void __heap_enter(void)
{
    rt_lock_take(&heap_lock);
}

void __heap_leave(void)
{
    rt_lock_give(&heap_lock);
}

/* Not to be guessed by who did not see the program start; random numbers need a service. */
uint64_t __heap_secret(void)
{
    uint64_t seed[2] = {sys_counter()};
    (void)tern_clock_read(&seed[1]);
    return fnv1a(seed, sizeof(seed));
}
