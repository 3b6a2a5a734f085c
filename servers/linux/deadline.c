/* Deadlines of waiting tasks (deadline.h). */
#include "deadline.h"
#include "sys/call.h"
#include "wait.h"
#include "worker.h"
#include <stdlib.h>

static struct task **heap; /* [1, used]; parent of n is n / 2 */
static uint32_t used, room;
static slot_t timer;
static uint64_t armed = DEADLINE_NEVER;

int64_t deadlines_prepare(void)
{
    return tern_object_create(server_job, OBJECT_timer, server_port, BIT_DEADLINE, &timer) == OK
               ? 0
               : -ENOMEM;
}

static void arm(void)
{
    uint64_t first = used > 0 ? heap[1]->deadline : DEADLINE_NEVER;
    if (first == armed)
        return;
    armed = first;
    (void)tern_timer_arm(timer, first, 0);
}

static void put(uint32_t place, struct task *task)
{
    heap[place] = task;
    task->deadline_place = place;
}

static void sift_up(uint32_t place)
{
    struct task *task = heap[place];
    for (; place > 1 && heap[place / 2]->deadline > task->deadline; place /= 2)
        put(place, heap[place / 2]);
    put(place, task);
}

static void sift_down(uint32_t place)
{
    struct task *task = heap[place];
    for (;;) {
        uint32_t child = 2 * place;
        if (child < used && heap[child + 1]->deadline < heap[child]->deadline)
            child++;
        if (child > used || heap[child]->deadline >= task->deadline)
            break;
        put(place, heap[child]);
        place = child;
    }
    put(place, task);
}

static bool grow(void)
{
    uint32_t more = room == 0 ? 64 : 2 * room;
    struct task **bigger = realloc(heap, (more + 1) * sizeof(*heap));
    if (bigger == NULL)
        return false;
    heap = bigger;
    room = more;
    return true;
}

bool deadline_set(struct task *task)
{
    if (task->deadline == DEADLINE_NEVER)
        return true;
    if (used == room && !grow())
        return false;
    put(++used, task);
    sift_up(used);
    arm();
    return true;
}

void deadline_cancel(struct task *task)
{
    uint32_t place = task->deadline_place;
    if (place == 0)
        return;
    task->deadline_place = 0;
    struct task *last = heap[used--];
    if (last == task)
        return;
    put(place, last);
    sift_up(place);
    sift_down(last->deadline_place);
}

void deadlines_run(void)
{
    armed = DEADLINE_NEVER; /* it has fired */
    while (used > 0 && heap[1]->deadline <= now()) {
        struct task *task = heap[1];
        wait_leave(task);
        task_ready(task);
    }
    arm();
}
