/*
 * The job of checkpoint.c: three processes, and one in a job below, with what their threads
 * (checkpoint_threads.h) talk by. For checkpoint.c alone.
 */
#ifndef CHECKPOINT_JOB_H
#define CHECKPOINT_JOB_H

#include "checkpoint_threads.h"

struct program {
    unsigned process;
    uint64_t (*entry)(void *argument, void *page);
};

static const struct program programs[T_COUNT] = {[T_CALLER] = {0, caller},
                                                 [T_SLOW_CALLER] = {0, slow_caller},
                                                 [T_NEXT_CALLER] = {1, next_caller},
                                                 [T_INNER_CALLER] = {3, inner_caller},
                                                 [T_ONE_SENDER] = {0, one_sender},
                                                 [T_MANY_SENDER] = {0, many_sender},
                                                 [T_COMPUTER] = {1, computer},
                                                 [T_SERVER] = {1, server},
                                                 [T_SLOW_SERVER] = {2, slow_server},
                                                 [T_BITS] = {1, bits},
                                                 [T_SLEEPER] = {2, sleeper},
                                                 [T_ONE_RECEIVER] = {2, one_receiver},
                                                 [T_MANY_RECEIVER] = {2, many_receiver},
                                                 [T_TICKS] = {2, ticks},
                                                 [T_PAGED] = {0, paged},
                                                 [T_PAGER] = {1, pager},
                                                 [T_FOREIGN] = {2, foreign},
                                                 [T_OS] = {1, os},
                                                 [T_OUT] = {2, out},
                                                 [T_CLOCK] = {1, clock_reader},
                                                 [T_INNER_CLOCK] = {3, inner_clock_reader}};

struct making {
    slot_t job, inner;
    slot_t processes[PROCESSES];
    slot_t objects[H_LAST];
};

static error_t objects_make(struct making *making, slot_t outside)
{
    uint64_t next;
    static const struct {
        uint64_t kind, value;
    } made[H_LAST] = {[H_CALLS] = {OBJECT_port, 0},
                      [H_SLOW] = {OBJECT_port, 0},
                      [H_ONE] = {OBJECT_port, 1},
                      [H_MANY] = {OBJECT_port, 16},
                      [H_BITS] = {OBJECT_port, 0},
                      [H_REPLY] = {OBJECT_reply, 0},
                      [H_SLOW_REPLY] = {OBJECT_reply, 0},
                      [H_TICKS] = {OBJECT_port, 0},
                      [H_PAGES] = {OBJECT_port, 0},
                      [H_PAGED] = {OBJECT_memory, PAGED * MESSAGE_PAGE},
                      [H_STOCK] = {OBJECT_memory, PAGED * MESSAGE_PAGE},
                      [H_OS] = {OBJECT_port, 0},
                      [H_OS_REPLY] = {OBJECT_reply, 0},
                      [H_TIMER] = {OBJECT_timer, 4}};
    error_t error =
        tern_cap_derive(outside, (rights_t){RIGHT_send | RIGHT_grant}, 0, &making->objects[H_OUT]);
    if (error == OK)
        error = tern_object_open(making->job, LINK_job_clock, 0, &making->objects[H_CLOCK], &next);
    for (unsigned handle = 1; handle < H_OUT && error == OK; handle++) {
        slot_t parent = handle == H_TIMER ? making->objects[H_TICKS] : (slot_t){0};
        error = tern_object_create(making->job, made[handle].kind, parent, made[handle].value,
                                   &making->objects[handle]);
    }
    return error;
}

static error_t objects_give(const struct making *making)
{
    error_t error = OK;
    for (unsigned handle = 1; handle < H_LAST; handle++)
        for (unsigned i = 0; i < PROCESSES && error == OK; i++)
            error = sys_child_give(making->processes[i], handle, making->objects[handle],
                                   RIGHTS_ALL, 0);
    return error;
}

