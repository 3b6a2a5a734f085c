/*
 * Faults: the way from an address to a page, and into the tables (space.h, fault.h).
 *
 * Hot: an anonymous and a copy-on-write fault are measured in instructions (tests/bench).
 */
#include "lib/assert.h"
#include "mem/fault.h"
#include "mem/page.h"
#include "sched/cpu.h"

#define ENTER_MAX 16 /* leaves that mapping enters at once; one for 512 pages counts as half */

/* What the mapping allows; who may write or execute may read. */
static uint32_t mapping_access(const struct mapping *mapping)
{
    uint32_t access = mapping->flags & SPACE_ACCESS;
    return access != 0 ? access | SPACE_READ : 0;
}

/* The page at fault->index; the object is locked. */
static error_t fault_page_locked(struct fault *fault)
{
    struct memory *memory = fault->memory;
    if (memory->physical) {
        fault->page = NULL;
        fault->frame = PHYS(memory->base.pa + (fault->index << PAGE_SHIFT));
        return fault->index < memory->page_count ? OK : ERR_bad_address;
    }
    bool write = (fault->access & SPACE_WRITE) != 0;
    error_t error = memory_page_locked(memory, fault->index, write, fault->request, &fault->page);
    if (error == OK)
        fault->frame = page_frame(fault->page);
    return error;
}

/* The mapping at fault->va, if it allows the access; the space is locked. */
static error_t fault_mapping_locked(struct fault *fault)
{
    struct mapping *mapping = fault->space->found;
    if (mapping == NULL || fault->va - mapping->va >= mapping->size) {
        mapping = mapping_find_locked(fault->space, fault->va);
        if (mapping == NULL)
            return ERR_bad_address;
        fault->space->found = mapping;
    }
    if ((fault->access & ~mapping_access(mapping)) != 0)
        return ERR_denied;
    fault->mapping = mapping;
    fault->memory = mapping->memory;
    fault->index = mapping_index(mapping, fault->va);
    return OK;
}

static inline __attribute__((always_inline)) error_t fault_try(struct fault *fault)
{
    spinlock_enter(&fault->space->lock);
    error_t error = fault_mapping_locked(fault);
    if (error == OK) {
        spinlock_enter(&fault->memory->lock);
        error = fault_page_locked(fault);
        if (error == OK)
            return OK;
        spinlock_exit(&fault->memory->lock);
    }
    spinlock_exit(&fault->space->lock);
    return error;
}

static inline __attribute__((always_inline)) error_t begin(struct fault *fault)
{
    debug_assert(cpu_self()->held_count == 0);
    for (;;) {
        error_t error = fault_try(fault);
        if (error != ERR_would_block)
            return error;
        error = memory_unshare(fault->memory, fault->index);
        if (error != OK)
            return error;
    }
}

error_t fault_begin(struct fault *fault)
{
    return begin(fault);
}

void fault_end(struct fault *fault)
{
    spinlock_exit(&fault->memory->lock);
    spinlock_exit(&fault->space->lock);
}

/* `write`: MAP_WRITE, MAP_CLEAN besides, or 0. */
static uint32_t leaf_flags(const struct mapping *mapping, uint32_t write)
{
    return MAP_USER | write | mapping->memory->attributes |
           ((mapping->flags & SPACE_EXECUTE) != 0 ? MAP_EXECUTE : 0);
}

/*
 * May the leaf allow writing? Not to a shared frame; and while writes are tracked, only for one
 * that is noted now, or as hardware notes it.
 */
static uint32_t leaf_writable(const struct fault *fault)
{
    const struct memory *memory = fault->memory;
    if ((fault->mapping->flags & SPACE_WRITE) == 0)
        return 0;
    if (memory->physical || (fault->access & SPACE_WRITE) != 0)
        return MAP_WRITE;
    if (frame_shared(fault->frame))
        return 0;
    if (memory->round == 0)
        return MAP_WRITE;
    return arch_mmu_marks_dirty() ? MAP_WRITE | MAP_CLEAN : 0;
}

/* Can one leaf show the 2 MiB around the page, and be writable? */
static bool large_fits_locked(const struct fault *fault, phys_t *block, bool *writable)
{
    const struct mapping *mapping = fault->mapping;
    const struct memory *memory = fault->memory;
    uint64_t low = align_down(fault->va, LARGE_SIZE);
    if ((mapping->flags & SPACE_EXECUTE) != 0 && !arch_code_coherent())
        return false; /* 2 MiB would be too long a work at once */
    if (low < mapping->va || low + LARGE_SIZE > mapping_end(mapping))
        return false;
    uint64_t first = mapping_index(mapping, low);
    bool shared = false;
    *block = PHYS(memory->base.pa + (first << PAGE_SHIFT));
    if (memory->physical
            ? !is_aligned(block->pa, LARGE_SIZE) || first + LARGE_PAGES > memory->page_count
            : memory->round != 0 || first % LARGE_PAGES != 0 ||
                  !memory_large_locked(memory, first, block, &shared))
        return false;
    *writable = (mapping->flags & SPACE_WRITE) != 0 && !shared;
    return true;
}

/*
 * With no table below `top`, where the 2 MiB around the page are shown: by a leaf there (true), if
 * one fits, else by a table. A leaf that no longer fits goes.
 */
static bool large_enter_locked(const struct fault *fault, pte_t *top)
{
    phys_t block;
    bool writable, present = arch_pte_present(pte_read(top));
    bool write = (fault->access & SPACE_WRITE) != 0;
    debug_assert(spinlock_held(&fault->space->lock) && spinlock_held(&fault->memory->lock));
    if (present && (!write || arch_pte_writable(pte_read(top))))
        return true;
    if (large_fits_locked(fault, &block, &writable) && (writable || !write)) {
        pte_write(top,
                  arch_pte_leaf(block, leaf_flags(fault->mapping, writable ? MAP_WRITE : 0), 1));
        fault->memory->large += !present;
        return true;
    }
    if (present)
        memory_leaf_hide_locked(fault->mapping, fault->va, top, 1);
    return false;
}

