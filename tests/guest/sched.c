/*
 * Native test: the scheduler, by what threads can see of it: in which order they come, and what
 * CPU time is charged to whom. Times are compared with each other, never with the speed of the
 * machine: what a busy host takes away it takes from all alike.
 */
#include "lib/types.h"
#include "sys/call.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>
#include <state.h>
#include <stdatomic.h>

#define ROOT_JOB  root_slot(ROOT_SLOT_JOB)
#define MAIN      root_slot(ROOT_SLOT_THREAD)
#define MS        UINT64_C(1000000)
#define FIRST_CPU 1 /* an affinity */
#define THREADS   8
#define LONG_MS   20000 /* so long nothing here takes, whatever the machine */

enum sched_class {
#define SCHED_CLASS(number, name, low, high, text) SCHED_##name = (number),
#include <sched_class.def>
#undef SCHED_CLASS
};

static unsigned made;
static _Atomic(uint32_t) entered, order[THREADS];
static _Atomic(bool) stop;

static uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

static void nap(uint64_t ms)
{
    static uint32_t nobody;
    EXPECT(tern_word_wait((uaddr_t){(uintptr_t)&nobody}, 0, now() + ms * MS) == ERR_timeout);
}

/* --- threads and what is asked for them --- */

static error_t set(slot_t thread, struct state_thread_basic wanted)
{
    const uint64_t fields = STATE_BIT(thread, basic, class) | STATE_BIT(thread, basic, priority) |
                            STATE_BIT(thread, basic, budget) | STATE_BIT(thread, basic, period) |
                            STATE_BIT(thread, basic, affinity0);
    *(struct state_thread_basic *)sys_page = wanted;
    return tern_object_set(thread, STATE_thread_basic, fields, sizeof(wanted), ROOT_JOB);
}

static error_t set_class(slot_t thread, uint64_t class, uint64_t priority, uint64_t affinity)
{
    return set(thread, (struct state_thread_basic){
                           .class = class, .priority = priority, .affinity0 = affinity});
}

/* A thread that runs `entry(its number)` in that class, from its first instruction on. */
static slot_t start(uint64_t (*entry)(void *argument, void *page), uintptr_t number, uint64_t class,
                    uint64_t priority, uint64_t affinity)
{
    slot_t thread = {0};
    EXPECT(sys_child_thread_make(ROOT_JOB, root_slot(ROOT_SLOT_PROCESS), made, entry,
                                 (void *)number, &thread) == OK);
    EXPECT(set_class(thread, class, priority, affinity) == OK);
    EXPECT(sys_child_start(thread, made++) == OK);
    return thread;
}

/* CPU time of a thread that runs nowhere now, by a thread with that message page. */
static uint64_t time_of(slot_t thread, const void *page)
{
    uint64_t size, next;
    EXPECT(tern_object_info(thread, STATE_thread_basic, 0, &size, &next) == OK);
    return ((const struct state_thread_basic *)page)->cpu_time;
}

/* The same of one that may run; it stops. */
static uint64_t time_stopped(slot_t thread)
{
    EXPECT(tern_thread_suspend(thread) == OK);
    return time_of(thread, sys_page);
}

static struct state_job_basic job_info(slot_t job)
{
    uint64_t size, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    return *(const struct state_job_basic *)sys_page;
}

static uint64_t cpus(void)
{
    return job_info(ROOT_JOB).cpu_share / 1000;
}

static uint64_t spin(void *argument, void *page)
{
    (void)argument, (void)page;
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        continue;
    return 0;
}

static uint64_t note(void *argument, void *page)
{
    (void)page;
    atomic_store(&order[atomic_fetch_add(&entered, 1)], (uint32_t)(uintptr_t)argument);
    return 0;
}

/* Waits, without running, for something that must come. */
static bool comes(const _Atomic(uint32_t) *number, uint32_t value)
{
    for (unsigned i = 0; i < LONG_MS && atomic_load(number) < value; i++)
        nap(1);
    return atomic_load(number) >= value;
}

/* The main thread comes before all others on the first CPU, and lets them run when it waits. */
static void above_all(void)
{
    EXPECT(set_class(MAIN, SCHED_high, 47, FIRST_CPU) == OK);
    atomic_store(&stop, false);
    atomic_store(&entered, 0);
}

