/* Answers to held threads (answer.h). */
#include "syscall/answer.h"
#include "ipc/reply.h"
#include "lib/assert.h"
#include "mem/space_copy.h"
#include "obj/hold.h"
#include "sched/sched.h"

void answer_held(const struct thread *server, struct thread *caller)
{
    uint64_t way = frame_control(&server->frame) >> CONTROL_WAY_SHIFT & 3;
    bool call = caller->sending == MESSAGE_foreign || caller->sending == MESSAGE_foreign_old;
    if (way == ANSWER_RESTART && call)
        caller->resume = RESUME_CALL;
    else if (way == ANSWER_RESULT && call)
        frame_set_result(&caller->frame, frame_word(&server->frame, 0));
    /* Otherwise it goes on with its registers as they are; before a kick it may have had a call. */
}

error_t answer_range(struct thread *server, struct reply *reply)
{
    struct trap_frame *frame = &server->frame;
    uint64_t to = frame_word(frame, 1), from = frame_word(frame, 2), size = frame_word(frame, 3);
    uint64_t done;
    struct hold hold;
    if (size > SPACE_COPY_MAX)
        return ERR_bad_argument;
    error_t error = hold_reply(&hold, reply);
    if (error != OK)
        return reply_is_native(reply) ? ERR_denied : error;
    error = space_copy_between(&hold.thread->process->space, (uaddr_t){to}, &server->process->space,
                               (uaddr_t){from}, size, &done);
    hold_end(&hold);
    frame_set_word(frame, 1, to + done);
    frame_set_word(frame, 2, from + done);
    frame_set_word(frame, 3, size - done);
    return error;
}

void thread_unanswered(struct thread *thread)
{
    thread_end(thread, EXIT_unanswered, thread->sending);
}
