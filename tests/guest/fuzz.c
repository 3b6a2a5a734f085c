/*
 * Native test: random system calls from several threads at once.
 *
 * Workers make calls out of abi/syscall.def: each with capabilities from one common pool, addresses
 * and numbers that are nearly right. Victims do the same and are stopped, kicked and killed by
 * others. The keeper (main) frees whoever waits for ever: it signals, receives, answers, wakes and
 * resumes. Beside them two pairs of threads, of which nobody else knows, call and wake each other
 * all the time: if one of them stops, a wake-up was lost.
 *
 * Words of the command line: calls=N (of all threads together), seed=N. Without a number of calls
 * there is an end by time, too.
 */
#include "forms.h"
#include "fuzz_calls.h"
#include "lib/string.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>
#include <space.h>
#include <state.h>
#include <stdatomic.h>

static uint64_t now_ns(void)
{
    uint64_t now = 0;
    (void)tern_clock_read(&now);
    return now;
}

static void nap(void)
{
    static uint32_t never = 0;
    (void)tern_word_wait((uaddr_t){(uintptr_t)&never}, 0, now_ns() + ROUND_NS);
}

/* --- pairs that nobody disturbs --- */

struct pair {
    slot_t port, reply;
    _Atomic(uint32_t) word; /* even: the first one's turn */
    _Atomic(uint64_t) rounds[2];
    _Atomic(uint32_t) ended;
    uint8_t stack[4][STACK_SIZE] __attribute__((aligned(16)));
};
static struct pair pair;

static uint64_t pair_serve(void *argument, void *page)
{
    struct message message = {0};
    (void)argument, (void)page;
    error_t error = tern_port_receive(pair.port, pair.reply, &message, DEADLINE_NEVER);
    while (error == OK && message.label == 0)
        error = tern_port_reply_receive(pair.port, pair.reply, &message, DEADLINE_NEVER);
    EXPECT(error == OK);
    EXPECT(tern_port_reply(pair.reply, &message) == OK);
    atomic_fetch_add(&pair.ended, 1);
    return 0;
}

static uint64_t pair_call(void *argument, void *page)
{
    struct message message = {0};
    (void)argument, (void)page;
    while (message.label == 0) {
        message.label = atomic_load(&stop);
        EXPECT(tern_port_call(pair.port, &message, DEADLINE_NEVER) == OK);
        if (atomic_fetch_add(&pair.rounds[0], 1) % PAIR_RUN == 0)
            nap();
    }
    atomic_fetch_add(&pair.ended, 1);
    return 0;
}

/* Each waits until the word has its parity. The first one ends the game by a large number. */
static uint64_t pair_turn(void *argument, void *page)
{
    uint32_t mine = argument == NULL ? 0 : 1;
    uaddr_t address = {(uintptr_t)&pair.word};
    (void)page;
    for (;;) {
        uint32_t value = atomic_load(&pair.word);
        if (value >= UINT32_MAX / 2)
            break;
        if ((value & 1) != mine) {
            error_t error = tern_word_wait(address, value, DEADLINE_NEVER);
            EXPECT(error == OK || error == ERR_would_block);
            continue;
        }
        uint64_t woken;
        bool last = mine == 0 && atomic_load(&stop);
        atomic_store(&pair.word, last ? UINT32_MAX : (value + 1) % (UINT32_MAX / 2 - 1));
        EXPECT(tern_word_wake(address, 1, &woken) == OK);
        if (atomic_fetch_add(&pair.rounds[1], 1) % PAIR_RUN == 0)
            nap();
    }
    atomic_fetch_add(&pair.ended, 1);
    return 0;
}

static bool pairs_start(void)
{
    uint64_t (*const runs[4])(void *, void *) = {pair_serve, pair_call, pair_turn, pair_turn};
    if (sys_port_create(0, &pair.port) != OK || sys_reply_create(&pair.reply) != OK)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        slot_t thread;
        if (sys_thread_start(runs[i], i == 3 ? &pair : NULL, pair.stack[i], STACK_SIZE, &thread) !=
            OK)
            return false;
        (void)tern_cap_delete(thread);
    }
    return true;
}

/* --- the keeper --- */

