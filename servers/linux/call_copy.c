/*
 * sendfile, copy_file_range: bytes from a regular file to another file, through the server.
 *
 * What is written may be less than what was read: the source's position goes on by what was written
 * only. So a run after a wait reads the same piece again, and the writer knows how much it has of
 * it.
 */
#include "call_file.h"
#include "tmpfs.h"
#include "user.h"

#define PIECE 16384 /* bytes at a time, on the stack */

struct copy {
    struct file *from, *to;
    uint64_t *from_at, *to_at; /* to_at NULL: its own */
    uint64_t left;
};

/* One piece: bytes written, 0 at the end of the source. */
static int64_t copy_piece(struct call *call, const struct copy *copy)
{
    uint8_t bytes[PIECE];
    struct transfer transfer;
    int64_t got =
        node_read(copy->from->node, *copy->from_at, bytes, min_u64(copy->left, sizeof(bytes)));
    if (got <= 0)
        return got;
    transfer_bytes(&transfer, bytes, (uint64_t)got);
    int64_t put = file_write(call, copy->to, &transfer, copy->to_at);
    if (put > 0)
        *copy->from_at += (uint64_t)put;
    return put;
}

/*
 * A wait in a later piece would make the pieces before it again, so the call ends there with what
 * it has; a wait in the first one is a wait of the call.
 */
static int64_t copy_run(struct call *call, struct copy *copy)
{
    uint64_t done = 0;
    uint32_t status = copy->to->flags;
    while (copy->left != 0) {
        if (done != 0)
            copy->to->flags |= O_NONBLOCK;
        int64_t put = copy_piece(call, copy);
        if (put <= 0 && done == 0)
            done = (uint64_t)put;
        if (put <= 0)
            break;
        call->task->progress[0] = 0; /* the writer's, of the next piece */
        done += (uint64_t)put;
        copy->left -= (uint64_t)put;
    }
    copy->to->flags = status;
    return (int64_t)done;
}

static int64_t copy_allowed(const struct copy *copy)
{
    if (copy->from == NULL || copy->to == NULL || !file_reads(copy->from) || !file_writes(copy->to))
        return -EBADF;
    if (node_is(copy->from->node, S_IFDIR) || node_is(copy->to->node, S_IFDIR))
        return -EISDIR;
    return regular_of(copy->from->node) != NULL ? 0 : -EINVAL;
}

/* A position that a program keeps: address 0 is the file's own. */
static int64_t position_read(struct call *call, uaddr_t at, uint64_t *value, uint64_t **position)
{
    if (at.va == 0)
        return 0;
    *position = value;
    int64_t result = user_read(call->task, value, at, sizeof(*value));
    if (result < 0)
        return result;
    return (int64_t)*value < 0 ? -EINVAL : 0;
}

static int64_t position_write(struct call *call, uaddr_t at, const uint64_t *value, int64_t result)
{
    int64_t wrote =
        at.va != 0 && result > 0 ? user_write(call->task, at, value, sizeof(*value)) : 0;
    return wrote < 0 ? wrote : result;
}

int64_t call_sendfile(struct call *call, arg_int to, arg_int from, arg_user at, arg_size count)
{
    uint64_t position;
    struct copy copy = {.from = call_file(call, from),
                        .to = call_file(call, to),
                        .left = min_u64(count, TRANSFER_MAX)};
    int64_t result = copy_allowed(&copy);
    if (result != 0)
        return result;
    copy.from_at = &copy.from->position;
    result = position_read(call, at, &position, &copy.from_at);
    if (result == 0)
        result = copy_run(call, &copy);
    return position_write(call, at, &position, result);
}

/* Ranges of one file may not overlap. */
static bool copy_overlaps(const struct copy *copy)
{
    uint64_t a = *copy->from_at, b = *copy->to_at;
    return copy->from->node == copy->to->node && a < b + copy->left && b < a + copy->left;
}

int64_t call_copy_file_range(struct call *call, arg_int from, arg_user from_at, arg_int to,
                             arg_user to_at, arg_size count, arg_uint flags)
{
    uint64_t source, target;
    struct copy copy = {.from = call_file(call, from),
                        .to = call_file(call, to),
                        .left = min_u64(count, TRANSFER_MAX)};
    int64_t result = flags != 0 ? -EINVAL : copy_allowed(&copy);
    if (result != 0)
        return result;
    if (regular_of(copy.to->node) == NULL)
        return -EINVAL;
    if ((copy.to->flags & O_APPEND) != 0)
        return -EBADF;
    copy.from_at = &copy.from->position;
    copy.to_at = &copy.to->position;
    result = position_read(call, from_at, &source, &copy.from_at);
    if (result == 0)
        result = position_read(call, to_at, &target, &copy.to_at);
    if (result == 0)
        result = copy_overlaps(&copy) ? -EINVAL : copy_run(call, &copy);
    result = position_write(call, from_at, &source, result);
    return position_write(call, to_at, &target, result);
}
