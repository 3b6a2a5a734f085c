/*
 * Processes: an address space and a table of capabilities.
 *
 * Life cycle: process_create puts it into its job's list (a reference); it lives until it is
 * killed or its last thread has ended. Then it is *dying*: the reaper ends its threads, clears its
 * table and its space, and takes it out of the list; so a process whose table names itself goes as
 * well. Threads hold a reference each.
 * Locks: `lock` (rank process) for the list of threads; table and space have their own.
 */
#pragma once

#include "cap/slot.h"
#include "lib/list.h"
#include "mem/space.h"
#include "obj/object.h"

struct process {
    struct object object;
    struct slot_table table;
    struct space space;
    struct job *job;       /* constant; a reference */
    _Atomic(bool) dying;   /* killed, or its last thread ended: no thread starts any more */
    struct reclaim ending; /* the reaper's work, when dying */
    struct spinlock lock;  /* rank process: what follows */
    struct list threads;   /* of struct thread.sibling */
    uint32_t thread_count;
    struct list sibling; /* in the job's list; the tree's lock */
};

/* The caller has a reference besides that of the list. no_memory, dead. */
error_t process_create(struct job *job, struct process **result);

struct thread;

/* Takes a new thread in, frozen if the job is: dead if the process is ending. Lets one that died
 * go; the last one ends the process. */
error_t process_add_thread(struct process *process, struct thread *thread);
void process_remove_thread(struct process *process, struct thread *thread);

extern const struct object_ops process_ops;

/* Ends its threads, then all that it holds, by and by; no thread can be added any more. Any locks
 * of lower rank than those of the reaper's queue may be held. */
void process_kill(struct process *process);

/* The thread with the least identity above `after`, with a reference; NULL. */
struct thread *process_next_thread(struct process *process, uint64_t after);

/* True if threads, table and space are gone. */
bool process_ended(struct process *process);