static uint64_t option(const char *text, const char *name, uint64_t otherwise)
{
    size_t length = strlen(name);
    for (; *text != 0; text++) {
        if (strncmp(text, name, length) != 0)
            continue;
        uint64_t value = 0;
        for (text += length; *text >= '0' && *text <= '9'; text++)
            value = value * 10 + (uint64_t)(*text - '0');
        return value;
    }
    return otherwise;
}

/* Also one that ended: its stack is free, and its message page is shown nowhere any more. */
static bool worker_start(unsigned number)
{
    static uint64_t starts;
    struct worker *worker = &workers[number];
    slot_t known, before = worker->thread;
    uint64_t done;
    if (worker->page != NULL)
        (void)tern_space_unmap(root_slot(ROOT_SLOT_PROCESS), (uaddr_t){(uintptr_t)worker->page},
                               MESSAGE_PAGE, &done);
    worker->page = NULL;
    worker->random = seed * 0x9e3779b97f4a7c15 + ++starts;
    worker->victim = number >= WORKERS;
    error_t error =
        sys_thread_start(worker_run, worker, worker->stack, STACK_SIZE, &worker->thread);
    if (before.value != 0)
        (void)tern_cap_delete(before);
    if (error != OK)
        worker->thread = (slot_t){0};
    else if (worker->victim &&
             tern_cap_derive(worker->thread, (rights_t){RIGHT_run | RIGHT_read}, 0, &known) == OK)
        pool_add(worker, OBJECT_thread, known.value);
    return error == OK;
}

/* Frees who waits for what is behind a capability, whatever that is. */
static void keep_handle(slot_t slot)
{
    struct message message = {0};
    (void)tern_memory_pager(slot, (slot_t){0}, 0); /* a pager that is no more still counts */
    (void)tern_port_send(slot, &message, DEADLINE_POLL);
    (void)tern_port_signal(slot, 1);
    for (unsigned n = 0; n < 4; n++) { /* the signal comes first */
        if (tern_port_receive(slot, (slot_t){0}, &message, DEADLINE_POLL) != OK)
            break;
        for (unsigned i = MESSAGE_WORDS - message.caps; i < MESSAGE_WORDS; i++)
            (void)tern_cap_delete((slot_t){message.word[i]});
    }
    message = (struct message){0};
    (void)tern_port_reply(slot, &message);
}

/*
 * A victim that is killed between a call that gave it a capability and noting that leaves it in the
 * table: at the end all goes that was not there in the beginning.
 */
static slot_t own_first[256];

static unsigned table_walk(void (*each)(slot_t handle))
{
    const struct state_process_slot *state = sys_page;
    uint64_t size, next = 0;
    unsigned count = 0;
    while (tern_object_info(root_slot(ROOT_SLOT_PROCESS), STATE_process_slot, next, &size, &next) ==
           OK) {
        if (size != 0) {
            count++;
            each(state->handle);
        }
    }
    return count;
}

static void own_note(slot_t handle)
{
    for (unsigned i = 0; i < COUNT_OF(own_first); i++)
        if (own_first[i].value == 0) {
            own_first[i] = handle;
            return;
        }
}

static bool own_noted(slot_t handle)
{
    for (unsigned i = 0; i < COUNT_OF(own_first); i++)
        if (own_first[i].value == handle.value)
            return true;
    for (unsigned i = 0; i < COUNT_OF(workers); i++)
        if (workers[i].thread.value == handle.value)
            return true;
    return false;
}

static void own_drop(slot_t handle)
{
    if (!own_noted(handle))
        (void)tern_cap_delete(handle);
}

/*
 * Kept apart from the pool, which can lose or revoke its own: a pager that is set on memory that
 * nobody names any more keeps its port.
 */
static slot_t window;

static uint64_t calls_made(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < COUNT_OF(workers); i++)
        sum += atomic_load(&workers[i].calls);
    return sum;
}

/* Ends the processes of all jobs below the fuzz job: in their tables there may be anything. */
static void keep_killing(void)
{
    slot_t job;
    uint64_t at = 0;
    while (tern_object_open(fuzz_job, LINK_job_child, at, &job, &at) == OK) {
        (void)tern_object_kill(job);
        (void)tern_cap_delete(job);
    }
}

/*
 * Rights can be lost, and a port whose only senders are pagers of memory out of reach is waited on
 * for ever. If nothing moves, capabilities go one by one: all who wait for what is behind them are
 * told. Then those that nobody knows any more, and at last those in tables of other processes.
 */