/* Stores the page's entry of level 0; NULL: a leaf of level 1 shows it now. would_block: one that
 * did so has to be forgotten first. */
__attribute__((noinline)) static error_t fault_walk_locked(struct fault *fault)
{
    pte_t *top;
    struct ptab *ptab = &fault->space->ptab;
    error_t error = ptab_entry(ptab, fault->va, 1, &top);
    fault->entry = NULL;
    if (error != OK)
        return error;
    if (!arch_pte_present(pte_read(top)) || arch_pte_is_leaf(pte_read(top), 1)) {
        if (large_enter_locked(fault, top))
            return OK;
        if (!memory_settled_locked(fault->memory))
            return ERR_would_block;
        return ptab_entry(ptab, fault->va, 0, &fault->entry);
    }
    ptab_remember(ptab, fault->va, arch_pte_address(pte_read(top), 1));
    fault->entry = ptab_known(ptab, fault->va);
    return OK;
}

/*
 * Enters the page, or the 2 MiB around it; *forget: this CPU may know the leaf as it was. Rights
 * that a leaf has already stay, for they can only be taken away with a flush. would_block: as above
 * (memory_unshare).
 */
static inline __attribute__((always_inline)) error_t fault_enter_locked(struct fault *fault,
                                                                        bool *forget)
{
    pte_t *entry = ptab_known(&fault->space->ptab, fault->va);
    if (entry == NULL) {
        struct fault copy = *fault; /* what is passed on cannot stay in registers */
        error_t error = fault_walk_locked(&copy);
        entry = copy.entry;
        *forget = entry == NULL;
        if (entry == NULL)
            return error;
    }
    uint32_t writable = leaf_writable(fault);
    pte_t old = pte_read(entry);
    if (arch_pte_present(old)) {
        assert(arch_pte_address(old, 0).pa == fault->frame.pa);
        *forget = true;
        if ((fault->access & SPACE_WRITE) == 0 && arch_pte_writable(old))
            return OK; /* it stays, with the mark that hardware may be making */
    } else if ((fault->mapping->flags & SPACE_EXECUTE) != 0 && fault->page != NULL) {
        arch_code_sync(fault->frame, PAGE_SIZE);
    }
    if (fault->page != NULL && (fault->access & SPACE_WRITE) != 0)
        memory_wrote_locked(fault->memory, fault->page);
    pte_write(entry, arch_pte_leaf(fault->frame, leaf_flags(fault->mapping, writable), 0));
    return OK;
}

error_t space_fault(struct space *space, uaddr_t va, uint32_t access, struct page_request *request)
{
    struct fault fault; /* not cleared: what is used is set */
    fault.space = space;
    fault.va = align_down(va.va, PAGE_SIZE);
    fault.access = access;
    fault.request = request;
    error_t error = begin(&fault);
    if (error != OK)
        return error;
    bool forget = false;
    error = fault_enter_locked(&fault, &forget);
    fault_end(&fault);
    if (error == ERR_would_block)
        return memory_unshare(fault.memory, fault.index); /* the access is made again */
    if (forget)
        arch_tlb_flush(fault.va, PAGE_SIZE);
    else
        arch_mmu_barrier();
    return error;
}

/* Is the page there, so that it can be entered without changing anything? */
static bool enter_find_locked(struct fault *fault)
{
    if (fault->memory->physical)
        return fault_page_locked(fault) == OK;
    fault->page = page_tree_find(&fault->memory->pages, fault->index);
    if (fault->page == NULL || page_kind(fault->page) != PAGE_PRESENT || page_busy(fault->page))
        return false;
    fault->frame = page_frame(fault->page);
    return true;
}

void space_enter_present_locked(struct space *space, struct mapping *mapping, uint64_t va,
                                uint64_t size)
{
    struct fault fault; /* not cleared: what is used is set */
    bool large = false;
    error_t error;
    fault.space = space;
    fault.mapping = mapping;
    fault.memory = mapping->memory;
    fault.access = SPACE_READ;
    if (mapping_access(mapping) == 0 || (fault.memory->resident == 0 && !fault.memory->physical))
        return;
    uint64_t end = va + size;
    uint32_t work = 0;
    do {
        fault.va = va;
        fault.index = mapping_index(mapping, va);
        va += PAGE_SIZE;
        if (!enter_find_locked(&fault))
            continue;
        error = fault_enter_locked(&fault, &large);
        if (error != OK)
            break;
        if (large) {
            va = align_up(va, LARGE_SIZE);
            work += fault.page != NULL ? ENTER_MAX / 2 : 0;
            large = false;
        }
    } while (va < end && ++work < ENTER_MAX);
    arch_mmu_barrier();
}

error_t space_populate(struct space *space, uaddr_t va, uint64_t size, uint32_t access,
                       struct page_request *request, uint64_t *done)
{
    enum { PAGES = 16 }; /* at most, in one call */
    *done = 0;
    if (!is_aligned(va.va | size, PAGE_SIZE) || va.va > SPACE_END || size > SPACE_END - va.va)
        return ERR_bad_argument;
    error_t error = OK;
    while (*done < size && *done < PAGES * PAGE_SIZE) {
        error = space_fault(space, (uaddr_t){va.va + *done}, access, request);
        if (error != OK)
            break;
        *done += PAGE_SIZE;
    }
    return *done > 0 ? OK : error;
}
