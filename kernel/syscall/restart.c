/* Restart mode (restart.h). */
#include "syscall/restart.h"
#include "boot/boot_info.h"
#include "lib/string.h"
#include "sched/sched.h"
#include "syscall/call.h"

/* What was tried on a thread's present call (thread.aborted). */
enum { TRIED_NOTHING, TRIED_BEFORE, TRIED_WAITING };

static bool restarts; /* set once at boot */
static _Atomic(uint64_t) restart_counts[SYSCALL_LIMIT][THREAD_DEAD + 1];

void restart_init(void)
{
    char word[8];
    restarts = boot_option(&the_boot_info, "restart", word, sizeof(word)) &&
               strcmp(word, "all") == 0;
}

bool restart_mode(void)
{
    return restarts;
}

static void restart_note(uint64_t number, enum thread_status status)
{
    if (number < SYSCALL_LIMIT)
        atomic_fetch_add_explicit(&restart_counts[number][status], 1, memory_order_relaxed);
}

bool restart_before(struct thread *thread, bool *wait)
{
    *wait = restarts && thread->aborted == TRIED_BEFORE;
    if (!restarts || thread->aborted != TRIED_NOTHING) {
        thread->aborted = TRIED_NOTHING; /* here it ends, unless it is aborted once more */
        return false;
    }
    thread->aborted = TRIED_BEFORE;
    thread->resume = RESUME_CALL;
    restart_note(control_number(frame_control(&thread->frame)), THREAD_RUNNING);
    return true;
}

/* The thread may have been woken already, and be elsewhere: then there is nothing to abort. */
void restart_blocked(struct thread *thread)
{
    enum thread_status status = thread_status(thread);
    uint64_t number = control_number(frame_control(&thread->frame));
    bool waits = status == THREAD_SEND || status == THREAD_RECEIVE || status == THREAD_WORD;
    if (!waits || thread->sending == MESSAGE_exit || !thread_claim(thread))
        return;
    restart_note(number, status);
    thread->aborted = TRIED_WAITING;
    sched_ready(thread);
}

uint64_t restart_count(uint64_t number, enum thread_status status)
{
    return atomic_load_explicit(&restart_counts[number][status], memory_order_relaxed);
}