static void keep_moving(void)
{
    static uint64_t before;
    static unsigned still;
    uint64_t made = calls_made();
    still = made == before ? still + 1 : 0;
    before = made;
    if (still == 0)
        return;
    pool_put(&pool[still / POOL % OBJECT_KINDS][still % POOL], 0);
    if (still % (OBJECT_KINDS * POOL) != 0)
        return;
    (void)tern_memory_pager(window, (slot_t){0}, 0);
    (void)table_walk(own_drop);
    if (still % (2 * OBJECT_KINDS * POOL) == 0)
        keep_killing();
}

static void keep_round(void)
{
    uint64_t woken;
    keep_moving();
    for (unsigned i = 0; i < OBJECT_KINDS * POOL; i++)
        keep_handle((slot_t){atomic_load(&pool[i / POOL][i % POOL])});
    for (uint64_t page = WINDOW; page < WINDOW + WINDOW_SIZE; page += MESSAGE_PAGE)
        for (uint64_t i = 0; i < WORDS; i++)
            (void)tern_word_wake((uaddr_t){page + i * sizeof(uint32_t)}, UINT64_MAX, &woken);
    for (unsigned i = WORKERS; i < COUNT_OF(workers); i++)
        if (workers[i].thread.value != 0)
            (void)tern_thread_resume(workers[i].thread);
}

/* On no CPU any more, whoever ended it: its stack is free. */
static bool worker_ended(const struct worker *worker)
{
    uint64_t size = 0, next = 0;
    const struct state_thread_basic *state = sys_page;
    return worker->thread.value == 0 ||
           (tern_object_info(worker->thread, STATE_thread_basic, 0, &size, &next) == OK &&
            state->wait == WAIT_DEAD);
}

/* Those that ended anew, and what the pool lacks: a job that was not killed. */
static void keep_stock(void)
{
    slot_t slot;
    for (unsigned i = WORKERS; i < COUNT_OF(workers); i++)
        if (worker_ended(&workers[i]))
            (void)worker_start(i);
    if (tern_object_create(fuzz_job, OBJECT_job, (slot_t){0}, 0, &slot) == OK)
        pool_add(&workers[0], OBJECT_job, slot.value);
}

/* What is counted, and since when it stands where it does. */
struct progress {
    uint64_t sum, since;
    unsigned rounds; /* of the keeper since then */
};

/* False if it has stood too long. */
static bool moves(struct progress *progress, uint64_t sum)
{
    uint64_t now = now_ns();
    if (progress->rounds == 0 || sum != progress->sum)
        *progress = (struct progress){sum, now, 0};
    progress->rounds++;
    return now - progress->since < STUCK_NS || progress->rounds < STUCK_ROUNDS;
}

/* What it waits for (enum wait_record), and which reply object names it. */
static void report_worker(unsigned number)
{
    const struct state_thread_basic *state = sys_page;
    const struct worker *worker = &workers[number];
    uint64_t size = 0, next = 0;
    if (worker_ended(worker))
        return;
    error_t error = tern_object_info(worker->thread, STATE_thread_basic, 0, &size, &next);
    sys_print("  worker %u after %lu calls in %s, wait %lu, reply %lu, class %lu, error %d\n",
              number, (unsigned long)worker->calls, forms[worker->last].name,
              (unsigned long)state->wait, (unsigned long)state->reply.value,
              (unsigned long)state->class, error);
}

/* A capability that is in no pool keeps what it names. */
static void report_slot(slot_t handle)
{
    const struct state_process_slot *state = sys_page;
    if (!own_noted(handle))
        sys_print("  slot of a %lu, object %lu, rights %lx\n", (unsigned long)state->kind,
                  (unsigned long)state->object.value, (unsigned long)state->rights);
}

static void report_stuck(const char *what)
{
    sys_print("stuck: %s\n", what);
    for (unsigned i = 0; i < COUNT_OF(workers); i++)
        report_worker(i);
    (void)table_walk(report_slot);
}

static bool keep(void)
{
    struct progress all = {0}, pairs[2] = {{0}, {0}};
    while (calls_made() < calls_wanted && now_ns() < calls_until) {
        keep_stock();
        keep_round();
        nap();
        if (!moves(&all, calls_made()) || !moves(&pairs[0], pair.rounds[0]) ||
            !moves(&pairs[1], pair.rounds[1])) {
            report_stuck("no calls, or a pair");
            return false;
        }
    }
    return true;
}