static void end(const slot_t *threads, unsigned count)
{
    atomic_store(&stop, true);
    for (unsigned i = 0; i < count; i++)
        EXPECT(tern_object_kill(threads[i]) == OK && tern_cap_delete(threads[i]) == OK);
}

/* --- order --- */

TEST(sched_classes_in_order)
{
    static const struct {
        uint8_t class, priority;
    } asked[] = {{SCHED_idle, 0},    {SCHED_low, 2},   {SCHED_low, 9},  {SCHED_normal, 16},
                 {SCHED_normal, 31}, {SCHED_high, 33}, {SCHED_high, 46}};
    slot_t threads[COUNT_OF(asked)];
    above_all();
    for (unsigned i = 0; i < COUNT_OF(asked); i++)
        threads[i] = start(note, i, asked[i].class, asked[i].priority, FIRST_CPU);
    EXPECT(atomic_load(&entered) == 0);
    EXPECT(comes(&entered, COUNT_OF(asked)));
    for (unsigned i = 0; i < COUNT_OF(asked); i++)
        EXPECT(atomic_load(&order[i]) == COUNT_OF(asked) - 1 - i);
    end(threads, COUNT_OF(asked));
}

/* --- realtime --- */

static error_t set_realtime(slot_t thread, uint64_t budget, uint64_t period)
{
    return set(thread, (struct state_thread_basic){.class = SCHED_realtime,
                                                   .priority = 50,
                                                   .budget = budget,
                                                   .period = period,
                                                   .affinity0 = FIRST_CPU});
}

TEST(sched_realtime_is_admitted_if_it_fits)
{
    slot_t threads[2];
    above_all();
    for (unsigned i = 0; i < 2; i++)
        threads[i] = start(spin, i, SCHED_normal, 20, FIRST_CPU);
    EXPECT(set_realtime(threads[0], 0, 10 * MS) == ERR_bad_argument);
    EXPECT(set_realtime(threads[0], 11 * MS, 10 * MS) == ERR_bad_argument);
    EXPECT(set_realtime(threads[0], 10 * MS, 10 * MS) == ERR_full);
    EXPECT(set_realtime(threads[0], 5 * MS, 10 * MS) == OK);
    EXPECT(set_realtime(threads[1], 5 * MS, 10 * MS) == ERR_full);
    EXPECT(set_realtime(threads[1], 3 * MS, 10 * MS) == OK);
    EXPECT(set_class(threads[0], SCHED_normal, 20, FIRST_CPU) == OK);
    EXPECT(set_realtime(threads[1], 8 * MS, 10 * MS) == OK);
    end(threads, 2);
}

/* Out of budget it leaves the CPU to a lesser one; in each period it comes first again. */
TEST(sched_realtime_keeps_to_its_budget)
{
    slot_t threads[2];
    above_all();
    threads[0] = start(spin, 0, SCHED_normal, 20, FIRST_CPU);
    threads[1] = start(spin, 1, SCHED_normal, 20, FIRST_CPU);
    EXPECT(set_realtime(threads[1], 2 * MS, 10 * MS) == OK);
    uint64_t lesser = 0, real = 0;
    for (unsigned i = 0; i < LONG_MS / 20 && (lesser < 20 * MS || real < 4 * MS); i++) {
        nap(20);
        lesser = time_of(threads[0], sys_page);
        real = time_of(threads[1], sys_page);
    }
    EXPECT(lesser >= 20 * MS && real >= 4 * MS);
    end(threads, 2);
}

/* --- feedback --- */

struct look {
    slot_t watched;
    _Atomic(uint64_t) time;
};
static struct look look;

static uint64_t look_at(void *argument, void *page)
{
    (void)argument;
    atomic_store(&look.time, time_of(look.watched, page));
    atomic_fetch_add(&entered, 1);
    return 0;
}

/* Two that compute sink; a new one then comes before them, and finds that neither ran meanwhile. A
 * rise of all from time to time may spoil a try, not most of them. */
