/*
 * A Linux system call being served, and the one rule for those that wait (decision 0021).
 *
 * A handler returns a result, a negated error number (errno.h), or WAIT. Before it returns WAIT it
 * has put its task on queues (wait.h) and changed nothing that a second run would change again.
 * When one of the queues is woken, when the deadline passes, or when a signal comes, the same
 * handler runs again with the same arguments and `again` set. What it must remember between its
 * runs stands in task->progress; that is 0 at the first. So a call that waits is plain data.
 *
 * All handlers run under the server's lock (worker.h).
 */
#ifndef LINUX_CALL_H
#define LINUX_CALL_H

#include "lib/types.h"
#include <abi.h>
#include <errno.h>

struct task;
struct worker;

#define WAIT INT64_MIN /* not an error number: the call is to be run again */

/* Results that never reach a program: what the call becomes if a signal's handler runs. */
#define RESTART_ALWAYS                                                                             \
    (-512) /* made again if the handler has SA_RESTART or none runs; else EINTR */
#define RESTART_NO_HAND (-514)          /* made again only if no handler runs */
#define DONE_ANSWERED   (INT64_MIN + 1) /* the task is gone or was answered otherwise */

struct call {
    struct task *task;
    struct worker *worker;
    uint64_t number; /* in the list call.def */
    uint64_t arg[6];
    bool again; /* not its first run */
};

/* Kinds of arguments in call.def, each as wide as Linux takes it. */
typedef int32_t arg_int;
typedef uint32_t arg_uint;
typedef int64_t arg_long;
typedef uint64_t arg_size;
typedef uaddr_t arg_user;

/* Numbers of this server's own: dense, for the table. */
enum linux_call {
#define CALL(name, ...) LINUX_##name,
#include "call.def"
#undef CALL
    LINUX_CALLS
};

/* The handlers: int64_t call_NAME(struct call *, arguments...). */
#define PICK(a0, a1, a2, a3, a4, a5, a6, chosen, ...) chosen
#define COMMA_ARGS(...)                               PICK(0 __VA_OPT__(, ) __VA_ARGS__, A6, A5, A4, A3, A2, A1, A0)(__VA_ARGS__)
#define A0()
#define A1(a)                , arg_##a
#define A2(a, b)             , arg_##a, arg_##b
#define A3(a, b, c)          , arg_##a, arg_##b, arg_##c
#define A4(a, b, c, d)       , arg_##a, arg_##b, arg_##c, arg_##d
#define A5(a, b, c, d, e)    , arg_##a, arg_##b, arg_##c, arg_##d, arg_##e
#define A6(a, b, c, d, e, f) , arg_##a, arg_##b, arg_##c, arg_##d, arg_##e, arg_##f
#define CALL(name, first, second, ...)                                                             \
    int64_t call_##name(struct call *call COMMA_ARGS(__VA_ARGS__));
#include "call.def"
#undef CALL

#endif
