/*
 * Messages to the server (dispatch.h).
 *
 * The path of a call: its number by the CPU's table to the list's, that to its handler; the result
 * to the answer, unless it waits or a signal has to be taken on the way.
 */
#include "dispatch.h"
#include "deadline.h"
#include "end.h"
#include "group.h"
#include "server_arch.h"
#include "signals.h"
#include "streams.h"

#define NUMBERS 512 /* those of programs are below */

/* --- the table: unpacks words into the handlers' arguments --- */

#define GET_int(word)  ((arg_int)(word))
#define GET_uint(word) ((arg_uint)(word))
#define GET_long(word) ((arg_long)(word))
#define GET_size(word) ((arg_size)(word))
#define GET_user(word) ((arg_user){word})

#define U0()
#define U1(a)                , GET_##a(call->arg[0])
#define U2(a, b)             U1(a), GET_##b(call->arg[1])
#define U3(a, b, c)          U2(a, b), GET_##c(call->arg[2])
#define U4(a, b, c, d)       U3(a, b, c), GET_##d(call->arg[3])
#define U5(a, b, c, d, e)    U4(a, b, c, d), GET_##e(call->arg[4])
#define U6(a, b, c, d, e, f) U5(a, b, c, d, e), GET_##f(call->arg[5])
#define UNPACK(...)          PICK(0 __VA_OPT__(, ) __VA_ARGS__, U6, U5, U4, U3, U2, U1, U0)(__VA_ARGS__)

#define CALL(name, first, second, ...)                                                             \
    static int64_t run_##name(struct call *call)                                                   \
    {                                                                                              \
        return call_##name(call UNPACK(__VA_ARGS__));                                              \
    }
#include "call.def"
#undef CALL

static int64_t (*const handlers[LINUX_CALLS])(struct call *call) = {
#define CALL(name, first, second, ...) [LINUX_##name] = run_##name,
#include "call.def"
#undef CALL
};

/* --- calls --- */

/* The list's number for the program's; LINUX_CALLS: none. */
static enum linux_call call_of(uint64_t number)
{
    static uint16_t table[NUMBERS]; /* the list's plus 1 */
    static bool made;
    for (uint16_t i = 0; !made && i < LINUX_CALLS; i++)
        if (arch_call_numbers[i] >= 0)
            table[arch_call_numbers[i]] = (uint16_t)(i + 1);
    made = true;
    return number < NUMBERS && table[number] != 0 ? (enum linux_call)(table[number] - 1)
                                                  : LINUX_CALLS;
}

static bool is_restart(int64_t result)
{
    return result == RESTART_ALWAYS || result == RESTART_NO_HAND;
}

/* Runs the call's handler. False: there is nothing to answer, it waits or was answered. */
static bool handle(struct task *task, int64_t *result)
{
    *result = handlers[task->call.number](&task->call);
    if (*result == DONE_ANSWERED)
        return false; /* the task may be gone */
    if (*result == WAIT) {
        task->state = TASK_WAITING;
        return false;
    }
    wait_leave(task);
    return true;
}

/*
 * The way back to the program: through its signals. A call that a signal interrupted, and that no
 * handler was run for, is run again from here, so that its deadline and progress stay.
 */
static void finish(struct worker *worker, struct task *task, bool in_call, int64_t result)
{
    for (;;) {
        if (signal_waits(task) && signal_take(worker, task, in_call, result))
            return;
        if (!in_call || !is_restart(result))
            break;
        task->call.again = true;
        if (!handle(task, &result))
            return;
    }
    /* A kick may have come in the place of a call that it was about to make. */
    enum answer_way way = is_restart(result) ? ANSWER_RESTART : ANSWER_RESUME;
    worker_answer(worker, task, in_call ? ANSWER_RESULT : way, (uint64_t)result);
}

static void run(struct worker *worker, struct task *task)
{
    int64_t result;
    task->call.worker = worker;
    if (handle(task, &result))
        finish(worker, task, true, result);
}

void dispatch_again(struct worker *worker, struct task *task)
{
    task->call.again = true;
    task->call.worker = worker;
    if (!task->stopped) {
        run(worker, task);
        return;
    }
    task->stopped = false;
    finish(worker, task, task->stopped_in_call, task->stopped_result);
}

