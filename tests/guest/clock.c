/*
 * Native test: clock pages: they agree with the call on all CPUs, also while the clock is being
 * set; each job has its own; nobody can write one; nothing is left of one.
 */
#include "sys/clock.h"
#include "pages.h"
#include "sys/child.h"
#include "sys/print.h"
#include <state.h>
#include <stdatomic.h>

#define ROOT_JOB root_slot(ROOT_SLOT_JOB)
#define NO_SLOT  ((slot_t){0})
#define MS       UINT64_C(1000000)
#define READERS  4
#define ROUNDS   3000
#define SETTINGS 400
#define OWN      AREA(0) /* the page of this job */
#define OTHERS   AREA(1) /* that of a job below */
#define SHARED   AREA(2)
#define LEAP     40 /* bits of time that no test takes: 18 minutes */

static const struct clock_page *const own = (const struct clock_page *)OWN;
static const struct clock_page *const others = (const struct clock_page *)OTHERS;

/* --- jobs and their clocks --- */

static struct state_job_basic job_info(slot_t job)
{
    uint64_t size = 0, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    return *(const struct state_job_basic *)sys_page;
}

/* By a thread with that message page. */
static error_t set_by(void *page, slot_t job, uint64_t offset, uint64_t wall)
{
    *(struct state_job_basic *)page =
        (struct state_job_basic){.clock_offset = offset, .wall_offset = wall};
    return tern_object_set(job, STATE_job_basic,
                           STATE_BIT(job, basic, clock_offset) | STATE_BIT(job, basic, wall_offset),
                           sizeof(struct state_job_basic), NO_SLOT);
}

static error_t set(slot_t job, uint64_t offset, uint64_t wall)
{
    return set_by(sys_page, job, offset, wall);
}

static slot_t open_clock(slot_t job)
{
    slot_t page = {0};
    uint64_t next;
    EXPECT(tern_object_open(job, LINK_job_clock, 0, &page, &next) == OK);
    return page;
}

static void show_others(slot_t job)
{
    EXPECT(sys_clock_map(job, self_process(), OTHERS, SPACE_OMIT) == OK);
}

static void hide_others(void)
{
    EXPECT(unmap(OTHERS, 1) == OK);
}

/* --- readers --- */

static unsigned made;
static _Atomic(uint32_t) reading, setting;
static _Atomic(uint64_t) rounds; /* of all readers */
static _Atomic(uint64_t) latest; /* that any of them saw */
static _Atomic(uint64_t) missed; /* times that a page was being written */

static void start(uint64_t (*entry)(void *argument, void *page))
{
    slot_t thread = {0};
    EXPECT(sys_child_thread(ROOT_JOB, self_process(), made++, entry, NULL, &thread) == OK);
    EXPECT(tern_cap_delete(thread) == OK);
}

/* Runs it in READERS threads, and `setter` beside them, if any. */
static void run_readers(uint64_t (*reader)(void *argument, void *page),
                        uint64_t (*setter)(void *argument, void *page))
{
    atomic_store(&reading, READERS);
    atomic_store(&setting, setter != NULL);
    for (unsigned i = 0; i < READERS; i++)
        start(reader);
    if (setter != NULL)
        start(setter);
    while (atomic_load(&reading) != 0 || atomic_load(&setting) != 0)
        (void)tern_yield();
}

/* Of setters, now and then: lets readers be seen to read. */
static void let_read(uint64_t setting_number)
{
    uint64_t seen = atomic_load(&rounds);
    while (setting_number % 16 == 0 && atomic_load(&rounds) == seen)
        (void)tern_yield();
}

static void note_latest(uint64_t time)
{
    uint64_t seen = atomic_load(&latest);
    while (seen < time && !atomic_compare_exchange_weak(&latest, &seen, time))
        ;
}

