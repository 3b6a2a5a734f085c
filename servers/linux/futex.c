/*
 * Futexes (futex.h): a hash table of queues; a waiter's key is where the word is.
 *
 * A word is known by the address space and its address; in memory that processes share
 * (MAP_SHARED), by the object's identity and the place in it. The word is read under the server's
 * lock, which who wakes has too: none is lost.
 */
#include "futex.h"
#include "clock.h"
#include "group.h"
#include "mm.h"
#include "sys/call.h"
#include "user.h"
#include "wait.h"
#include "worker.h"
#include <space.h>

/* Linux's include/uapi/linux/futex.h, which musl does not bring. */
enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE_FLAG = 128,
    FUTEX_CLOCK_REALTIME = 256,
    FUTEX_CMD_MASK = ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME),
};
enum { FUTEX_OP_SET, FUTEX_OP_ADD, FUTEX_OP_OR, FUTEX_OP_ANDN, FUTEX_OP_XOR, FUTEX_OP_SHIFT = 8 };
enum {
    FUTEX_OP_CMP_EQ,
    FUTEX_OP_CMP_NE,
    FUTEX_OP_CMP_LT,
    FUTEX_OP_CMP_LE,
    FUTEX_OP_CMP_GT,
    FUTEX_OP_CMP_GE
};
#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

#define BUCKETS     256
#define ROBUST_MOST 2048 /* entries of a robust list that are looked at */

static struct queue buckets[BUCKETS];
static bool prepared;

static struct queue *bucket_of(uint64_t key)
{
    for (unsigned i = 0; !prepared && i < BUCKETS; i++)
        queue_init(&buckets[i]);
    prepared = true;
    return &buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 56];
}

/* Equal for what is the same word. Two words may have the same: then one wakes for nothing. */
static uint64_t key_of(struct task *task, uaddr_t at, bool private)
{
    struct mapping_info mapping;
    uint64_t listed = 0;
    if (!private &&
        tern_space_list(task->mm->process, at, (uaddr_t){(uintptr_t)&mapping}, 1, &listed) == OK &&
        listed == 1 && mapping.va <= at.va && (mapping.flags & SPACE_INHERIT) == SPACE_SHARED)
        return mapping.memory << 20 ^ (mapping.offset + (at.va - mapping.va));
    return (uintptr_t)task->mm ^ at.va;
}

void futex_wake(struct task *task, uaddr_t at, uint64_t count)
{
    uint64_t shared = key_of(task, at, false), private = key_of(task, at, true);
    (void)queue_wake_key(bucket_of(shared), shared, count);
    if (private != shared)
        (void)queue_wake_key(bucket_of(private), private, count);
}

static int64_t futex_wait(struct call *call, uaddr_t at, uint32_t expected, uint32_t mask,
                          uint64_t key)
{
    struct task *task = call->task;
    uint32_t value;
    if (call->again && task->woken)
        return 0;
    if (call->again && wait_over(call))
        return -ETIMEDOUT;
    int64_t error = user_word(task, at, &value);
    if (error != 0)
        return error;
    if (value != expected)
        return -EAGAIN;
    error = wait_on(call, bucket_of(key), key, false);
    if (error != 0)
        return error;
    wait_mask(call, mask);
    return wait_begin(call, task->deadline == DEADLINE_NEVER ? RESTART_ALWAYS : RESTART_NO_HAND);
}

/* FUTEX_WAIT's time is a length; that of FUTEX_WAIT_BITSET a point of either clock. */
static int64_t deadline_take(struct call *call, uaddr_t time_at, bool length, bool real)
{
    uint64_t time;
    if (call->again || time_at.va == 0)
        return 0;
    if (length)
        return wait_for_timespec(call, time_at);
    int64_t error = timespec_read(call->task, time_at, &time);
    if (error != 0)
        return error;
    uint64_t base = real ? clock_real() : now();
    wait_for(call, time > base ? time - base : 0);
    return 0;
}

static int64_t requeue(struct call *call, uaddr_t from, uaddr_t to, uint64_t wakes, uint64_t moves,
                       bool private)
{
    uint64_t key = key_of(call->task, from, private), to_key = key_of(call->task, to, private);
    uint64_t woken = queue_wake_key(bucket_of(key), key, wakes);
    return (int64_t)(woken + queue_move(bucket_of(key), key, bucket_of(to_key), to_key, moves));
}

static int64_t compare_requeue(struct call *call, uaddr_t from, uaddr_t to, uint64_t wakes,
                               uint64_t moves, bool private, uint32_t expected)
{
    uint32_t value;
    int64_t error = user_word(call->task, from, &value);
    if (error != 0)
        return error;
    return value == expected ? requeue(call, from, to, wakes, moves, private) : -EAGAIN;
}

static int64_t operated(uint32_t operation, uint32_t old, uint32_t operand, uint32_t *new)
{
    switch (operation) {
    case FUTEX_OP_SET:
        *new = operand;
        return 0;
    case FUTEX_OP_ADD:
        *new = old + operand;
        return 0;
    case FUTEX_OP_OR:
        *new = old | operand;
        return 0;
    case FUTEX_OP_ANDN:
        *new = old & ~operand;
        return 0;
    case FUTEX_OP_XOR:
        *new = old ^ operand;
        return 0;
    default:
        return -ENOSYS;
    }
}

