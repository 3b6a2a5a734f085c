/* Calls of memory: mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), msync(2). */
#include "file.h"
#include "files.h"
#include "mm.h"
#include "sys/call.h"
#include "task.h"
#include "worker.h"
#include <space.h>
#include <sys/mman.h>

#define PAGE        UINT64_C(4096)
#define ADVICE_MOST 25                /* MADV_COLLAPSE */
#define BREAK_PIECE UINT64_C(0x40000) /* mapped ahead of the break */
#define BREAK_MOST  UINT64_C(0x4000000000)

static uint64_t access_of(int protection)
{
    return ((protection & PROT_READ) != 0 ? SPACE_READ : 0) |
           ((protection & PROT_WRITE) != 0 ? SPACE_READ | SPACE_WRITE : 0) |
           ((protection & PROT_EXEC) != 0 ? SPACE_READ | SPACE_EXECUTE : 0);
}

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE - 1) & ~(PAGE - 1);
}

/* Whether [at, at + size) can be a program's. */
static bool range_fits(uint64_t at, uint64_t size)
{
    return at % PAGE == 0 && size <= STACK_TOP && at <= STACK_TOP - size;
}

/* What mmap maps: a file's pages, or zeros. */
static int64_t map_there(struct call *call, struct file *file, uint64_t at, uint64_t size,
                         int protection, bool shared, uint64_t offset)
{
    struct mm *mm = call->task->mm;
    uint64_t access = access_of(protection) | (shared ? SPACE_SHARED : SPACE_PRIVATE);
    if (file == NULL)
        return mm_map_zero(mm, at, size, access);
    slot_t memory;
    uint64_t place;
    int64_t error =
        file_memory(file, shared, (protection & PROT_WRITE) != 0, offset, size, &memory, &place);
    if (error != 0)
        return error;
    error = mm_map(mm, memory, place, at, size, access);
    (void)tern_cap_delete(memory);
    return error;
}

static int64_t place(struct call *call, uint64_t hint, uint64_t size, int flags, uint64_t *at)
{
    struct mm *mm = call->task->mm;
    bool fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
    *at = hint;
    if (fixed && !range_fits(hint, size))
        return hint % PAGE != 0 ? -EINVAL : -ENOMEM;
    if ((flags & MAP_FIXED) != 0)
        return mm_unmap(mm, hint, size);
    if (!fixed)
        *at = mm_place(mm, hint & ~(PAGE - 1), size);
    return *at != 0 ? 0 : -ENOMEM;
}

int64_t call_mmap(struct call *call, arg_size hint, arg_size size, arg_int protection,
                  arg_int flags, arg_int fd, arg_size offset)
{
    bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
    struct file *file = NULL;
    uint64_t at;
    size = page_up(size);
    if (size == 0 || offset % PAGE != 0 || (!shared && (flags & MAP_TYPE) != MAP_PRIVATE))
        return -EINVAL;
    if (size > STACK_TOP || offset + size < offset)
        return -ENOMEM;
    if ((flags & MAP_ANONYMOUS) == 0 && (file = files_find(call->task->files, fd)) == NULL)
        return -EBADF;
    int64_t error = place(call, hint, size, flags, &at);
    if (error == 0)
        error = map_there(call, file, at, size, protection, shared, offset);
    return error != 0 ? error : (int64_t)at;
}

int64_t call_munmap(struct call *call, arg_size at, arg_size size)
{
    size = page_up(size);
    if (size == 0 || !range_fits(at, size))
        return -EINVAL;
    return mm_unmap(call->task->mm, at, size);
}

int64_t call_mprotect(struct call *call, arg_size at, arg_size size, arg_int protection)
{
    struct mm *mm = call->task->mm;
    uint64_t done = 0, end = at + page_up(size);
    if (at % PAGE != 0 || end < at)
        return -EINVAL;
    error_t error = OK;
    for (; error == OK && at < end; at += done)
        error = mm_protect(mm, at, end - at, access_of(protection), &done);
    return error == ERR_bad_address ? -ENOMEM : error_number(error);
}

/* --- the break --- */

static int64_t break_grow(struct mm *mm, uint64_t to)
{
    uint64_t end = page_up(to);
    if (end <= mm->break_mapped)
        return 0;
    uint64_t ahead =
        page_up(end - mm->break_mapped > BREAK_PIECE ? end - mm->break_mapped : BREAK_PIECE);
    int64_t error = mm_map_zero(mm, mm->break_mapped, ahead, SPACE_READ | SPACE_WRITE);
    if (error == 0)
        mm->break_mapped += ahead;
    return error;
}

/* What is given back is zero if the break comes there again. */
static void break_shrink(struct mm *mm, uint64_t to)
{
    uint64_t from = page_up(to);
    if (from < mm->break_mapped && mm_unmap(mm, from, mm->break_mapped - from) == 0)
        mm->break_mapped = from;
}

