/* What tests of memory share: objects, mappings, and processes that are clones of this one. */
#ifndef PAGES_H
#define PAGES_H

#include "lib/types.h"
#include "sys/call.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>
#include <space.h>

#define PAGE UINT64_C(4096)
#define RO   ((uint64_t)SPACE_READ)
#define RW   ((uint64_t)(SPACE_READ | SPACE_WRITE))
#define RX   ((uint64_t)(SPACE_READ | SPACE_EXECUTE))

/* Addresses of tests: nothing else is there. */
#define AREA(number) (UINT64_C(0x10000000000) + (uint64_t)(number) * UINT64_C(0x40000000))

static inline slot_t self_process(void)
{
    return root_slot(ROOT_SLOT_PROCESS);
}

static inline slot_t object_make(enum object_kind kind, slot_t parent, uint64_t value)
{
    slot_t made = {0};
    EXPECT(tern_object_create(root_slot(ROOT_SLOT_JOB), (uint64_t)kind, parent, value, &made) ==
           OK);
    return made;
}

static inline slot_t memory_make(uint64_t pages)
{
    return object_make(OBJECT_memory, (slot_t){0}, pages * PAGE);
}

static inline void drop(slot_t slot)
{
    EXPECT(tern_cap_delete(slot) == OK);
}

static inline slot_t derive(slot_t slot, uint64_t rights)
{
    slot_t derived = {0};
    EXPECT(tern_cap_derive(slot, (rights_t){rights}, 0, &derived) == OK);
    return derived;
}

static inline error_t map(slot_t memory, uint64_t page, uint64_t va, uint64_t pages, uint64_t flags)
{
    return tern_space_map(self_process(), memory, page * PAGE, (uaddr_t){va}, pages * PAGE, flags);
}

/* Calls that do pieces, to their end; the error of the first piece that fails. */
static inline error_t unmap(uint64_t va, uint64_t pages)
{
    error_t error = OK;
    for (uint64_t at = 0, done = 0; at < pages * PAGE && error == OK; at += done)
        error = tern_space_unmap(self_process(), (uaddr_t){va + at}, pages * PAGE - at, &done);
    return error;
}

static inline error_t protect(uint64_t va, uint64_t pages, uint64_t flags)
{
    error_t error = OK;
    for (uint64_t at = 0, done = 0; at < pages * PAGE && error == OK; at += done)
        error =
            tern_space_protect(self_process(), (uaddr_t){va + at}, pages * PAGE - at, flags, &done);
    return error;
}

static inline error_t commit(slot_t memory, uint64_t page, uint64_t pages, enum commit_mode mode)
{
    error_t error = OK;
    for (uint64_t at = 0, done = 0; at < pages * PAGE && error == OK; at += done)
        error =
            tern_memory_commit(memory, page * PAGE + at, pages * PAGE - at, (uint64_t)mode, &done);
    return error;
}

static inline error_t clone(slot_t from, uint64_t page, slot_t to, uint64_t to_page, uint64_t pages)
{
    error_t error = OK;
    for (uint64_t at = 0, done = 0; at < pages * PAGE && error == OK; at += done)
        error = tern_memory_clone(from, page * PAGE + at, to, to_page * PAGE + at,
                                  pages * PAGE - at, 0, &done);
    return error;
}

static inline error_t supply(slot_t to, uint64_t page, slot_t from, uint64_t from_page,
                             uint64_t pages)
{
    error_t error = OK;
    for (uint64_t at = 0, done = 0; at < pages * PAGE && error == OK; at += done)
        error = tern_memory_supply(to, page * PAGE + at, from, from_page * PAGE + at,
                                   pages * PAGE - at, &done);
    return error;
}

/* A word at the start of a page of an object. */
static inline error_t put(slot_t memory, uint64_t page, uint64_t value)
{
    uint64_t done = 0;
    return tern_memory_write(memory, page * PAGE, (uaddr_t){(uintptr_t)&value}, sizeof(value),
                             &done);
}

static inline uint64_t get(slot_t memory, uint64_t page)
{
    uint64_t done = 0, value = UINT64_MAX;
    EXPECT(tern_memory_read(memory, page * PAGE, (uaddr_t){(uintptr_t)&value}, sizeof(value),
                            &done) == OK);
    EXPECT(done == sizeof(value));
    return value;
}

static inline volatile uint64_t *word_at(uint64_t va)
{
    return (volatile uint64_t *)va;
}

/* A process with a clone of everything that is mapped here. */
static inline slot_t process_clone(void)
{
    slot_t process = object_make(OBJECT_process, (slot_t){0}, 0);
    for (uint64_t next = 0; next < SPACE_END;) {
        error_t error = tern_space_clone(self_process(), process, next, &next);
        EXPECT(error == OK);
        if (error != OK)
            break;
    }
    return process;
}

#define CHILD_PAGE UINT64_C(0x7fe000000000) /* message pages of threads in clones */

/* A thread there: `run` ends by tern_thread_exit and calls nothing that needs a capability. Its
 * stack is one of ours, by then its own. */
static inline slot_t child_start(slot_t process, unsigned number, void (*run)(uint64_t argument),
                                 uint64_t argument)
{
    static uint8_t stacks[4][8192] __attribute__((aligned(16)));
    slot_t thread = object_make(OBJECT_thread, process, CHILD_PAGE + number * 2 * PAGE);
    uaddr_t sp = {(uintptr_t)stacks[number] + sizeof(stacks[number])};
    EXPECT(tern_thread_start(thread, (uaddr_t){(uintptr_t)run}, sp, argument) == OK);
    return thread;
}

static inline uint64_t clock_now(void)
{
    uint64_t now = 0;
    EXPECT(tern_clock_read(&now) == OK);
    return now;
}

/* Until the word has that value: false after some seconds. */
static inline bool word_becomes(volatile uint64_t *word, uint64_t value)
{
    uint64_t end = clock_now() + UINT64_C(10000000000);
    while (*word != value && clock_now() < end)
        (void)tern_yield();
    return *word == value;
}

#endif