TEST(sched_feedback_sinks_who_computes)
{
    enum { TRIES = 20 };
    slot_t threads[2];
    unsigned first = 0;
    above_all();
    for (unsigned i = 0; i < 2; i++)
        threads[i] = start(spin, i, SCHED_normal, 24, FIRST_CPU);
    look.watched = threads[0];
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t wanted = time_of(threads[0], sys_page) + 40 * MS, spun = 0;
        for (unsigned n = 0; n < LONG_MS && spun < wanted; n++) {
            nap(5);
            spun = time_of(threads[0], sys_page);
        }
        atomic_store(&entered, 0);
        slot_t newcomer = start(look_at, 0, SCHED_normal, 24, FIRST_CPU);
        EXPECT(comes(&entered, 1));
        first += atomic_load(&look.time) == spun;
        EXPECT(tern_object_kill(newcomer) == OK && tern_cap_delete(newcomer) == OK);
    }
    EXPECT(first > TRIES / 2);
    end(threads, 2);
}

/* --- CPUs --- */

/*
 * So many compute, on CPUs of that affinity, until they had so many thousandths of the time that
 * passed; what they had, or 0 if that never comes, or was more than all the CPUs have.
 */
static uint64_t spun_by(unsigned count, uint64_t affinity, uint64_t wanted, uint64_t most)
{
    slot_t threads[THREADS];
    uint64_t had = 0;
    above_all();
    uint64_t begin = now();
    for (unsigned i = 0; i < count; i++)
        threads[i] = start(spin, i, SCHED_normal, 24, affinity);
    for (unsigned n = 0; n < LONG_MS / 50 && had < wanted; n++) {
        uint64_t sum = 0;
        nap(50);
        for (unsigned i = 0; i < count; i++)
            sum += time_stopped(threads[i]);
        had = sum * 1000 / (now() - begin);
        for (unsigned i = 0; i < count; i++)
            EXPECT(tern_thread_resume(threads[i]) == OK);
    }
    end(threads, count);
    return had >= wanted && had <= most ? had : 0;
}

/* One CPU's time is all there is for those that may run on one only. */
TEST(sched_affinity)
{
    EXPECT(spun_by(3, FIRST_CPU, 500, 1000) != 0);
    if (cpus() < 2)
        return;
    EXPECT(spun_by(3, 3, 1250, 2000) != 0);
    EXPECT(spun_by(3, 2, 500, 1000) != 0);
}

/* Made on one CPU, they come to run on all. */
TEST(sched_idle_cpus_take_work)
{
    uint64_t busy = cpus() < THREADS / 2 ? cpus() : THREADS / 2;
    EXPECT(spun_by((unsigned)busy * 2, 0, busy * 700, cpus() * 1000) != 0);
}

/* --- lending --- */

struct link {
    slot_t port, reply;
};
static struct link chain[3];
static _Atomic(uint64_t) before, after;

static uint64_t chain_serve(void *argument, void *page)
{
    uintptr_t number = (uintptr_t)argument;
    struct message message = {0};
    (void)page;
    atomic_fetch_add(&entered, 1);
    EXPECT(tern_port_receive(chain[number].port, chain[number].reply, &message, DEADLINE_NEVER) ==
           OK);
    if (number + 1 < COUNT_OF(chain))
        EXPECT(tern_port_call(chain[number + 1].port, &message, DEADLINE_NEVER) == OK);
    message.word[0]++;
    EXPECT(tern_port_reply(chain[number].reply, &message) == OK);
    return 0;
}

static uint64_t chain_call(void *argument, void *page)
{
    struct message message = {0};
    (void)argument;
    atomic_store(&before, time_of(look.watched, page));
    EXPECT(tern_port_call(chain[0].port, &message, DEADLINE_NEVER) == OK);
    EXPECT(message.word[0] == COUNT_OF(chain));
    atomic_store(&after, time_of(look.watched, page));
    atomic_fetch_add(&entered, 1);
    return 0;
}

/* Servers of servers, all of them lesser than one that computes: a caller above it gets its answer,
 * and the other does not run before that. */
TEST(sched_priority_is_lent_along_a_chain)
{
    enum { LINKS = COUNT_OF(chain) };
    slot_t threads[LINKS + 2];
    above_all();
    for (unsigned i = 0; i < LINKS; i++) {
        REQUIRE(sys_port_create(0, &chain[i].port) == OK);
        REQUIRE(sys_reply_create(&chain[i].reply) == OK);
        threads[i] = start(chain_serve, i, SCHED_low, 2, FIRST_CPU);
    }
    EXPECT(comes(&entered, LINKS));
    nap(5); /* the last one waits by now: nobody else is on this CPU */
    threads[LINKS] = look.watched = start(spin, 0, SCHED_normal, 24, FIRST_CPU);
    nap(20);
    threads[LINKS + 1] = start(chain_call, 0, SCHED_high, 40, FIRST_CPU);
    EXPECT(comes(&entered, LINKS + 1));
    EXPECT(atomic_load(&before) != 0 && atomic_load(&before) == atomic_load(&after));
    end(threads, LINKS + 2);
    for (unsigned i = 0; i < LINKS; i++)
        EXPECT(tern_cap_delete(chain[i].port) == OK && tern_cap_delete(chain[i].reply) == OK);
}

