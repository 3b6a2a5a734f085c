/* Answers to held threads (answer.h). */
#include "syscall/answer.h"
#include "lib/assert.h"
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

void thread_unanswered(struct thread *thread)
{
    thread_end(thread, EXIT_unanswered, thread->sending);
}
