/* Programs' memory (user.h). */
#include "user.h"
#include "mm.h"
#include "sys/call.h"
#include "task.h"
#include <space.h>
#include <string.h>

#define PIECE UINT64_C(16384) /* what one call of the kernel copies */
#define ZEROS 4096

static int64_t error_of(error_t error)
{
    return error == ERR_no_memory ? -ENOMEM : -EFAULT;
}

/* Copies between `buffer` and the program, as much as can be. */
static int64_t copy(struct task *task, bool out, uint64_t va, uintptr_t buffer, uint64_t size)
{
    uint64_t total = 0;
    while (total < size) {
        uint64_t done = 0;
        struct space_range range = {.va = {va + total}, .size = size - total};
        if (range.size > PIECE)
            range.size = PIECE;
        uaddr_t ranges = {(uintptr_t)&range}, ours = {buffer + total};
        error_t error = out ? tern_space_write(task->mm->process, ranges, 1, ours, &done)
                            : tern_space_read(task->mm->process, ranges, 1, ours, &done);
        if (error != OK)
            return total != 0 ? (int64_t)total : error_of(error);
        total += done;
        if (done == 0)
            return total != 0 ? (int64_t)total : -EFAULT;
    }
    return (int64_t)total;
}

static int64_t all_of(int64_t copied, uint64_t size)
{
    if (copied < 0)
        return copied;
    return (uint64_t)copied == size ? 0 : -EFAULT;
}

int64_t user_read_some(struct task *task, void *to, uaddr_t from, uint64_t size)
{
    return copy(task, false, from.va, (uintptr_t)to, size);
}

int64_t user_write_some(struct task *task, uaddr_t to, const void *from, uint64_t size)
{
    return copy(task, true, to.va, (uintptr_t)from, size);
}

int64_t user_zero_some(struct task *task, uaddr_t to, uint64_t size)
{
    static const char zeros[ZEROS];
    uint64_t total = 0;
    while (total < size) {
        uint64_t part = size - total < ZEROS ? size - total : ZEROS;
        int64_t done = copy(task, true, to.va + total, (uintptr_t)zeros, part);
        if (done <= 0)
            return total != 0 ? (int64_t)total : done;
        total += (uint64_t)done;
    }
    return (int64_t)total;
}

int64_t user_read(struct task *task, void *to, uaddr_t from, uint64_t size)
{
    return all_of(user_read_some(task, to, from, size), size);
}

int64_t user_write(struct task *task, uaddr_t to, const void *from, uint64_t size)
{
    return all_of(user_write_some(task, to, from, size), size);
}

int64_t user_string(struct task *task, char *to, uint64_t size, uaddr_t from)
{
    uint64_t length = 0;
    while (length < size) {
        /* Never across a page that the string may not reach. */
        uint64_t part = 256 - ((from.va + length) & 255);
        part = part < size - length ? part : size - length;
        int64_t error = user_read(task, to + length, (uaddr_t){from.va + length}, part);
        if (error != 0)
            return error;
        const char *end = memchr(to + length, 0, part);
        if (end != NULL)
            return end - to;
        length += part;
    }
    return -ENAMETOOLONG;
}

int64_t user_word(struct task *task, uaddr_t at, uint32_t *value)
{
    return user_read(task, value, at, sizeof(*value));
}

int64_t user_cas(struct task *task, uaddr_t at, uint32_t expected, uint32_t desired, uint32_t *old)
{
    uint64_t was = 0;
    error_t error = tern_space_cas(task->mm->process, at, expected, desired, sizeof(*old), &was);
    if (error != OK)
        return error_of(error);
    *old = (uint32_t)was;
    return 0;
}
