/*
 * poll, ppoll, select, pselect6: which of some files are ready.
 *
 * Each run looks at all of them; if none is ready, the task goes on the queue of each (polling.h).
 */
#include "call_file.h"
#include "clock.h"
#include "mask.h"
#include "user.h"
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/* What is told whether it was asked for or not. */
#define ALWAYS (POLLERR | POLLHUP)

/* The task waits for changes of a file. */
static int64_t wait_file(struct call *call, struct file *file)
{
    struct pollable *pollable = file_pollable(file);
    return pollable != NULL ? wait_on(call, &pollable->queue, 0, false) : 0;
}

/* Nothing is ready: 0 if the time is over, else WAIT or why not. */
static int64_t wait_all(struct call *call)
{
    return wait_over(call) ? 0 : wait_begin(call, RESTART_NO_HAND);
}

/* --- poll --- */

static uint32_t poll_one(struct call *call, const struct pollfd *poll)
{
    if (poll->fd < 0)
        return 0;
    struct file *file = call_find(call, poll->fd);
    if (file == NULL || (file->flags & O_PATH) != 0)
        return POLLNVAL;
    return file_poll(file) & ((uint16_t)poll->events | ALWAYS);
}

static int64_t poll_ready(struct call *call, struct pollfd *polls, uint32_t count)
{
    int64_t ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        polls[i].revents = (int16_t)poll_one(call, &polls[i]);
        ready += polls[i].revents != 0;
    }
    return ready;
}

static int64_t poll_wait(struct call *call, const struct pollfd *polls, uint32_t count)
{
    int64_t result = 0;
    if (wait_over(call))
        return 0;
    for (uint32_t i = 0; i < count && result == 0; i++) {
        if (polls[i].fd >= 0)
            result = wait_file(call, call_find(call, polls[i].fd));
    }
    return result != 0 ? result : wait_all(call);
}

static int64_t poll_run(struct call *call, uaddr_t at, uint32_t count)
{
    uint64_t size = count * sizeof(struct pollfd);
    if (count > call->task->files->limit)
        return -EINVAL;
    struct pollfd *polls = malloc(size + 1);
    if (polls == NULL)
        return -ENOMEM;
    int64_t result = user_read(call->task, polls, at, size);
    if (result == 0)
        result = poll_ready(call, polls, count);
    if (result == 0)
        result = poll_wait(call, polls, count);
    if (result >= 0) {
        int64_t wrote = user_write(call->task, at, polls, size);
        result = wrote != 0 ? wrote : result;
    }
    free(polls);
    return result;
}

int64_t call_poll(struct call *call, arg_user at, arg_uint count, arg_int milliseconds)
{
    if (!call->again && milliseconds >= 0)
        wait_for(call, (uint64_t)milliseconds * 1000000);
    return poll_run(call, at, count);
}

/* The time that is left goes back to the program, as Linux does it for all but pselect's callers.
 */
static int64_t time_left(struct call *call, uaddr_t at, int64_t result, bool micro)
{
    uint64_t left = wait_over(call) ? 0 : call->task->deadline - now();
    int64_t told[2] = {(int64_t)(left / SECOND), (int64_t)(left % SECOND / (micro ? 1000 : 1))};
    if (at.va != 0 && result >= 0)
        (void)user_write(call->task, at, told, sizeof(told)); /* it may be read-only */
    return result;
}

int64_t call_ppoll(struct call *call, arg_user at, arg_uint count, arg_user time, arg_user mask,
                   arg_size mask_size)
{
    int64_t result = 0;
    if (!call->again && time.va != 0)
        result = wait_for_timespec(call, time);
    if (result == 0)
        result = mask_begin(call, mask, mask_size);
    if (result == 0)
        result = poll_run(call, at, count);
    return mask_end(call, time_left(call, time, result, false));
}

/* --- select --- */

enum { SET_IN, SET_OUT, SET_EXCEPT, SETS };

static const uint32_t set_events[SETS] = {
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    POLLPRI,
};

struct select {
    uint32_t count; /* descriptors */
    uaddr_t at[SETS];
    uint64_t *asked[SETS], *told[SETS]; /* bit maps, in `room` */
    uint64_t *room;
};

static uint64_t map_words(uint32_t count)
{
    return (count + 63) / 64;
}

