/*
 * Frames that memory objects show: `references` counts the objects. They change without a common
 * lock, each object's under its own.
 *
 * An object whose frame has one reference may write: nobody else can add one, and the acquire
 * pairs with the release of who let go, so that its reads were before our writes.
 */
#pragma once

#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/page_tree.h"

static inline bool frame_shared(phys_t frame)
{
    return __atomic_load_n(&frame_of(frame)->references, __ATOMIC_ACQUIRE) > 1;
}

/* Another object shows it; the caller's object does already. */
static inline void frame_share(phys_t frame)
{
    uint32_t before = __atomic_fetch_add(&frame_of(frame)->references, 1, __ATOMIC_RELAXED);
    assert(before > 0 && before < UINT32_MAX);
}

/* One object less. Frees it with the last. */
static inline void frame_drop(phys_t frame)
{
    if (frame_shared(frame) &&
        __atomic_fetch_sub(&frame_of(frame)->references, 1, __ATOMIC_ACQ_REL) > 1)
        return;
    frame_free(frame, 0);
}

/* Entries as a whole; the round stays. */
static inline void page_set_present(struct page *page, phys_t frame)
{
    debug_assert((frame.pa & ~PAGE_FRAME) == 0 && page_pins(page) == 0);
    page->word = frame.pa | PAGE_PRESENT;
}

static inline void page_set_kind(struct page *page, enum page_kind kind)
{
    debug_assert(page_pins(page) == 0 && kind != PAGE_PRESENT);
    page->word = kind;
}