/* Page, call, page: never back, in no thread and from none to another. */
static uint64_t read_beside_call(void *argument, void *page)
{
    (void)argument, (void)page;
    for (unsigned i = 0; i < ROUNDS || atomic_load(&setting) != 0; i++) {
        uint64_t seen = atomic_load(&latest), call = 0;
        uint64_t before = sys_clock_read(own);
        (void)tern_clock_read(&call);
        uint64_t after = sys_clock_read(own);
        EXPECT(seen <= before && before <= call && call <= after);
        EXPECT(after - before < 1000000 * MS);
        note_latest(after);
        atomic_fetch_add(&rounds, 1);
    }
    atomic_fetch_sub(&reading, 1);
    return 0;
}

TEST(clock_page_agrees_with_the_call)
{
    REQUIRE(sys_clock_map(ROOT_JOB, self_process(), OWN, SPACE_OMIT) == OK);
    EXPECT(own->sequence % 2 == 0 && own->factor != 0);
    run_readers(read_beside_call, NULL);
}

/* Always forward, by more than any reader could miss. */
static uint64_t set_forward(void *argument, void *page)
{
    (void)argument;
    for (uint64_t i = 0; i < SETTINGS; i++) {
        EXPECT(set_by(page, ROOT_JOB, i * MS, 0) == OK);
        let_read(i);
    }
    atomic_store(&setting, 0);
    return 0;
}

TEST(clock_page_agrees_while_the_clock_is_set)
{
    uint64_t changes = job_info(ROOT_JOB).clock_changes;
    run_readers(read_beside_call, set_forward);
    changes = job_info(ROOT_JOB).clock_changes - changes;
    EXPECT(changes == SETTINGS && own->sequence == job_info(ROOT_JOB).clock_changes * 2);
    EXPECT(own->offset == job_info(ROOT_JOB).clock_offset);
}

/* The upper bits say which setting was read; those of the wall clock take them back. */
static uint64_t read_whole(void *argument, void *page)
{
    (void)argument, (void)page;
    uint64_t different = 0, last = 0;
    for (unsigned i = 0; different == 0 || atomic_load(&setting) != 0; i++) {
        uint64_t time, wall;
        atomic_fetch_add(&rounds, 1);
        if (!clock_page_read(others, sys_counter, &time, &wall)) {
            atomic_fetch_add(&missed, 1);
            (void)tern_yield();
            continue;
        }
        EXPECT(wall >> LEAP == 0 && (time & ((UINT64_C(1) << LEAP) - 1)) == wall);
        different += time >> LEAP != last;
        last = time >> LEAP;
        if (i % 256 == 0)
            (void)tern_yield();
    }
    atomic_fetch_sub(&reading, 1);
    return 0;
}

static slot_t leaping; /* the job whose clock leaps to and fro */

static uint64_t set_leaps(void *argument, void *page)
{
    (void)argument;
    for (uint64_t i = 1; i <= SETTINGS; i++) {
        uint64_t offset = (i * 7 % 1000) << LEAP;
        EXPECT(set_by(page, leaping, offset, 0 - offset) == OK);
        let_read(i);
    }
    atomic_store(&setting, 0);
    return 0;
}

TEST(clock_page_is_read_whole)
{
    leaping = object_make(OBJECT_job, NO_SLOT, 0);
    EXPECT(set(leaping, 0, 0) == OK);
    show_others(leaping);
    run_readers(read_whole, set_leaps);
    sys_print("%lu times a page was being written\n", atomic_load(&missed));
    hide_others();
    EXPECT(tern_cap_delete(leaping) == OK);
}

/* While a page is being written the kernel is asked, which never is for long. */
TEST(clock_page_odd_asks_the_kernel)
{
    const struct clock_page odd = {.sequence = 7, .factor = 1, .offset = UINT64_MAX / 2};
    uint64_t time = 0, wall = 0, before = clock_now();
    EXPECT(!clock_page_read(&odd, sys_counter, &time, &wall));
    time = sys_clock_read(&odd);
    EXPECT(before <= time && time <= clock_now());
}

