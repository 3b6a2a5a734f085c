/* Times of programs (clock.h): clock_gettime(2), nanosleep(2), and older ones. */
#include "clock.h"
#include "group.h"
#include "rt/state.h"
#include "signals.h"
#include "user.h"
#include "worker.h"
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>

#define TICKS 100 /* of times(2), per second */

static uint64_t real_base; /* real time less the job's clock */

uint64_t clock_real(void)
{
    return real_base + now();
}

void clock_real_set(uint64_t now_real)
{
    real_base = now_real - now();
}

int64_t timespec_read(struct task *task, uaddr_t at, uint64_t *nanoseconds)
{
    struct timespec time;
    int64_t error = user_read(task, &time, at, sizeof(time));
    if (error != 0)
        return error;
    if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= (int64_t)SECOND)
        return -EINVAL;
    uint64_t seconds = (uint64_t)time.tv_sec;
    *nanoseconds =
        seconds > INT64_MAX / SECOND - 1 ? INT64_MAX : seconds * SECOND + (uint64_t)time.tv_nsec;
    return 0;
}

void wait_for(struct call *call, uint64_t nanoseconds)
{
    uint64_t start = now();
    wait_until(call, nanoseconds < INT64_MAX - start ? start + nanoseconds : INT64_MAX);
}

int64_t wait_for_timespec(struct call *call, uaddr_t at)
{
    uint64_t length;
    int64_t error = timespec_read(call->task, at, &length);
    if (error == 0)
        wait_for(call, length);
    return error;
}

static int64_t cpu_time(struct call *call, uint64_t *time)
{
    struct state_thread_basic state;
    *time = 0;
    struct group *group = call->task->group;
    for (struct list *at = group->tasks.next; at != &group->tasks; at = at->next) {
        struct task *task = CONTAINER_OF(at, struct task, in_group);
        if (RT_GET(call->worker->page, task->thread, thread, basic, &state) == OK)
            *time += state.cpu_time;
    }
    return 0;
}

static int64_t clock_time(struct call *call, int clock, uint64_t *time)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        *time = clock_real();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *time = now();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        return cpu_time(call, time);
    default:
        return -EINVAL;
    }
}

static int64_t timespec_write(struct task *task, uaddr_t at, uint64_t nanoseconds)
{
    const struct timespec time = {.tv_sec = (time_t)(nanoseconds / SECOND),
                                  .tv_nsec = (long)(nanoseconds % SECOND)};
    return user_write(task, at, &time, sizeof(time));
}

int64_t call_clock_gettime(struct call *call, arg_int clock, arg_user at)
{
    uint64_t time;
    int64_t error = clock_time(call, clock, &time);
    return error != 0 ? error : timespec_write(call->task, at, time);
}

int64_t call_clock_getres(struct call *call, arg_int clock, arg_user at)
{
    uint64_t time;
    int64_t error = clock_time(call, clock, &time);
    return error != 0 || at.va == 0 ? error : timespec_write(call->task, at, 1);
}

int64_t call_gettimeofday(struct call *call, arg_user at, arg_user zone_at)
{
    uint64_t time = clock_real();
    const struct timeval value = {.tv_sec = (time_t)(time / SECOND),
                                  .tv_usec = (suseconds_t)(time % SECOND / 1000)};
    const struct timezone zone = {0};
    int64_t error = at.va != 0 ? user_write(call->task, at, &value, sizeof(value)) : 0;
    if (error == 0 && zone_at.va != 0)
        error = user_write(call->task, zone_at, &zone, sizeof(zone));
    return error;
}

int64_t call_time(struct call *call, arg_user at)
{
    int64_t seconds = (int64_t)(clock_real() / SECOND);
    int64_t error = at.va != 0 ? user_write(call->task, at, &seconds, sizeof(seconds)) : 0;
    return error != 0 ? error : seconds;
}

int64_t call_times(struct call *call, arg_user at)
{
    uint64_t used;
    (void)cpu_time(call, &used);
    struct tms times;
    memset(&times, 0, sizeof(times));
    times.tms_utime = (clock_t)(used / (SECOND / TICKS));
    times.tms_cutime = (clock_t)(call->task->group->cpu_children / (SECOND / TICKS));
    int64_t error = at.va != 0 ? user_write(call->task, at, &times, sizeof(times)) : 0;
    return error != 0 ? error : (int64_t)(now() / (SECOND / TICKS));
}

/* --- sleeping --- */

/* Until the deadline that the first run has set; `left_at`: what is left if a handler ends it. */
static int64_t sleep_on(struct call *call, arg_user left_at)
{
    if (wait_over(call))
        return 0;
    int64_t result = wait_begin(call, RESTART_NO_HAND);
    if (result == WAIT || left_at.va == 0)
        return result;
    uint64_t time = now(), deadline = call->task->deadline;
    int64_t error = timespec_write(call->task, left_at, deadline > time ? deadline - time : 0);
    return error != 0 ? error : result;
}

int64_t call_nanosleep(struct call *call, arg_user time_at, arg_user left_at)
{
    int64_t error = call->again ? 0 : wait_for_timespec(call, time_at);
    return error != 0 ? error : sleep_on(call, left_at);
}

int64_t call_clock_nanosleep(struct call *call, arg_int clock, arg_int flags, arg_user time_at,
                             arg_user left_at)
{
    uint64_t time, until;
    if (clock == CLOCK_THREAD_CPUTIME_ID || (flags & ~TIMER_ABSTIME) != 0)
        return -EINVAL;
    int64_t error = clock_time(call, clock, &time);
    if (error != 0 || call->again)
        return error != 0 ? error : sleep_on(call, flags != 0 ? (arg_user){0} : left_at);
    error = timespec_read(call->task, time_at, &until);
    if (error != 0)
        return error;
    if (flags == 0)
        wait_for(call, until);
    else
        wait_for(call, until > time ? until - time : 0);
    return sleep_on(call, flags != 0 ? (arg_user){0} : left_at);
}

int64_t call_sched_yield(struct call *call)
{
    (void)call;
    return 0; /* it was away while it was served */
}
