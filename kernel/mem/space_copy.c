/*
 * Reading and writing a process's memory from the kernel (space.h): with the mapping's rights,
 * through the direct map, page by page. Zero-fill and copy-on-write are done on the way; a pager is
 * not asked.
 */
#include "mem/space_copy.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/fault.h"
#include "mem/phys.h"

/* Where the kernel sees the bytes at fault->va; NULL: registers of a device. */
static void *fault_bytes(const struct fault *fault)
{
    if (fault->memory->attributes != 0)
        return NULL;
    return (char *)phys_to_virt(fault->frame) + (fault->va & (PAGE_SIZE - 1));
}

/* Bytes from `va` that lie in its page, at most `size`. */
static uint64_t in_page(uint64_t va, uint64_t size)
{
    return min_u64(size, PAGE_SIZE - (va & (PAGE_SIZE - 1)));
}

/* The kernel wrote at fault->va: is that code, it is fetched so. */
static void wrote_locked(const struct fault *fault)
{
    if (fault->page != NULL) /* not of a boot module */
        memory_wrote_locked(fault->memory, fault->page);
    if ((fault->mapping->flags & SPACE_EXECUTE) != 0)
        arch_code_sync(fault->frame, PAGE_SIZE);
}

static error_t copy_page(struct fault *fault, void *buffer, uint64_t size)
{
    error_t error = fault_begin(fault);
    if (error != OK)
        return error;
    void *bytes = fault_bytes(fault);
    if (bytes == NULL) {
        error = ERR_bad_address;
    } else if (fault->access == SPACE_READ) {
        memcpy(buffer, bytes, size);
    } else {
        memcpy(bytes, buffer, size);
        wrote_locked(fault);
    }
    fault_end(fault);
    return error;
}

static error_t copy(struct space *space, uint64_t va, void *buffer, uint64_t size, uint32_t access,
                    uint64_t *done)
{
    *done = 0;
    while (*done < size) {
        struct fault fault = {.space = space, .va = va + *done, .access = access};
        if (fault.va < va)
            return ERR_bad_address;
        uint64_t part = in_page(fault.va, size - *done);
        error_t error = copy_page(&fault, (char *)buffer + *done, part);
        if (error != OK)
            return error;
        *done += part;
    }
    return OK;
}

error_t space_copy_in(struct space *space, void *to, uaddr_t from, uint64_t size, uint64_t *done)
{
    return copy(space, from.va, to, size, SPACE_READ, done);
}

error_t space_copy_out(struct space *space, uaddr_t to, const void *from, uint64_t size,
                       uint64_t *done)
{
    return copy(space, to.va, (void *)(uintptr_t)from, size, SPACE_WRITE, done);
}

error_t space_copy_between(struct space *to_space, uaddr_t to, struct space *from_space,
                           uaddr_t from, uint64_t size, uint64_t *done)
{
    char buffer[2048];
    *done = 0;
    while (*done < size) {
        uint64_t part = min_u64(size - *done, sizeof(buffer)), got = 0, put = 0;
        error_t in = copy(from_space, from.va + *done, buffer, part, SPACE_READ, &got);
        error_t out = copy(to_space, to.va + *done, buffer, got, SPACE_WRITE, &put);
        *done += put;
        if (out != OK || in != OK)
            return out != OK ? out : in;
    }
    return OK;
}

/* What was there. */
static uint64_t exchange(void *bytes, uint64_t width, uint64_t expected, uint64_t desired)
{
    if (width == sizeof(uint64_t)) {
        __atomic_compare_exchange_n((uint64_t *)bytes, &expected, desired, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return expected;
    }
    uint32_t narrow = (uint32_t)expected;
    __atomic_compare_exchange_n((uint32_t *)bytes, &narrow, (uint32_t)desired, false,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return narrow;
}

error_t space_cas(struct space *space, uaddr_t va, uint64_t width, uint64_t expected,
                  uint64_t desired, uint64_t *old)
{
    if ((width != 4 && width != 8) || !is_aligned(va.va, width))
        return ERR_bad_argument;
    struct fault fault = {.space = space, .va = va.va, .access = SPACE_WRITE};
    error_t error = fault_begin(&fault);
    if (error != OK)
        return error;
    void *bytes = fault_bytes(&fault);
    if (bytes == NULL) {
        error = ERR_bad_address;
    } else {
        *old = exchange(bytes, width, expected, desired);
        wrote_locked(&fault);
    }
    fault_end(&fault);
    return error;
}