/* --- jobs below --- */

struct shared {
    _Atomic(uint64_t) rounds, wrong, stop;
};
static struct shared *const shared = (struct shared *)SHARED;

/* In the job below: its own page agrees with its own clock. */
static uint64_t read_in_child(void *argument, void *page)
{
    (void)argument, (void)page;
    while (atomic_load(&shared->stop) == 0) {
        uint64_t call = 0, before = sys_clock_read(others);
        (void)tern_clock_read(&call);
        if (before > call || call > sys_clock_read(others))
            atomic_fetch_add(&shared->wrong, 1);
        atomic_fetch_add(&shared->rounds, 1);
    }
    return 0;
}

static void wait_rounds(uint64_t more)
{
    uint64_t until = atomic_load(&shared->rounds) + more, end = clock_now() + 20000 * MS;
    while (atomic_load(&shared->rounds) < until && clock_now() < end)
        (void)tern_yield();
    EXPECT(atomic_load(&shared->rounds) >= until);
}

TEST(clock_page_of_a_job_below)
{
    const uint64_t hour = 3600000 * MS;
    slot_t job = object_make(OBJECT_job, NO_SLOT, 0), thread = {0}, process = {0};
    slot_t memory = memory_make(1);
    uint64_t offset = job_info(ROOT_JOB).clock_offset;
    EXPECT(job_info(job).clock_offset == offset);
    EXPECT(map(memory, 0, SHARED, 1, RW | SPACE_SHARED) == OK);
    REQUIRE(sys_child_create(job, &process) == OK);
    EXPECT(sys_clock_map(job, process, OTHERS, SPACE_OMIT) == OK);
    show_others(job);
    REQUIRE(sys_child_thread(job, process, made++, read_in_child, NULL, &thread) == OK);
    wait_rounds(100);
    /* Forward only, so that before, call and after stay in order. */
    for (uint64_t i = 1; i <= 20; i++) {
        EXPECT(set(job, offset + i * hour, i * MS) == OK);
        uint64_t parent = sys_clock_read(own), child = sys_clock_read(others);
        EXPECT(child - parent >= i * hour && child - parent < i * hour + 100000 * MS);
        EXPECT(sys_clock_wall(others) >= child + i * MS);
        wait_rounds(10);
    }
    EXPECT(job_info(ROOT_JOB).clock_offset == offset && own->offset == offset);
    atomic_store(&shared->stop, 1);
    EXPECT(atomic_load(&shared->wrong) == 0);
    hide_others();
    EXPECT(unmap(SHARED, 1) == OK && tern_object_kill(job) == OK);
    (void)tern_cap_delete(thread), (void)tern_cap_delete(process);
    (void)tern_cap_delete(memory), (void)tern_cap_delete(job);
}

/* --- hostile uses --- */