static void take_call(struct worker *worker, struct task *task, const struct message *message)
{
    task->call = (struct call){.task = task, .number = call_of(message->label)};
    for (unsigned i = 0; i < 6; i++)
        task->call.arg[i] = message->word[i];
    for (unsigned i = 0; i < TASK_PROGRESS; i++)
        task->progress[i] = 0;
    task->deadline = DEADLINE_NEVER;
    if (task->call.number < LINUX_CALLS) {
        run(worker, task);
        return;
    }
    missing_note(message->label);
    finish(worker, task, true, -ENOSYS);
}

/* --- faults, kicks --- */

static const struct {
    int number, code;
} fault_signals[FAULT_CLASSES] = {
    [FAULT_page] = {SIGSEGV, SEGV_MAPERR},     [FAULT_alignment] = {SIGBUS, BUS_ADRALN},
    [FAULT_undefined] = {SIGILL, ILL_ILLOPN},  [FAULT_protection] = {SIGSEGV, SI_KERNEL},
    [FAULT_breakpoint] = {SIGTRAP, SI_KERNEL}, [FAULT_debug] = {SIGTRAP, TRAP_HWBKPT},
    [FAULT_step] = {SIGTRAP, TRAP_TRACE},      [FAULT_divide] = {SIGFPE, FPE_INTDIV},
    [FAULT_overflow] = {SIGSEGV, SI_KERNEL},   [FAULT_bound] = {SIGSEGV, SI_KERNEL},
    [FAULT_fpu] = {SIGFPE, FPE_FLTINV},        [FAULT_machine] = {SIGBUS, BUS_OBJERR},
};

static void take_fault(struct worker *worker, struct task *task, const struct message *message)
{
    uint64_t class = message->word[0];
    struct signal_info info = {.number = SIGSEGV, .code = SEGV_MAPERR, .address = message->word[1]};
    if (class < FAULT_CLASSES && fault_signals[class].number != 0) {
        info.number = fault_signals[class].number;
        info.code = fault_signals[class].code;
    }
    if (message->kind == MESSAGE_no_memory)
        info = (struct signal_info){.number = SIGKILL}; /* as Linux's out-of-memory killer */
    signal_fault(task, &info);
    finish(worker, task, false, 0);
}

static void take_kick(struct worker *worker, struct task *task, const struct message *message)
{
    task->kicked = false;
    finish(worker, task, false, message->way == ANSWER_RESTART ? RESTART_ALWAYS : 0);
}

/* --- all of them --- */

static void take_held(struct worker *worker, struct task *task, const struct message *message)
{
    task->state = TASK_HELD;
    task->reply = worker->reply;
    worker->reply = (slot_t){0};
    switch (message->kind) {
    case MESSAGE_foreign:
        take_call(worker, task, message);
        break;
    case MESSAGE_kick:
        take_kick(worker, task, message);
        break;
    case MESSAGE_foreign_old: { /* the 32-bit entry: a program of another ABI */
        struct signal_info info = {.number = SIGSYS, .code = SYS_SECCOMP};
        signal_fault(task, &info);
        finish(worker, task, true, -ENOSYS);
        break;
    }
    default:
        take_fault(worker, task, message);
    }
}

void dispatch(struct worker *worker, const struct message *message)
{
    if (message->kind == MESSAGE_signal) {
        if ((message->word[0] & BIT_DEADLINE) != 0)
            deadlines_run();
        signals_owed |= (message->word[0] & BIT_KICKS) != 0;
        streams_take(message->word[0]);
        return;
    }
    struct task *task = task_of_badge(message->badge);
    if (message->kind == MESSAGE_exit) {
        if (task != NULL)
            task_lost(worker, task, message->word[0]);
        return;
    }
    if (task != NULL) {
        take_held(worker, task, message);
        return;
    }
    /* A thread that is about to end, held by this object: it goes with that. */
    (void)tern_cap_delete(worker->reply);
    worker->reply = (slot_t){0};
}

/* --- what is missing --- */

#define MISSING_MAX 64

static struct {
    uint64_t number, count;
} missing[MISSING_MAX];
static uint32_t missing_used;

void missing_note(uint64_t number)
{
    uint32_t i = 0;
    while (i < missing_used && missing[i].number != number)
        i++;
    if (i == MISSING_MAX)
        return;
    if (i == missing_used)
        missing[missing_used++].number = number;
    missing[i].count++;
}

uint32_t missing_list(uint64_t *numbers, uint64_t *counts, uint32_t room)
{
    uint32_t i = 0;
    for (; i < missing_used && i < room; i++) {
        numbers[i] = missing[i].number;
        counts[i] = missing[i].count;
    }
    return i;
}
