/* A user program's view of a space (user_model.h). */
#include "user_model.h"
#include "caps_model.h"
#include "host.h"
#include "lib/assert.h"
#include "mem/phys.h"
#include "selftest/check.h"

#include <string.h>

#define SPACES 8 /* with TLB entries at the same time */

/* What hardware remembers: the leaf as it was. */
struct tlb {
    struct space *space;
    pte_t leaves[USER_PAGES];
};

static struct tlb tlbs[SPACES];
static uint64_t faults;

static struct tlb *tlb_of(const struct arch_space *arch)
{
    for (uint32_t i = 0; i < SPACES; i++)
        if (tlbs[i].space != NULL && &tlbs[i].space->arch == arch)
            return &tlbs[i];
    return NULL;
}

static void tlb_flushed(struct arch_space *arch, uintptr_t va, uint64_t size)
{
    struct tlb *tlb = tlb_of(arch);
    for (uint64_t page = 0; tlb != NULL && page < USER_PAGES; page++)
        if (user_va(page) >= va && user_va(page) - va < size)
            tlb->leaves[page] = 0;
}

static struct tlb *tlb_make(struct space *space)
{
    struct tlb *tlb = tlb_of(&space->arch);
    if (tlb != NULL)
        return tlb;
    for (tlb = tlbs; tlb->space != NULL; tlb++)
        assert(tlb < tlbs + SPACES - 1);
    memset(tlb, 0, sizeof(*tlb));
    tlb->space = space;
    return tlb;
}

void user_start(void)
{
    caps_start();
    memset(tlbs, 0, sizeof(tlbs));
    host_space_watch(tlb_flushed);
}

uint64_t user_faults(void)
{
    return faults;
}

static bool leaf_allows(pte_t leaf, uint32_t access)
{
    return arch_pte_present(leaf) &&
           ((access & SPACE_WRITE) == 0 ||
            (arch_pte_flags(leaf) & (MAP_WRITE | MAP_CLEAN)) == MAP_WRITE);
}

/* What a walk for the access brings: of one page. A write marks the entry, if hardware does. */
static pte_t walk(const struct space *space, uint64_t va, uint32_t access)
{
    int level = 0;
    pte_t *entry = ptab_find(&space->ptab, va, &level);
    if (entry == NULL)
        return 0;
    phys_t frame = arch_pte_address(*entry, level);
    uint32_t flags = arch_pte_flags(*entry);
    if ((access & SPACE_WRITE) != 0 && arch_mmu_marks_dirty())
        flags &= ~(uint32_t)MAP_CLEAN;
    *entry = arch_pte_leaf(frame, flags, level);
    frame.pa += align_down(va, PAGE_SIZE) & (ptab_span(level) - 1);
    return arch_pte_leaf(frame, flags, 0);
}

/* The leaf by which hardware accesses `va`; a fault forgets the one that did not allow it. */
static error_t translate(struct space *space, uint64_t va, uint32_t access, pte_t *leaf,
                         struct page_request *request)
{
    uint64_t page = (va - USER_BASE) >> PAGE_SHIFT;
    assert(page < USER_PAGES);
    pte_t *known = &tlb_make(space)->leaves[page];
    for (uint32_t i = 0; !leaf_allows(*known, access); i++) {
        *known = walk(space, va, access);
        if (leaf_allows(*known, access))
            break;
        assert(i < 3);
        faults++;
        *known = 0;
        error_t error = space_fault(space, (uaddr_t){va}, access, request);
        if (error != OK)
            return error;
    }
    *leaf = *known;
    return OK;
}

static uint64_t *word_at(pte_t leaf, uint64_t va)
{
    char *bytes = phys_to_virt(arch_pte_address(leaf, 0));
    return (uint64_t *)(void *)(bytes + (va & (PAGE_SIZE - 1)));
}

error_t user_read(struct space *space, uint64_t va, uint64_t *value, struct page_request *request)
{
    pte_t leaf = 0;
    error_t error = translate(space, va, SPACE_READ, &leaf, request);
    if (error == OK)
        *value = *word_at(leaf, va);
    return error;
}

error_t user_write(struct space *space, uint64_t va, uint64_t value, struct page_request *request)
{
    pte_t leaf = 0;
    error_t error = translate(space, va, SPACE_WRITE, &leaf, request);
    if (error == OK)
        *word_at(leaf, va) = value;
    return error;
}

void user_check_gone(struct space *space)
{
    struct tlb *tlb = tlb_of(&space->arch);
    for (uint64_t page = 0; tlb != NULL && page < USER_PAGES; page++)
        assert(tlb->leaves[page] == 0);
    if (tlb != NULL)
        tlb->space = NULL;
}

error_t user_unmap(struct space *space, uint64_t va, uint64_t size)
{
    for (uint64_t at = 0, done = 0; at < size; at += done) {
        error_t error = space_unmap(space, (uaddr_t){va + at}, size - at, &done);
        if (error != OK)
            return error;
        assert(done > 0);
    }
    return OK;
}

error_t user_protect(struct space *space, uint64_t va, uint64_t size, uint32_t flags)
{
    for (uint64_t at = 0, done = 0; at < size; at += done) {
        error_t error = space_protect(space, (uaddr_t){va + at}, size - at, flags, &done);
        if (error != OK)
            return error;
        assert(done > 0);
    }
    return OK;
}

error_t user_clone(struct space *from, struct space *to)
{
    struct page_request request;
    uint64_t next = 0;
    error_t error = OK;
    while (next != SPACE_END && error == OK) {
        uint64_t before = next;
        error = space_clone(from, to, &next, &request);
        assert(error != OK || next > before);
    }
    return error;
}

error_t user_commit(struct memory *memory, uint64_t offset, uint64_t size, enum commit_mode mode)
{
    struct page_request request;
    for (uint64_t at = 0, done = 0; at < size; at += done) {
        error_t error = memory_commit(memory, offset + at, size - at, mode, &request, &done);
        if (error != OK)
            return error;
        assert(done > 0);
    }
    return OK;
}

error_t user_resize(struct memory *memory, uint64_t size)
{
    bool done = false;
    error_t error = OK;
    while (!done && error == OK)
        error = memory_resize(memory, size, &done);
    return error;
}

error_t user_memory_clone(struct memory *from, uint64_t from_offset, struct memory *to,
                          uint64_t to_offset, uint64_t size, uint32_t flags)
{
    struct page_request request;
    for (uint64_t at = 0, done = 0; at < size; at += done) {
        error_t error = memory_clone(from, from_offset + at, to, to_offset + at, size - at, flags,
                                     &request, &done);
        if (error != OK)
            return error;
        assert(done > 0);
    }
    return OK;
}

void user_space_end(struct space *space)
{
    while (!space_clear(space, 1))
        space_check(space);
    user_check_gone(space);
    space_free(space);
}