/* With whatever capability for a clock page: the first right that is missing, or `unsupported`. */
static void expect_untouchable(slot_t page)
{
    slot_t memory = memory_make(1), port = {0}, derived = {0};
    uint64_t word = 1, done = 0;
    const uaddr_t at = {(uintptr_t)&word};
    EXPECT(sys_port_create(0, &port) == OK);
    EXPECT(tern_memory_write(page, 0, at, 8, &done) == ERR_denied);
    EXPECT(tern_memory_commit(page, 0, PAGE, COMMIT_ZERO, &done) == ERR_denied);
    EXPECT(tern_memory_commit(page, 0, PAGE, COMMIT_FILL, &done) == ERR_denied);
    EXPECT(tern_memory_resize(page, 2 * PAGE) == ERR_denied);
    EXPECT(tern_memory_pager(page, port, 0) == ERR_denied);
    EXPECT(tern_memory_supply(page, 0, memory, 0, PAGE, &done) == ERR_denied);
    EXPECT(tern_memory_supply(memory, 0, page, 0, PAGE, &done) == ERR_denied);
    EXPECT(tern_memory_clone(memory, 0, page, 0, PAGE, 0, &done) == ERR_denied);
    EXPECT(tern_memory_clone(page, 0, memory, 0, PAGE, 0, &done) == ERR_unsupported);
    EXPECT(tern_memory_read(page, 0, at, 8, &done) == ERR_unsupported);
    EXPECT(tern_memory_dirty(page, 0, 0, 1, at, &done) == ERR_unsupported);
    EXPECT(tern_object_set(page, STATE_memory_page, 3, 16, ROOT_JOB) == ERR_denied);
    EXPECT(map(page, 0, AREA(3), 1, RW) == ERR_denied &&
           map(page, 0, AREA(3), 1, RX) == ERR_denied);
    EXPECT(tern_cap_derive(page, (rights_t){RIGHTS_ALL}, 0, &derived) == OK);
    EXPECT(tern_memory_write(derived, 0, at, 8, &done) == ERR_denied);
    EXPECT(tern_cap_delete(derived) == OK && tern_cap_delete(port) == OK &&
           tern_cap_delete(memory) == OK);
}

/* By a mapping of it. */
static void expect_read_only(uint64_t va)
{
    uint64_t word = 1, done = 0, before = own->sequence;
    const struct space_range range = {{va}, 8};
    const uaddr_t ranges = {(uintptr_t)&range}, at = {(uintptr_t)&word};
    EXPECT(protect(va, 1, RW) == ERR_denied && protect(va, 1, RX) == ERR_denied);
    EXPECT(tern_space_write(self_process(), ranges, 1, at, &done) == ERR_denied);
    EXPECT(tern_space_cas(self_process(), (uaddr_t){va}, before, 1, 8, &done) == ERR_denied);
    EXPECT(tern_space_read(self_process(), ranges, 1, at, &done) == OK && word == before);
    EXPECT(tern_word_wait((uaddr_t){va}, before, DEADLINE_POLL) == ERR_would_block);
    EXPECT(own->sequence == before);
}

TEST(clock_page_cannot_be_written)
{
    slot_t page = open_clock(ROOT_JOB), weak = {0}, mapped = {0};
    uint64_t next, size;
    EXPECT(tern_cap_derive(ROOT_JOB, (rights_t){RIGHTS_ALL & ~(uint64_t)RIGHT_read}, 0, &weak) ==
           OK);
    EXPECT(tern_object_open(weak, LINK_job_clock, 0, &mapped, &next) == ERR_denied);
    expect_untouchable(page);
    expect_read_only(OWN);
    EXPECT(map(page, 0, AREA(3), 1, RO) == OK);
    expect_read_only(AREA(3));
    REQUIRE(tern_object_open(self_process(), LINK_process_mapping, AREA(3), &mapped, &next) == OK);
    expect_untouchable(mapped);
    EXPECT(tern_object_info(mapped, STATE_memory_basic, 0, &size, &next) == OK);
    const struct state_memory_basic *state = sys_page;
    EXPECT(state->clock == 1 && state->physical == 0 && state->size == PAGE);
    EXPECT(unmap(AREA(3), 1) == OK);
    (void)tern_cap_delete(mapped), (void)tern_cap_delete(weak), (void)tern_cap_delete(page);
}

/* A thread that writes it, or runs it, faults. */
static void write_it(uint64_t argument)
{
    (void)argument;
    *(volatile uint64_t *)OWN = 1;
    (void)tern_thread_exit(0);
}

static void run_it(uint64_t argument)
{
    (void)argument;
    ((void (*)(void))OWN)();
    (void)tern_thread_exit(0);
}

