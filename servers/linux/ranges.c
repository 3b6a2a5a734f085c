/* Lists of ranges: readv and its like (user.h). By user_read and user_*_some alone. */
#include "user.h"
#include <limits.h>
#include <sys/uio.h>

void ranges_one(struct user_ranges *ranges, struct task *task, uaddr_t base, uint64_t size)
{
    uint64_t left = size < INT64_MAX ? size : INT64_MAX;
    *ranges = (struct user_ranges){.task = task, .left = left, .at = base.va};
    ranges->end = base.va + left < base.va ? UINT64_MAX : base.va + left;
}

/* The next piece of the vector, of which `fresh` are used at most. */
static int64_t vector_read(struct task *task, struct iovec *fresh, uaddr_t at, uint64_t count)
{
    return user_read(task, fresh, at, count * sizeof(*fresh));
}

int64_t ranges_vector(struct user_ranges *ranges, struct task *task, uaddr_t vector, uint64_t count)
{
    struct iovec piece[USER_RANGES];
    uint64_t sum = 0;
    if (count > IOV_MAX)
        return -EINVAL;
    for (uint64_t done = 0; done < count;) {
        uint64_t part = count - done < USER_RANGES ? count - done : USER_RANGES;
        int64_t error =
            vector_read(task, piece, (uaddr_t){vector.va + done * sizeof(*piece)}, part);
        if (error != 0)
            return error;
        for (uint64_t i = 0; i < part; i++) {
            if (piece[i].iov_len > INT64_MAX - sum)
                return -EINVAL;
            sum += piece[i].iov_len;
        }
        done += part;
    }
    *ranges = (struct user_ranges){.task = task, .vector = vector, .count = count, .left = sum};
    return 0;
}

/* Goes to the next range of the vector that is not empty. */
static int64_t range_next(struct user_ranges *ranges)
{
    while (ranges->at == ranges->end && ranges->count > 0) {
        struct iovec next;
        int64_t error = vector_read(ranges->task, &next, ranges->vector, 1);
        if (error != 0)
            return error;
        ranges->vector.va += sizeof(next);
        ranges->count--;
        uint64_t size = next.iov_len < ranges->left ? next.iov_len : ranges->left;
        ranges->at = (uintptr_t)next.iov_base;
        ranges->end = ranges->at + size < ranges->at ? UINT64_MAX : ranges->at + size;
    }
    return 0;
}

enum way { GET, PUT, ZERO, SKIP };

static int64_t transfer(struct user_ranges *ranges, enum way way, char *buffer, uint64_t size)
{
    uint64_t total = 0;
    size = size < ranges->left ? size : ranges->left;
    while (total < size) {
        int64_t done = range_next(ranges);
        uint64_t part = ranges->end - ranges->at;
        part = part < size - total ? part : size - total;
        if (done == 0 && part == 0)
            break; /* the vector was made shorter meanwhile */
        if (done == 0 && way == SKIP)
            done = (int64_t)part;
        else if (done == 0)
            done = way == GET
                       ? user_read_some(ranges->task, buffer + total, (uaddr_t){ranges->at}, part)
                   : way == PUT
                       ? user_write_some(ranges->task, (uaddr_t){ranges->at}, buffer + total, part)
                       : user_zero_some(ranges->task, (uaddr_t){ranges->at}, part);
        if (done < 0)
            return total != 0 ? (int64_t)total : done;
        ranges->at += (uint64_t)done;
        ranges->left -= (uint64_t)done;
        total += (uint64_t)done;
        if ((uint64_t)done < part)
            break;
    }
    return (int64_t)total;
}

int64_t ranges_put(struct user_ranges *ranges, const void *from, uint64_t size)
{
    return transfer(ranges, PUT, (char *)(uintptr_t)from, size);
}

int64_t ranges_get(struct user_ranges *ranges, void *to, uint64_t size)
{
    return transfer(ranges, GET, to, size);
}

int64_t ranges_zero(struct user_ranges *ranges, uint64_t size)
{
    return transfer(ranges, ZERO, NULL, size);
}

int64_t ranges_skip(struct user_ranges *ranges, uint64_t size)
{
    return transfer(ranges, SKIP, NULL, size);
}
