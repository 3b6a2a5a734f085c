/* Restart mode (restart.h). */
#include "syscall/restart.h"
#include "boot/boot_info.h"
#include "lib/string.h"
#include "sched/sched.h"
#include "syscall/call.h"
#include "trace/console.h"

/* What was tried on a thread's present call (thread.aborted). */
enum { TRIED_NOTHING, TRIED_BEFORE, TRIED_WAITING };

static bool restarts; /* set once at boot */
static _Atomic(uint64_t) restart_counts[SYSCALL_LIMIT][THREAD_DEAD + 1];

void restart_init(void)
{
    char word[8];
    restarts =
        boot_option(&the_boot_info, "restart", word, sizeof(word)) && strcmp(word, "all") == 0;
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
void restart_blocked(struct thread *thread, uint64_t number)
{
    enum thread_status status = thread_status(thread);
    bool waits = status == THREAD_SEND || status == THREAD_RECEIVE || status == THREAD_WORD;
    if (!waits || thread->sending == MESSAGE_exit || !thread_claim(thread))
        return;
    restart_note(number, status);
    thread->aborted = TRIED_WAITING;
    sched_ready(thread);
}

/* Where a call waits: who sends in send, who receives in receive, else on a word; 0: nowhere. */
#define WAIT_OF(manner, right)                                                                     \
    (SYSCALL_##manner != SYSCALL_WAITS     ? 0                                                     \
     : (int)RIGHT_##right == RIGHT_send    ? THREAD_SEND                                           \
     : (int)RIGHT_##right == RIGHT_receive ? THREAD_RECEIVE                                        \
                                           : THREAD_WORD)
static const uint8_t restart_waits[SYSCALL_LIMIT] = {
#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    [number] = WAIT_OF(manner, right),
#define RAW_SYSCALL SYSCALL
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};

void restart_report(void)
{
    uint32_t points = 0, missed = 0;
    for (uint64_t number = 0; number < SYSCALL_LIMIT; number++) {
        const char *name = syscall_name(number);
        uint32_t status = restart_waits[number];
        unsigned long before = restart_counts[number][THREAD_RUNNING];
        unsigned long waiting = restart_counts[number][status];
        if (name == NULL)
            continue;
        points += status != 0 ? 2 : 1;
        missed += (before == 0) + (status != 0 && waiting == 0);
        console_print("restarts: %s: %lu before", name, before);
        if (status != 0)
            console_print(", %lu waiting", waiting);
        console_print("\n");
    }
    console_print("restarts: %u points, %u not covered\n", points, missed);
}