static bool all_ended(void)
{
    for (unsigned i = 0; i < COUNT_OF(workers); i++)
        if (!worker_ended(&workers[i]))
            return false;
    return atomic_load(&pair.ended) == 4;
}

static bool end_all(void)
{
    struct progress ending = {0};
    atomic_store(&stop, true);
    while (!all_ended()) {
        keep_round();
        nap();
        if (!moves(&ending, 0)) {
            report_stuck("the end");
            return false;
        }
    }
    return true;
}

static void pool_empty(void)
{
    for (unsigned i = 0; i < OBJECT_KINDS * POOL; i++)
        pool_put(&pool[i / POOL][i % POOL], 0);
    for (unsigned i = 0; i < COUNT_OF(workers); i++)
        if (workers[i].thread.value != 0)
            (void)tern_cap_delete(workers[i].thread);
}

static bool window_make(void)
{
    slot_t memory;
    slot_t job = root_slot(ROOT_SLOT_JOB), process = root_slot(ROOT_SLOT_PROCESS);
    if (tern_object_create(job, OBJECT_memory, (slot_t){0}, WINDOW_SIZE, &window) != OK ||
        tern_space_map(process, window, 0, (uaddr_t){WINDOW}, WINDOW_SIZE,
                       SPACE_READ | SPACE_WRITE) != OK ||
        tern_cap_derive(window, (rights_t){RIGHTS_ALL}, 0, &memory) != OK)
        return false;
    pool_add(&workers[0], OBJECT_memory, memory.value);
    return tern_object_create(job, OBJECT_job, (slot_t){0}, 0, &fuzz_job) == OK;
}

static uint64_t job_used(void)
{
    uint64_t size = 0, next = 0;
    const struct state_job_basic *state = sys_page;
    EXPECT(tern_object_info(fuzz_job, STATE_job_basic, 0, &size, &next) == OK);
    return state->memory_used;
}

/* All that the calls made is charged to their job, and must go with it. */
static bool all_freed(uint64_t used)
{
    struct progress freeing = {0};
    EXPECT(tern_object_kill(fuzz_job) == OK);
    while (job_used() != used) {
        nap();
        if (!moves(&freeing, job_used())) {
            sys_print("%lu bytes are left of the job\n", (unsigned long)(job_used() - used));
            return false;
        }
    }
    return true;
}

static void summary(void)
{
    for (unsigned number = 0; number < SYSCALL_LIMIT; number++) {
        uint64_t done = counts[number][OK], failed = 0;
        for (unsigned error = 1; error < ERR_COUNT; error++)
            failed += counts[number][error];
        if (forms[number].name != NULL)
            sys_print("  %s: %lu done, %lu refused\n", forms[number].name, (unsigned long)done,
                      (unsigned long)failed);
    }
}

TEST(fuzz)
{
    uint64_t now = now_ns();
    calls_wanted = option(sys_page, "calls=", 0);
    calls_until = calls_wanted != 0 ? UINT64_MAX : now + CALLS_NS;
    calls_wanted = calls_wanted != 0 ? calls_wanted : CALLS;
    seed = option(sys_page, "seed=", now);
    sys_print("%lu calls, seed=%lu\n", (unsigned long)calls_wanted, (unsigned long)seed);
    workers[0].random = seed + 1;
    REQUIRE(window_make());
    uint64_t used = job_used();
    REQUIRE(pairs_start());
    REQUIRE(table_walk(own_note) < COUNT_OF(own_first));
    for (unsigned i = 0; i < WORKERS; i++)
        REQUIRE(worker_start(i));
    bool ended = keep();
    ended = end_all() && ended;
    EXPECT(ended);
    if (ended) {
        pool_empty();
        EXPECT(tern_memory_pager(window, (slot_t){0}, 0) == OK);
        (void)table_walk(own_drop);
        EXPECT(all_freed(used));
    }
    summary();
    sys_print("%lu calls were made; pairs: %lu calls, %lu turns\n", (unsigned long)calls_made(),
              (unsigned long)pair.rounds[0], (unsigned long)pair.rounds[1]);
}