static bool compared(uint32_t comparison, uint32_t old, uint32_t argument)
{
    int32_t is = (int32_t)old, to = (int32_t)argument;
    switch (comparison) {
    case FUTEX_OP_CMP_EQ:
        return is == to;
    case FUTEX_OP_CMP_NE:
        return is != to;
    case FUTEX_OP_CMP_LT:
        return is < to;
    case FUTEX_OP_CMP_LE:
        return is <= to;
    case FUTEX_OP_CMP_GT:
        return is > to;
    default:
        return is >= to;
    }
}

/* FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second if it was so. */
static int64_t wake_operation(struct call *call, uaddr_t first, uaddr_t second, uint64_t wakes,
                              uint64_t second_wakes, bool private, uint32_t code)
{
    struct task *task = call->task;
    uint32_t operand = code >> 12 & 0xfff, argument = code & 0xfff, old, seen, new;
    if ((code >> 28 & FUTEX_OP_SHIFT) != 0)
        operand = UINT32_C(1) << (operand & 31);
    if ((code >> 24 & 15) > FUTEX_OP_CMP_GE)
        return -ENOSYS;
    int64_t error = user_word(task, second, &old);
    for (bool stored = false; error == 0 && !stored;) {
        error = operated(code >> 28 & 7, old, operand, &new);
        if (error == 0)
            error = user_cas(task, second, old, new, &seen);
        stored = error == 0 && seen == old;
        old = error == 0 ? seen : old;
    }
    if (error != 0)
        return error;
    uint64_t key = key_of(task, first, private), second_key = key_of(task, second, private);
    uint64_t woken = queue_wake_key(bucket_of(key), key, wakes);
    if (compared(code >> 24 & 15, old, argument))
        woken += queue_wake_key(bucket_of(second_key), second_key, second_wakes);
    return (int64_t)woken;
}

int64_t call_futex(struct call *call, arg_user at, arg_int operation, arg_uint value,
                   arg_user time_at, arg_user second, arg_uint third)
{
    bool private = (operation & FUTEX_PRIVATE_FLAG) != 0;
    bool real = (operation & FUTEX_CLOCK_REALTIME) != 0;
    int command = operation & FUTEX_CMD_MASK;
    bool bits = command == FUTEX_WAIT_BITSET || command == FUTEX_WAKE_BITSET;
    uint32_t mask = bits ? third : UINT32_MAX;
    if (at.va % 4 != 0 || mask == 0)
        return -EINVAL;
    uint64_t key = key_of(call->task, at, private);
    int64_t error;
    switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        error = deadline_take(call, time_at, command == FUTEX_WAIT, real);
        return error != 0 ? error : futex_wait(call, at, value, mask, key);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return (int64_t)queue_wake_mask(bucket_of(key), key, mask, value);
    case FUTEX_REQUEUE:
        return requeue(call, at, second, value, (uint32_t)time_at.va, private);
    case FUTEX_CMP_REQUEUE:
        return compare_requeue(call, at, second, value, (uint32_t)time_at.va, private, third);
    case FUTEX_WAKE_OP:
        return wake_operation(call, at, second, value, (uint32_t)time_at.va, private, third);
    default:
        return -ENOSYS;
    }
}

/* --- robust lists (Documentation/locking/robust-futex-ABI.rst of Linux) --- */

int64_t call_set_robust_list(struct call *call, arg_user head, arg_size size)
{
    if (size != 3 * sizeof(uint64_t))
        return -EINVAL;
    call->task->robust_list = head;
    return 0;
}

/* A word that the task owned says that its owner died, and one waiter goes on. */
static void robust_word_end(struct task *task, uaddr_t at)
{
    uint32_t value, seen;
    if (at.va % 4 != 0 || user_word(task, at, &value) != 0)
        return;
    while ((value & FUTEX_TID_MASK) == task->tid) {
        uint32_t new = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        if (user_cas(task, at, value, new, &seen) != 0)
            return;
        if (seen == value) {
            if ((value & FUTEX_WAITERS) != 0)
                futex_wake(task, at, 1);
            return;
        }
        value = seen;
    }
}

void robust_list_end(struct task *task)
{
    struct {
        uint64_t next, offset, pending;
    } head;
    uaddr_t at = task->robust_list;
    task->robust_list.va = 0;
    if (at.va == 0 || task->mm == NULL || user_read(task, &head, at, sizeof(head)) != 0)
        return;
    uint64_t entry = head.next;
    for (unsigned i = 0; i < ROBUST_MOST && entry != at.va; i++) {
        uint64_t next;
        if (user_read(task, &next, (uaddr_t){entry & ~UINT64_C(1)}, sizeof(next)) != 0)
            break;
        if (entry != head.pending)
            robust_word_end(task, (uaddr_t){(entry & ~UINT64_C(1)) + head.offset});
        entry = next;
    }
    if (head.pending != 0)
        robust_word_end(task, (uaddr_t){(head.pending & ~UINT64_C(1)) + head.offset});
}
