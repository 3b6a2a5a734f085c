/*
 * Native benchmark: threads and processes from creation to the last byte given back, as counter
 * ticks over many of them, one after the other; one JSON line each, as in bench_ipc.c. What they
 * are compared with is Linux's pthread_create and join, and fork, exit and wait.
 *
 *   thread   made with its message page, on a stack that is there; its end is received; its
 *            capability deleted, its message page unmapped
 *   process  made as a copy of this one's mappings (copy on write; what is never written is shared,
 *            as Linux shares a program's file), with a thread on a stack of its own, which runs and
 *            exits; capabilities of both deleted; the reaper takes the rest
 *
 * The clock stops when the job is charged exactly what it was before. Some turns come first, so
 * that what stays is there (tables, chunks of slots), and their remains are gone when it starts.
 */
#include "bench.h"
#include "guest_thread.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/start.h"
#include <space.h>
#include <sys_arch.h>

#define ROUNDS 200u
#define WARM   4u
#define SETTLE 100u
#define PAGE   (ROOT_PAGE + UINT64_C(0x100000)) /* the thread's message page */

static slot_t job, process, port;
static _Alignas(16) unsigned char stack[4096];
static volatile uint64_t runs;

static uint64_t charged(void)
{
    uint64_t size, next;
    bench_need("the job", tern_object_info(job, STATE_job_basic, 0, &size, &next));
    return ((const struct state_job_basic *)sys_page)->memory_used;
}

static uint64_t run_once(void *argument, void *page)
{
    (void)argument, (void)page;
    runs++;
    return 0;
}

/* A thread's end comes here. */
static void join(slot_t thread)
{
    struct message message;
    bench_need("its end", tern_port_receive(port, (slot_t){0}, &message, DEADLINE_NEVER));
    bench_need("an exit", message.kind == MESSAGE_exit ? OK : ERR_bad_argument);
    bench_need("delete", tern_cap_delete(thread));
}

static void thread_life(void)
{
    slot_t thread;
    uint64_t done;
    struct sys_begin *begin = (struct sys_begin *)(stack + sizeof(stack) - SYS_BEGIN_BYTES);
    *begin = (struct sys_begin){run_once, NULL, (void *)PAGE};
    bench_need("a thread", tern_object_create(job, OBJECT_thread, process, PAGE, &thread));
    bench_need("its handler", thread_route(thread, (slot_t){0}, 0, port, 0));
    bench_need("its start", tern_thread_start(thread, (uaddr_t){(uintptr_t)sys_thread_enter},
                                              (uaddr_t){(uintptr_t)begin}, (uintptr_t)begin));
    join(thread);
    bench_need("unmap", tern_space_unmap(process, (uaddr_t){PAGE}, MESSAGE_PAGE, &done));
}

static void process_life(void)
{
    slot_t child, thread;
    bench_need("a process", sys_child_create(job, &child));
    bench_need("its thread", sys_child_thread_make(job, child, 0, run_once, NULL, &thread));
    bench_need("its handler", thread_route(thread, (slot_t){0}, 0, port, 0));
    bench_need("its start", sys_child_start(thread, 0));
    join(thread);
    bench_need("delete", tern_cap_delete(child));
}

/* What is charged when the reaper has been through: it does a piece at each way out. */
static uint64_t settled(void)
{
    for (unsigned i = 0; i < SETTLE; i++)
        (void)tern_yield();
    return charged();
}

static void life(const char *name, void (*once)(void))
{
    for (unsigned i = 0; i < WARM; i++)
        once();
    uint64_t before = settled(), start = sys_counter();
    for (unsigned i = 0; i < ROUNDS; i++)
        once();
    while (charged() != before)
        (void)tern_yield();
    bench_say(name, sys_counter() - start, ROUNDS);
}

/* Clones of the process show its code and constants as well. */
static void code_share(void)
{
    struct mapping_info infos[16];
    uint64_t count, done;
    bench_need("its mappings", tern_space_list(process, (uaddr_t){0}, (uaddr_t){(uintptr_t)infos},
                                               COUNT_OF(infos), &count));
    for (uint64_t i = 0; i < count; i++) {
        uint64_t access = infos[i].flags & (SPACE_READ | SPACE_WRITE | SPACE_EXECUTE);
        if ((access & SPACE_WRITE) == 0)
            bench_need("sharing", tern_space_protect(process, (uaddr_t){infos[i].va}, infos[i].size,
                                                     access | SPACE_SHARED, &done));
    }
}

int main(void)
{
    job = root_slot(ROOT_SLOT_JOB);
    process = root_slot(ROOT_SLOT_PROCESS);
    bench_need("a port", sys_port_create(0, &port));
    life("thread.create_exit", thread_life);
    bench_need("its runs", runs == WARM + ROUNDS ? OK : ERR_bad_argument);
    code_share();
    life("process.create_destroy", process_life);
    return 0;
}
