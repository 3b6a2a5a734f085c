/* Tasks and their numbers (task.h). */
#include "task.h"
#include "files.h"
#include "fs.h"
#include "group.h"
#include "mm.h"
#include "rt/state.h"
#include "worker.h"
#include <stdlib.h>
#include <string.h>

/* Numbers are given in order, around; a task, or a group or session whose number it is, keeps one.
 */
static struct task *tasks[TID_MAX];
static uint8_t number_users[TID_MAX]; /* how many name it: task, group, session */
static uint32_t generations[TID_MAX];
static uint32_t number_next = 1;
static uint32_t task_count;

uint32_t tasks_most = TID_MAX / 2;

struct task *task_find(uint32_t tid)
{
    return tid < TID_MAX ? tasks[tid] : NULL;
}

uint64_t task_badge(const struct task *task)
{
    return (uint64_t)task->generation << 32 | task->tid;
}

struct task *task_of_badge(uint64_t badge)
{
    struct task *task = task_find((uint32_t)badge);
    return task != NULL && task->generation == badge >> 32 ? task : NULL;
}

void number_keep(uint32_t number)
{
    number_users[number]++;
}

void number_drop(uint32_t number)
{
    number_users[number]--;
}

uint32_t number_take(void)
{
    for (uint32_t tried = 1; tried < TID_MAX; tried++) {
        uint32_t number = number_next;
        number_next = number_next + 1 < TID_MAX ? number_next + 1 : 2;
        if (number_users[number] == 0) {
            number_users[number] = 1;
            return number;
        }
    }
    return 0;
}

struct task *task_make(struct group *group, uint32_t tid)
{
    if (task_count >= tasks_most)
        return NULL;
    struct task *task = calloc(1, sizeof(*task));
    uint32_t number = tid != 0 ? tid : number_take();
    if (task == NULL || number == 0) {
        if (number != 0 && tid == 0)
            number_drop(number);
        free(task);
        return NULL;
    }
    if (tid != 0)
        number_keep(number);
    task->tid = number;
    task->generation = ++generations[number];
    task->state = TASK_RUNNING;
    task->group = group;
    task->deadline = DEADLINE_NEVER;
    list_init(&task->waiters);
    list_init(&task->in_ready);
    list_add_last(&group->tasks, &task->in_group);
    group->task_count++;
    task_count++;
    tasks[number] = task;
    return task;
}

int64_t task_thread_make(struct mm *mm, slot_t *thread)
{
    return error_number(
        tern_object_create(programs_job, OBJECT_thread, mm->process, mm_page_place(mm), thread));
}

int64_t task_thread_route(struct worker *worker, struct task *task, slot_t thread)
{
    task->generation = ++generations[task->tid]; /* the end of one before is no longer ours */
    const struct state_thread_basic state = {
        .foreign_badge = task_badge(task),
        .foreign = {server_port.value},
        .handler_badge = task_badge(task),
        .handler = {server_port.value},
    };
    const uint64_t fields =
        STATE_BIT(thread, basic, foreign_badge) | STATE_BIT(thread, basic, foreign) |
        STATE_BIT(thread, basic, handler_badge) | STATE_BIT(thread, basic, handler);
    return error_number(rt_set(worker->page, thread, STATE_thread_basic, fields, &state,
                               sizeof(state), (slot_t){0}));
}

void task_thread_end(struct worker *worker, struct task *task)
{
    if (task->thread.value == 0)
        return;
    (void)tern_object_kill(task->thread);
    (void)tern_cap_delete(task->thread);
    task->thread = (slot_t){0};
    worker_reply_free(worker, task);
}

void task_renumber(struct task *task, uint32_t tid)
{
    if (task->tid == tid)
        return;
    tasks[task->tid] = NULL;
    number_drop(task->tid);
    task->tid = tid;
    task->generation = ++generations[tid];
    tasks[tid] = task;
    number_keep(tid);
}

void task_end(struct worker *worker, struct task *task)
{
    wait_leave(task);
    list_remove(&task->in_ready);
    task_thread_end(worker, task);
    if (task->opening != NULL)
        file_put(task->opening);
    if (task->files != NULL)
        files_put(task->files);
    if (task->fs != NULL)
        fs_put(task->fs);
    if (task->mm != NULL)
        mm_put(task->mm);
    list_remove(&task->in_group);
    task->group->task_count--;
    task_count--;
    tasks[task->tid] = NULL;
    number_drop(task->tid);
    free(task);
}
