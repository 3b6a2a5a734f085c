/* Owning threads that stand still (hold.h). */
#include "obj/hold.h"
#include "ipc/reply.h"
#include "lib/assert.h"
#include "sched/sched.h"
#include "syscall/answer.h"

#define STOPS (ATTENTION_SUSPEND | ATTENTION_FREEZE)

static bool take(struct thread *thread, uint32_t status)
{
    return atomic_compare_exchange_strong(&thread->status, &status, THREAD_CLAIMED);
}

/* By the reply object, which it may have left meanwhile. */
static error_t hold_held(struct hold *hold, struct thread *thread)
{
    struct reply *reply = *(struct reply *volatile *)&thread->reply;
    if (reply == NULL || hold_reply(hold, reply) != OK)
        return ERR_busy;
    if (hold->thread == thread)
        return OK;
    hold_end(hold);
    return ERR_busy;
}

error_t hold_thread(struct hold *hold, struct thread *thread)
{
    *hold = (struct hold){.thread = thread, .status = THREAD_NEW};
    if (atomic_load(&thread->exit_reason) != EXIT_NONE)
        return ERR_dead; /* or as good as that */
    if (take(thread, THREAD_NEW))
        return OK;
    if (thread_status(thread) == THREAD_FAULT)
        return hold_held(hold, thread);
    if ((atomic_load(&thread->attention) & STOPS) == 0)
        return ERR_busy;
    hold->status = THREAD_PARKED;
    return thread_claim(thread) || sched_claim(thread) ? OK : ERR_busy;
}

/* The thread of a word without tags is bound, and nobody's but who changes the word. */
error_t hold_reply(struct hold *hold, struct reply *reply)
{
    uintptr_t word = reply_word(reply);
    if ((word & REPLY_TAGS) != 0 || thread_status(reply_thread(word)) != THREAD_FAULT)
        return ERR_not_found;
    *hold = (struct hold){reply_thread(word), reply, THREAD_FAULT};
    return reply_take(reply, word, word | REPLY_HELD_TAG) ? OK : ERR_not_found;
}

/* Who answers, kills or retires meanwhile finds the tag, and leaves the thread to us. */
static void give_back(struct thread *thread, struct reply *reply)
{
    uintptr_t word = (uintptr_t)thread | REPLY_HELD_TAG;
    if (!atomic_compare_exchange_strong(&reply->word, &word, (uintptr_t)thread)) {
        assert(word == REPLY_DEAD);
        thread_unanswered(thread);
    } else if ((atomic_load(&thread->attention) & ATTENTION_KILL) != 0 &&
               thread_claim_reply(thread)) {
        thread_die(thread);
    }
}

void hold_end(struct hold *hold)
{
    struct thread *thread = hold->thread;
    if (hold->reply != NULL) {
        give_back(thread, hold->reply);
        return;
    }
    debug_assert(thread_status(thread) == THREAD_CLAIMED);
    atomic_store_explicit(&thread->status, hold->status, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t attention = atomic_load(&thread->attention);
    if ((attention & ATTENTION_KILL) != 0) {
        if (take(thread, hold->status))
            thread_die(thread);
    } else if (hold->status == THREAD_PARKED && (attention & STOPS) == 0 &&
               take(thread, THREAD_PARKED)) {
        sched_ready(thread);
    }
}
