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

/* A held thread (owned) whose reply object went without an answer: it ends. */
void thread_unanswered(struct thread *thread);