/* Memory that all see, and pages that come from a pager. */
static error_t memory_share(const struct making *making)
{
    slot_t memory;
    uint64_t done;
    slot_t pages = making->objects[H_PAGED];
    error_t error = tern_object_create(making->job, OBJECT_memory, (slot_t){0}, 4096, &memory);
    for (unsigned i = 0; i < PROCESSES && error == OK; i++)
        error = tern_space_map(making->processes[i], memory, 0, (uaddr_t){SHARED_VA}, 4096,
                               SPACE_READ | SPACE_WRITE | SPACE_SHARED);
    (void)tern_cap_delete(memory);
    if (error == OK)
        error = tern_memory_commit(pages, 0, PAGED * MESSAGE_PAGE, COMMIT_ABSENT, &done);
    if (error == OK)
        error = tern_memory_pager(pages, making->objects[H_PAGES], 17);
    if (error == OK)
        error = tern_space_map(making->processes[programs[T_PAGED].process], pages, 0,
                               (uaddr_t){PAGED_VA}, PAGED * MESSAGE_PAGE, SPACE_READ);
    return error;
}

/* To each that of its own job. */
static error_t clocks_map(const struct making *making)
{
    error_t error = OK;
    for (unsigned i = 0; i < PROCESSES && error == OK; i++)
        error = sys_clock_map(i == PROCESSES - 1 ? making->inner : making->job,
                              making->processes[i], CLOCK_VA, SPACE_SHARED);
    return error;
}

static error_t threads_start(const struct making *making)
{
    slot_t thread;
    error_t error = OK;
    unsigned counts[PROCESSES] = {0};
    for (unsigned i = 0; i < T_COUNT && error == OK; i++) {
        unsigned process = programs[i].process, n = counts[process]++;
        slot_t job = process == PROCESSES - 1 ? making->inner : making->job;
        error = sys_child_thread_make(job, making->processes[process], n, programs[i].entry, NULL,
                                      &thread);
        if (error == OK && i == T_FOREIGN)
            error = thread_route(thread, making->objects[H_OS], 23, (slot_t){0}, 0);
        if (error == OK)
            error = sys_child_start(thread, n);
        (void)tern_cap_delete(thread);
    }
    return error;
}

/* A job below, whose clock shows an hour more. */
static error_t inner_make(struct making *making)
{
    error_t error = tern_object_create(making->job, OBJECT_job, (slot_t){0}, 0, &making->inner);
    *(struct state_job_basic *)sys_page =
        (struct state_job_basic){.clock_offset = 3600 * 1000 * MS, .wall_offset = WALL};
    if (error == OK)
        error = tern_object_set(making->job, STATE_job_basic, STATE_BIT(job, basic, wall_offset),
                                sizeof(struct state_job_basic), (slot_t){0});
    if (error == OK)
        error = tern_object_set(making->inner, STATE_job_basic,
                                STATE_BIT(job, basic, clock_offset) |
                                    STATE_BIT(job, basic, wall_offset),
                                sizeof(struct state_job_basic), (slot_t){0});
    return error;
}

/* Makes and starts all of it; `outside` is where it sends to. */
static error_t job_make(slot_t outside, slot_t *job)
{
    struct making making = {{0}, {0}, {{0}}, {{0}}};
    error_t error =
        tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0, &making.job);
    if (error == OK)
        error = inner_make(&making);
    for (unsigned i = 0; i < PROCESSES && error == OK; i++)
        error =
            sys_child_create(i == PROCESSES - 1 ? making.inner : making.job, &making.processes[i]);
    if (error == OK)
        error = objects_make(&making, outside);
    if (error == OK)
        error = objects_give(&making);
    if (error == OK)
        error = memory_share(&making);
    if (error == OK)
        error = clocks_map(&making);
    if (error == OK)
        error = threads_start(&making);
    for (unsigned i = 1; i < H_LAST; i++)
        (void)tern_cap_delete(making.objects[i]);
    for (unsigned i = 0; i < PROCESSES; i++)
        (void)tern_cap_delete(making.processes[i]);
    (void)tern_cap_delete(making.inner);
    *job = making.job;
    return error;
}

#endif