static uint64_t serve_spinning(void *argument, void *page)
{
    struct message message = {0};
    EXPECT(tern_port_receive(chain[0].port, chain[0].reply, &message, DEADLINE_NEVER) == OK);
    atomic_fetch_add(&entered, 1);
    return spin(argument, page);
}

static uint64_t call_for_ever(void *argument, void *page)
{
    struct message message = {0};
    (void)argument, (void)page;
    return (uint64_t)tern_port_call(chain[0].port, &message, DEADLINE_NEVER);
}

/* The slice of who computes by a call ends as any other: the third of equal priority has its turns,
 * and the caller the others. */
TEST(sched_slice_of_a_caller_ends)
{
    slot_t threads[3];
    above_all();
    REQUIRE(sys_port_create(0, &chain[0].port) == OK);
    REQUIRE(sys_reply_create(&chain[0].reply) == OK);
    threads[0] = start(serve_spinning, 0, SCHED_normal, 24, FIRST_CPU);
    threads[1] = start(call_for_ever, 0, SCHED_normal, 24, FIRST_CPU);
    EXPECT(comes(&entered, 1));
    threads[2] = start(spin, 0, SCHED_normal, 24, FIRST_CPU);
    uint64_t caller = 0, third = 0;
    for (unsigned i = 0; i < LONG_MS / 20 && (caller < 40 * MS || third < 40 * MS); i++) {
        nap(20);
        caller = time_of(threads[1], sys_page);
        third = time_of(threads[2], sys_page);
    }
    EXPECT(caller >= 40 * MS && third >= 40 * MS && time_of(threads[0], sys_page) < 10 * MS);
    end(threads, COUNT_OF(threads));
    EXPECT(tern_cap_delete(chain[0].port) == OK && tern_cap_delete(chain[0].reply) == OK);
}

/* --- jobs --- */

static uint64_t spin_for_ever(void *argument, void *page)
{
    (void)argument, (void)page;
    for (;;)
        atomic_load(&stop);
}

/* A job with a fifth of a CPU beside a thread without bounds, on one CPU; and what is charged to
 * the job is what its threads used. */
TEST(sched_share_of_a_job)
{
    slot_t job, process, threads[2], other;
    above_all();
    REQUIRE(tern_object_create(ROOT_JOB, OBJECT_job, (slot_t){0}, 0, &job) == OK);
    *(struct state_job_basic *)sys_page = (struct state_job_basic){.cpu_share = 200};
    EXPECT(tern_object_set(job, STATE_job_basic, STATE_BIT(job, basic, cpu_share),
                           sizeof(struct state_job_basic), (slot_t){0}) == OK);
    REQUIRE(sys_child_create(job, &process) == OK);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(sys_child_thread_make(job, process, made, spin_for_ever, NULL, &threads[i]) == OK);
        EXPECT(set_class(threads[i], SCHED_normal, 24, FIRST_CPU) == OK);
        EXPECT(sys_child_start(threads[i], made++) == OK);
    }
    other = start(spin, 0, SCHED_normal, 24, FIRST_CPU);
    nap(500);
    uint64_t free_time = time_stopped(other), sum = 0;
    for (unsigned i = 0; i < 2; i++)
        sum += time_stopped(threads[i]);
    EXPECT(sum > 0 && sum < free_time);
    uint64_t charged = job_info(job).cpu_time;
    EXPECT(charged <= sum + 2000 && sum <= charged + 2000); /* each is rounded by itself */
    end(threads, 2);
    end(&other, 1);
    EXPECT(tern_object_kill(job) == OK);
    EXPECT(tern_cap_delete(process) == OK && tern_cap_delete(job) == OK);
    EXPECT(set_class(MAIN, SCHED_normal, 24, 0) == OK);
}