TEST(clock_page_faults_for_who_writes_it)
{
    static void (*const hostile[])(uint64_t argument) = {write_it, run_it};
    uint64_t before = own->sequence, size, next;
    for (unsigned i = 0; i < COUNT_OF(hostile); i++) {
        const struct state_thread_basic *state = sys_page;
        slot_t process = process_clone();
        EXPECT(sys_clock_map(ROOT_JOB, process, OWN, SPACE_OMIT) == OK);
        slot_t thread = child_start(process, 0, hostile[i], 0);
        uint64_t end = clock_now() + 20000 * MS;
        error_t error = OK;
        do {
            (void)tern_yield();
            error = tern_object_info(thread, STATE_thread_basic, 0, &size, &next);
        } while ((error != OK || state->wait != WAIT_DEAD) && clock_now() < end);
        EXPECT(error == OK && state->wait == WAIT_DEAD && state->exit_reason == EXIT_fault);
        (void)tern_cap_delete(thread), (void)tern_cap_delete(process);
    }
    EXPECT(own->sequence == before);
}

/* --- life --- */

static uint64_t used(slot_t job)
{
    return job_info(job).memory_used;
}

static bool used_falls(slot_t job, uint64_t most)
{
    for (uint64_t end = clock_now() + 20000 * MS; used(job) > most && clock_now() < end;)
        (void)tern_yield();
    return used(job) <= most;
}

static uint64_t identity(slot_t memory)
{
    uint64_t size, next;
    EXPECT(tern_object_info(memory, STATE_memory_basic, 0, &size, &next) == OK);
    return ((const struct state_memory_basic *)sys_page)->identity;
}

TEST(clock_page_is_one_and_leaves_nothing)
{
    slot_t job = object_make(OBJECT_job, NO_SLOT, 0);
    slot_t first = open_clock(job), second = open_clock(job);
    uint64_t with = used(job);
    EXPECT(identity(first) == identity(second) && with > PAGE && with < 2 * PAGE);
    show_others(job);
    EXPECT(tern_cap_delete(first) == OK && tern_cap_delete(second) == OK);
    EXPECT(used(job) == with && set(job, 1000, 2000) == OK);
    EXPECT(others->offset == 1000 && others->wall == 2000); /* the mapping keeps it */
    uint64_t sequence = others->sequence;
    hide_others();
    EXPECT(used_falls(job, 0) && set(job, 3000, 4000) == OK);
    show_others(job); /* a new one goes on where that one was */
    EXPECT(others->offset == 3000 && others->wall == 4000 && others->sequence == sequence + 2);
    /* It keeps the job, after that was killed and given up. */
    uint64_t before = used(ROOT_JOB);
    EXPECT(tern_object_kill(job) == OK && tern_cap_delete(job) == OK);
    uint64_t time, wall;
    EXPECT(clock_page_read(others, sys_counter, &time, &wall) && wall == time + 4000);
    hide_others();
    EXPECT(used_falls(ROOT_JOB, before - with));
}

/* At each step at which memory can end. */
TEST(clock_page_without_memory)
{
    slot_t job = object_make(OBJECT_job, NO_SLOT, 0), page = open_clock(job);
    uint64_t need = used(job), next, refused = 0;
    EXPECT(tern_cap_delete(page) == OK && used_falls(job, 0));
    for (uint64_t limit = 0; limit <= need; limit += 64) {
        *(struct state_job_basic *)sys_page = (struct state_job_basic){.memory_limit = limit};
        EXPECT(tern_object_set(job, STATE_job_basic, STATE_BIT(job, basic, memory_limit),
                               sizeof(struct state_job_basic), NO_SLOT) == OK);
        error_t error = tern_object_open(job, LINK_job_clock, 0, &page, &next);
        EXPECT(error == (limit < need ? ERR_no_memory : OK));
        refused += error != OK;
        if (error == OK)
            EXPECT(tern_cap_delete(page) == OK);
        EXPECT(used_falls(job, 0));
    }
    EXPECT(refused > PAGE / 64);
    EXPECT(tern_cap_delete(job) == OK);
}