int64_t call_brk(struct call *call, arg_size to)
{
    struct mm *mm = call->task->mm;
    if (to < mm->break_start || to > mm->break_start + BREAK_MOST)
        return (int64_t)mm->break_now;
    if (to < mm->break_now)
        break_shrink(mm, to);
    else if (break_grow(mm, to) != 0)
        return (int64_t)mm->break_now;
    mm->break_now = to;
    return (int64_t)to;
}

/* --- mremap --- */

/* Shows more of the memory behind a mapping, at its end; what memory there is cannot grow gets new.
 */
static int64_t grow_there(struct mm *mm, uint64_t at, uint64_t old_size, uint64_t new_size)
{
    struct mapping_info mapping;
    uint64_t listed = 0;
    error_t error =
        tern_space_list(mm->process, (uaddr_t){at}, (uaddr_t){(uintptr_t)&mapping}, 1, &listed);
    if (error != OK || listed == 0 || mapping.va > at)
        return -EFAULT;
    return mm_map_zero(mm, at + old_size, new_size - old_size,
                       mapping.flags & (SPACE_READ | SPACE_WRITE | SPACE_EXECUTE | SPACE_INHERIT));
}

static int64_t move(struct mm *mm, uint64_t from, uint64_t to, uint64_t size)
{
    error_t error = OK;
    for (uint64_t done = 0; error == OK && size > 0; from += done, to += done, size -= done)
        error = tern_space_move(mm->process, (uaddr_t){from}, (uaddr_t){to}, size, &done);
    return error_number(error);
}

int64_t call_mremap(struct call *call, arg_size at, arg_size old_size, arg_size new_size,
                    arg_int flags, arg_size wanted)
{
    struct mm *mm = call->task->mm;
    bool fixed = (flags & MREMAP_FIXED) != 0;
    old_size = page_up(old_size);
    new_size = page_up(new_size);
    if (new_size == 0 || old_size == 0 || !range_fits(at, old_size) ||
        (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0 ||
        (fixed && ((flags & MREMAP_MAYMOVE) == 0 || !range_fits(wanted, new_size))))
        return -EINVAL;
    if (new_size > STACK_TOP)
        return -ENOMEM;
    if (new_size < old_size) {
        int64_t error = mm_unmap(mm, at + new_size, old_size - new_size);
        if (error != 0 || !fixed)
            return error != 0 ? error : (int64_t)at;
        old_size = new_size;
    }
    if (!fixed && new_size == old_size)
        return (int64_t)at;
    if (!fixed && grow_there(mm, at, old_size, new_size) == 0)
        return (int64_t)at;
    if ((flags & MREMAP_MAYMOVE) == 0)
        return -ENOMEM;
    uint64_t to = fixed ? wanted : mm_place(mm, 0, new_size);
    int64_t error = to == 0 ? -ENOMEM : fixed ? mm_unmap(mm, to, new_size) : 0;
    if (error == 0)
        error = move(mm, at, to, old_size);
    if (error == 0 && new_size > old_size)
        error = grow_there(mm, to, old_size, new_size);
    return error != 0 ? error : (int64_t)to;
}

/* --- advice --- */

/* Pages of private zero-filled memory are given back: mapped anew. */
static int64_t give_back(struct mm *mm, uint64_t at, uint64_t size)
{
    struct mapping_info mapping;
    uint64_t listed, end = at + size;
    while (at < end) {
        error_t error =
            tern_space_list(mm->process, (uaddr_t){at}, (uaddr_t){(uintptr_t)&mapping}, 1, &listed);
        if (error != OK || listed == 0 || mapping.va >= end)
            return 0;
        uint64_t from = mapping.va > at ? mapping.va : at;
        uint64_t to = mapping.va + mapping.size < end ? mapping.va + mapping.size : end;
        uint64_t flags = mapping.flags & (SPACE_READ | SPACE_WRITE | SPACE_EXECUTE | SPACE_INHERIT);
        if ((flags & SPACE_INHERIT) == SPACE_PRIVATE && (flags & SPACE_WRITE) != 0) {
            int64_t result = mm_unmap(mm, from, to - from);
            if (result == 0)
                result = mm_map_zero(mm, from, to - from, flags);
            if (result != 0)
                return result;
        }
        at = to;
    }
    return 0;
}

int64_t call_madvise(struct call *call, arg_size at, arg_size size, arg_int advice)
{
    size = page_up(size);
    if (!range_fits(at, size))
        return -EINVAL;
    if (advice == MADV_DONTNEED)
        return give_back(call->task->mm, at, size);
    return advice >= 0 && advice <= ADVICE_MOST ? 0 : -EINVAL;
}

int64_t call_msync(struct call *call, arg_size at, arg_size size, arg_int flags)
{
    (void)call;
    bool both = (flags & (MS_SYNC | MS_ASYNC)) == (MS_SYNC | MS_ASYNC);
    return at % PAGE != 0 || size > STACK_TOP || both ? -EINVAL : 0; /* files are what is mapped */
}

int64_t call_mlock(struct call *call, arg_size at, arg_size size)
{
    (void)call;
    return at + size < at ? -EINVAL : 0; /* nothing is ever swapped out */
}

int64_t call_munlock(struct call *call, arg_size at, arg_size size)
{
    return call_mlock(call, at, size);
}
