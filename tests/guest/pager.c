/*
 * Native test: pagers. The threads of another process, a clone of this one, touch pages of an
 * object that they share with it, and this one's first thread is the pager: it receives what they
 * want and moves pages in.
 */
#include "pages.h"
#include "sys/message.h"

#define PAGED  AREA(10) /* the object with a pager, in both processes */
#define SHARED AREA(11) /* words of both processes: what child i has seen is word i */
#define PAGES  64
#define BADGE  99
#define DONE   UINT64_MAX

static struct {
    slot_t paged, shared, port, child, stock;
    slot_t threads[4];
} pager;

/* The words of pages from `argument` & 255 on, `argument` >> 16 of them; sums them up. */
static void child_reads(uint64_t argument)
{
    uint64_t number = argument >> 8 & 255, first = argument & 255, count = argument >> 16, sum = 0;
    volatile uint64_t *seen = word_at(SHARED + number * 64);
    for (uint64_t i = 0; i < count; i++) {
        sum += *word_at(PAGED + (first + i) * PAGE);
        seen[1] = i + 1;
    }
    seen[2] = sum;
    seen[0] = DONE;
    (void)tern_thread_exit(0);
}

/* The same, when it is told. */
static void child_reads_late(uint64_t argument)
{
    while (*word_at(SHARED + 3 * 64) == 0)
        (void)tern_yield();
    child_reads(argument);
}

static void child_run(unsigned number, uint64_t first, uint64_t count)
{
    pager.threads[number] =
        child_start(pager.child, number, child_reads, count << 16 | number << 8 | first);
}

static volatile uint64_t *seen(unsigned number)
{
    return word_at(SHARED + number * UINT64_C(64));
}

static void pager_start(void)
{
    pager.paged = memory_make(PAGES);
    pager.shared = memory_make(1);
    pager.stock = memory_make(PAGES);
    pager.port = object_make(OBJECT_port, (slot_t){0}, 0);
    EXPECT(commit(pager.paged, 0, PAGES, COMMIT_ABSENT) == OK);
    EXPECT(tern_memory_pager(pager.paged, pager.port, BADGE) == OK);
    EXPECT(map(pager.paged, 0, PAGED, PAGES, RW | SPACE_SHARED) == OK);
    EXPECT(map(pager.shared, 0, SHARED, 1, RW | SPACE_SHARED) == OK);
    *word_at(SHARED) = 0;
    pager.child = process_clone();
}

static void pager_end(unsigned threads)
{
    for (unsigned i = 0; i < threads; i++)
        drop(pager.threads[i]);
    drop(pager.child);
    EXPECT(unmap(PAGED, PAGES) == OK && unmap(SHARED, 1) == OK);
    drop(pager.paged), drop(pager.shared), drop(pager.stock);
}

/* The next page that is wanted; PAGES if none comes. */
static uint64_t wanted(uint64_t deadline)
{
    struct message message = {0};
    error_t error = tern_port_receive(pager.port, (slot_t){0}, &message, deadline);
    EXPECT(error == OK || error == ERR_timeout || error == ERR_would_block);
    if (error != OK)
        return PAGES;
    EXPECT(message.kind == MESSAGE_page && message.badge == BADGE);
    EXPECT(message.word[1] == 1 && message.word[0] % PAGE == 0);
    return message.word[0] / PAGE;
}

static void supply_page(uint64_t page)
{
    EXPECT(page < PAGES && put(pager.stock, page, page * 10 + 1) == OK);
    EXPECT(supply(pager.paged, page, pager.stock, page, 1) == OK);
}

static uint64_t sum(uint64_t first, uint64_t count)
{
    return count * (first + first + count - 1) * 5 + count;
}

TEST(pager_serves_two_threads)
{
    pager_start();
    child_run(0, 0, 20);
    child_run(1, 20, 20);
    for (unsigned i = 0; i < 40; i++)
        supply_page(wanted(DEADLINE_NEVER));
    EXPECT(word_becomes(seen(0), DONE) && word_becomes(seen(1), DONE));
    EXPECT(seen(0)[2] == sum(0, 20) && seen(1)[2] == sum(20, 20));
    EXPECT(wanted(DEADLINE_POLL) == PAGES);
    EXPECT(get(pager.paged, 3) == 31 && get(pager.stock, 3) == 0);
    pager_end(2);
    drop(pager.port);
}