/* Bits of descriptors, as they lie in memory: 64-bit words on both CPUs. */
static int64_t select_read(struct call *call, struct select *select)
{
    uint64_t words = map_words(select->count);
    select->room = calloc(words * 2 * SETS + 1, sizeof(uint64_t));
    if (select->room == NULL)
        return -ENOMEM;
    int64_t result = 0;
    for (unsigned set = 0; set < SETS && result == 0; set++) {
        select->asked[set] = select->room + words * 2 * set;
        select->told[set] = select->asked[set] + words;
        if (select->at[set].va != 0)
            result = user_read(call->task, select->asked[set], select->at[set],
                               words * sizeof(uint64_t));
    }
    return result;
}

static bool bit_is(const uint64_t *map, uint32_t fd)
{
    return (map[fd / 64] >> fd % 64 & 1) != 0;
}

/* How many of its bits in the sets are ready. */
static int64_t select_one(struct select *select, struct file *file, uint32_t fd)
{
    int64_t ready = 0;
    uint32_t events = file_poll(file);
    for (unsigned set = 0; set < SETS; set++) {
        if (bit_is(select->asked[set], fd) && (events & set_events[set]) != 0) {
            select->told[set][fd / 64] |= UINT64_C(1) << fd % 64;
            ready++;
        }
    }
    return ready;
}

/* Over all that are asked for: counts those ready, or waits for each. */
static int64_t select_each(struct call *call, struct select *select, bool wait)
{
    int64_t sum = 0;
    for (uint32_t fd = 0; fd < select->count; fd++) {
        uint64_t word = select->asked[SET_IN][fd / 64] | select->asked[SET_OUT][fd / 64] |
                        select->asked[SET_EXCEPT][fd / 64];
        if (word == 0)
            fd |= 63;
        if ((word >> fd % 64 & 1) == 0 || fd >= select->count)
            continue;
        struct file *file = call_file(call, (int)fd);
        if (file == NULL)
            return -EBADF;
        int64_t result = wait ? wait_file(call, file) : select_one(select, file, fd);
        if (result < 0)
            return result;
        sum += result;
    }
    return sum;
}

static int64_t select_write(struct call *call, const struct select *select, int64_t ready)
{
    uint64_t size = map_words(select->count) * sizeof(uint64_t);
    for (unsigned set = 0; set < SETS; set++) {
        int64_t result = select->at[set].va != 0
                             ? user_write(call->task, select->at[set], select->told[set], size)
                             : 0;
        if (result != 0)
            return result;
    }
    return ready;
}

static int64_t select_run(struct call *call, int count, uaddr_t in, uaddr_t out, uaddr_t except)
{
    struct select select = {.at = {in, out, except}};
    if (count < 0)
        return -EINVAL;
    select.count = (uint32_t)min_u64((uint64_t)count, call->task->files->room);
    int64_t result = select_read(call, &select);
    if (result == 0)
        result = select_each(call, &select, false);
    if (result == 0 && !wait_over(call)) {
        result = select_each(call, &select, true);
        if (result == 0)
            result = wait_all(call);
    }
    if (result >= 0)
        result = select_write(call, &select, result);
    free(select.room);
    return result;
}

int64_t call_select(struct call *call, arg_int count, arg_user in, arg_user out, arg_user except,
                    arg_user time)
{
    struct timeval length;
    if (!call->again && time.va != 0) {
        int64_t result = user_read(call->task, &length, time, sizeof(length));
        if (result != 0)
            return result;
        if (length.tv_sec < 0 || length.tv_usec < 0)
            return -EINVAL;
        wait_for(call, min_u64((uint64_t)length.tv_sec, INT64_MAX / SECOND / 2) * SECOND +
                           min_u64((uint64_t)length.tv_usec, INT64_MAX / 2000) * 1000);
    }
    return time_left(call, time, select_run(call, count, in, out, except), true);
}

/* The last argument is an address and a size: more than six words would be needed otherwise. */
int64_t call_pselect6(struct call *call, arg_int count, arg_user in, arg_user out, arg_user except,
                      arg_user time, arg_user masks)
{
    uint64_t mask[2] = {0, 0};
    int64_t result = masks.va != 0 ? user_read(call->task, mask, masks, sizeof(mask)) : 0;
    if (result == 0 && !call->again && time.va != 0)
        result = wait_for_timespec(call, time);
    if (result == 0)
        result = mask_begin(call, (uaddr_t){mask[0]}, mask[1]);
    if (result == 0)
        result = select_run(call, count, in, out, except);
    return mask_end(call, time_left(call, time, result, false));
}
