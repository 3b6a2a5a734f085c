/* What /proc has from the kernel: times of threads, mappings of processes (proc.h). */
#include "group.h"
#include "lib/types.h"
#include "mm.h"
#include "proc.h"
#include "rt/state.h"
#include "worker.h"
#include <space.h>

#define MAPPINGS 16 /* of one look */

uint64_t proc_cpu(const struct call *call, const struct group *group)
{
    uint64_t sum = 0;
    LIST_EACH(node, &group->tasks)
    {
        const struct task *task = CONTAINER_OF(node, struct task, in_group);
        struct state_thread_basic state;
        if (RT_GET(call->worker->page, task->thread, thread, basic, &state) == OK)
            sum += state.cpu_time;
    }
    return sum;
}

static const struct mm *mm_of(const struct group *group)
{
    const struct task *task = proc_task(group);
    return task != NULL ? task->mm : NULL;
}

/* The next mappings from *at on, which goes on behind them: how many. Message pages are no part of
 * Linux, and lie behind the stack. */
static uint64_t mappings_next(const struct mm *mm, uint64_t *at, struct mapping_info *list)
{
    uint64_t count = 0;
    if (*at >= STACK_TOP || tern_space_list(mm->process, (uaddr_t){*at}, (uaddr_t){(uintptr_t)list},
                                            MAPPINGS, &count) != OK)
        return 0;
    while (count != 0 && list[count - 1].va >= STACK_TOP)
        count--;
    if (count != 0)
        *at = list[count - 1].va + list[count - 1].size;
    return count;
}

uint64_t proc_mapped(const struct group *group)
{
    const struct mm *mm = mm_of(group);
    struct mapping_info list[MAPPINGS];
    uint64_t sum = 0, at = 0, count;
    while (mm != NULL && (count = mappings_next(mm, &at, list)) != 0) {
        for (uint64_t i = 0; i < count; i++)
            sum += list[i].size;
    }
    return sum;
}

static const char *name_of(const struct mm *mm, const struct mapping_info *mapping)
{
    uint64_t end = mapping->va + mapping->size;
    if (mapping->va >= mm->break_start && end <= mm->break_mapped)
        return "[heap]";
    return end == STACK_TOP ? "[stack]" : "";
}

void proc_maps(struct proc_text *text, struct call *call, struct group *group)
{
    const struct mm *mm = mm_of(group);
    struct mapping_info list[MAPPINGS];
    uint64_t at = 0, count;
    (void)call;
    while (mm != NULL && (count = mappings_next(mm, &at, list)) != 0) {
        for (uint64_t i = 0; i < count; i++) {
            uint64_t flags = list[i].flags;
            proc_add(text, "%08llx-%08llx %c%c%c%c %08llx 00:00 %llu %20s\n",
                     (unsigned long long)list[i].va,
                     (unsigned long long)(list[i].va + list[i].size),
                     (flags & SPACE_READ) != 0 ? 'r' : '-', (flags & SPACE_WRITE) != 0 ? 'w' : '-',
                     (flags & SPACE_EXECUTE) != 0 ? 'x' : '-',
                     (flags & SPACE_INHERIT) == SPACE_SHARED ? 's' : 'p',
                     (unsigned long long)list[i].offset, (unsigned long long)list[i].memory,
                     name_of(mm, &list[i]));
        }
    }
}