/* Each page is asked for once, however many want it. */
TEST(pager_is_asked_once_for_a_page)
{
    pager_start();
    for (unsigned i = 0; i < 3; i++)
        child_run(i, 0, 30);
    for (uint64_t i = 0; i < 30; i++) {
        EXPECT(wanted(DEADLINE_NEVER) == i);
        for (unsigned turn = 0; turn < 3; turn++)
            (void)tern_yield();
        supply_page(i);
    }
    for (unsigned i = 0; i < 3; i++)
        EXPECT(word_becomes(seen(i), DONE) && seen(i)[2] == sum(0, 30));
    EXPECT(wanted(DEADLINE_POLL) == PAGES);
    pager_end(3);
    drop(pager.port);
}

/* A pager can say that a page is zero; calls do not ask it. */
TEST(pager_answers_with_zero)
{
    uint64_t word, done = 0;
    pager_start();
    EXPECT(tern_memory_read(pager.paged, 0, (uaddr_t){(uintptr_t)&word}, 8, &done) ==
           ERR_needs_pager);
    EXPECT(tern_memory_commit(pager.paged, 0, PAGE, COMMIT_FILL, &done) == ERR_needs_pager);
    EXPECT(wanted(DEADLINE_POLL) == PAGES);
    child_run(0, 0, 2);
    EXPECT(wanted(DEADLINE_NEVER) == 0 && commit(pager.paged, 0, 1, COMMIT_ZERO) == OK);
    supply_page(wanted(DEADLINE_NEVER));
    EXPECT(word_becomes(seen(0), DONE) && seen(0)[2] == 11);
    pager_end(1);
    drop(pager.port);
}

/* A thread that is stopped asks all the same, before or after, and goes on when it may and can. */
TEST(pager_request_of_a_suspended_thread)
{
    pager_start();
    child_run(0, 5, 1);
    for (unsigned i = 0; i < 20; i++)
        (void)tern_yield();
    EXPECT(tern_thread_suspend(pager.threads[0]) == OK);
    uint64_t page = wanted(DEADLINE_POLL);
    EXPECT(page == 5 || page == PAGES);
    if (page == PAGES) {
        EXPECT(tern_thread_resume(pager.threads[0]) == OK);
        EXPECT(wanted(DEADLINE_NEVER) == 5);
        EXPECT(tern_thread_suspend(pager.threads[0]) == OK);
    }
    supply_page(5);
    for (unsigned i = 0; i < 50; i++)
        (void)tern_yield();
    EXPECT(seen(0)[0] != DONE);
    EXPECT(tern_thread_resume(pager.threads[0]) == OK);
    EXPECT(word_becomes(seen(0), DONE) && seen(0)[2] == 51);
    pager_end(1);
    drop(pager.port);
}

/* Another pager is asked for what the former one was asked for. */
TEST(pager_is_replaced)
{
    pager_start();
    child_run(0, 1, 1);
    child_run(1, 1, 1);
    EXPECT(wanted(DEADLINE_NEVER) == 1);
    slot_t former = pager.port;
    pager.port = object_make(OBJECT_port, (slot_t){0}, 0);
    EXPECT(tern_memory_pager(pager.paged, pager.port, BADGE) == OK);
    EXPECT(wanted(DEADLINE_NEVER) == 1);
    supply_page(1);
    EXPECT(word_becomes(seen(0), DONE) && word_becomes(seen(1), DONE));
    EXPECT(seen(0)[2] == 11 && seen(1)[2] == 11);
    pager_end(2);
    drop(former), drop(pager.port);
}

/* Who waits for a pager that dies has a fault; what is there stays there. */
TEST(pager_dies)
{
    pager_start();
    child_run(0, 0, 2); /* waits for page 1, which was asked for */
    supply_page(wanted(DEADLINE_NEVER));
    EXPECT(wanted(DEADLINE_NEVER) == 1);
    child_run(1, 7, 1); /* waits to ask */
    for (unsigned i = 0; i < 100; i++)
        (void)tern_yield();
    pager.threads[2] = child_start(pager.child, 2, child_reads_late, 1 << 16 | 2 << 8 | 9);
    drop(pager.port);
    for (unsigned i = 0; i < 100; i++)
        (void)tern_yield();
    *seen(3) = 1;
    uint64_t word, done, end = clock_now() + UINT64_C(10000000000);
    error_t error = OK;
    do {
        (void)tern_yield();
        error = tern_memory_read(pager.paged, PAGE, (uaddr_t){(uintptr_t)&word}, 8, &done);
    } while (error == ERR_needs_pager && clock_now() < end);
    EXPECT(error == ERR_bad_address && get(pager.paged, 0) == 1);
    EXPECT(seen(0)[0] != DONE && seen(0)[1] == 1 && seen(1)[0] != DONE && seen(2)[0] != DONE);
    pager_end(3);
}
