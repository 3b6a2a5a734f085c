/*
 * Answers to what is not a native call: foreign system calls, faults, kicks. The control word's
 * bits 40 and 41 say how the thread goes on.
 */
#pragma once

#include "obj/thread.h"

/*
 * `caller` (owned) was held; `server` answers it with its registers. The caller's frame is ready
 * to be resumed afterwards. bad_argument for an unknown way: the caller is then let go unchanged.
 */
void answer_held(const struct thread *server, struct thread *caller);

/*
 * What an answer with a range (abi.h) does first: copies from the memory of `server` (current) to
 * that of the thread that `reply` holds. Who could set its registers could have it write there, so
 * the reply object is all that is asked for. Words 1 to 3 then say what is left: the copy made
 * again goes on there. The thread stays bound. bad_argument: too long; denied: its call is a native
 * one; not_found: there is none; errors of space_copy_between.
 */
error_t answer_range(struct thread *server, struct reply *reply);

/* A held thread (owned) whose reply object went without an answer: it ends. */
void thread_unanswered(struct thread *thread);
