/* What /proc/PID says of a process (proc.h). */
#include "files.h"
#include "fs.h"
#include "group.h"
#include "lib/types.h"
#include "mm.h"
#include "proc.h"
#include "signals.h"
#include "task.h"
#include "tty.h"
#include "user.h"
#include <string.h>
#include <sys/sysmacros.h>

#define TICK 10000000 /* nanoseconds of one of the 100 a second that times are told in */

/* --- what several texts say --- */

/* R running, S waiting, T stopped, Z ended. */
static char state_of(const struct group *group)
{
    if (group->zombie || list_empty(&group->tasks))
        return 'Z';
    if (group->stopped)
        return 'T';
    LIST_EACH(node, &group->tasks)
    {
        if (CONTAINER_OF(node, struct task, in_group)->state != TASK_WAITING)
            return 'R';
    }
    return 'S';
}

static const char *state_word(char state)
{
    return state == 'Z'   ? "zombie"
           : state == 'T' ? "stopped"
           : state == 'R' ? "running"
                          : "sleeping";
}

/* A zombie's name is that of its command. */
static const char *name_of(const struct group *group)
{
    const struct task *task = proc_task(group);
    return task != NULL ? task->name : "defunct";
}

static uint32_t parent_of(const struct group *group)
{
    return group->parent != NULL ? group->parent->pid : 0;
}

struct signal_sets {
    uint64_t pending, blocked, ignored, caught;
};

static struct signal_sets signal_sets_of(const struct group *group)
{
    const struct task *task = proc_task(group);
    struct signal_sets sets = {.pending = group->pending};
    if (task != NULL) {
        sets.pending |= task->pending;
        sets.blocked = task->blocked;
    }
    for (int number = 1; group->actions != NULL && number <= SIGNALS; number++) {
        uint64_t handler = group->actions->action[number].handler;
        if (handler == (uintptr_t)SIG_IGN)
            sets.ignored |= SIGNAL_BIT(number);
        else if (handler != (uintptr_t)SIG_DFL)
            sets.caught |= SIGNAL_BIT(number);
    }
    return sets;
}

/* A device's number as /proc has it: the minor's low byte, the major, the minor's rest. */
static uint64_t device_encode(uint64_t number)
{
    uint64_t low = minor(number);
    return (low & 0xff) | (uint64_t)major(number) << 8 | (low & ~UINT64_C(0xff)) << 12;
}

/* --- files --- */

static void stat_text(struct proc_text *text, struct call *call, struct group *group)
{
    struct signal_sets sets = signal_sets_of(group);
    const struct tty *tty = group->tty;
    proc_add(text, "%u (%s) %c %u %u %u %llu %d ", group->pid, name_of(group), state_of(group),
             parent_of(group), group->pgid, group->sid,
             (unsigned long long)(tty != NULL ? device_encode(tty->number) : 0),
             tty != NULL ? (int)tty->foreground : -1);
    proc_add(text, "0 0 0 0 0 %llu 0 %llu 0 20 0 %u 0 %llu %llu 0 18446744073709551615 ",
             (unsigned long long)(proc_cpu(call, group) / TICK),
             (unsigned long long)(group->cpu_children / TICK), group->task_count,
             (unsigned long long)(group->started / TICK), (unsigned long long)proc_mapped(group));
    proc_add(text, "0 0 0 0 0 %llu %llu %llu %llu 0 0 0 %u 0 0 0 0 0 0 0 0 0 0 0 0 0 %d\n",
             (unsigned long long)(sets.pending & INT32_MAX),
             (unsigned long long)(sets.blocked & INT32_MAX),
             (unsigned long long)(sets.ignored & INT32_MAX),
             (unsigned long long)(sets.caught & INT32_MAX), group->exit_signal, group->exit_status);
}

static void status_signals(struct proc_text *text, const struct group *group)
{
    struct signal_sets sets = signal_sets_of(group);
    proc_add(text, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
             (unsigned long long)sets.pending, (unsigned long long)group->pending,
             (unsigned long long)sets.blocked);
    proc_add(text, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (unsigned long long)sets.ignored,
             (unsigned long long)sets.caught);
}

static void status_text(struct proc_text *text, struct call *call, struct group *group)
{
    const struct task *task = proc_task(group);
    char state = state_of(group);
    (void)call;
    proc_add(text, "Name:\t%s\n", name_of(group));
    if (task != NULL)
        proc_add(text, "Umask:\t%04o\n", task->fs->umask);
    proc_add(text, "State:\t%c (%s)\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
             state, state_word(state), group->pid, group->pid, parent_of(group));
    proc_add(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", group->uid, group->euid,
             group->suid, group->euid, group->gid, group->egid, group->sgid, group->egid);
    if (task != NULL)
        proc_add(text, "FDSize:\t%u\nGroups:\t\nVmSize:\t%8llu kB\n", task->files->room,
                 (unsigned long long)(proc_mapped(group) / KIB));
    proc_add(text, "Threads:\t%u\n", group->task_count);
    status_signals(text, group);
}

static void statm_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call;
    proc_add(text, "%llu 0 0 0 0 0 0\n", (unsigned long long)(proc_mapped(group) / PAGE_SIZE));
}

static void command_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call;
    if (!group->zombie)
        proc_add_bytes(text, group->command, group->command_size);
}

static void comm_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call;
    proc_add(text, "%s\n", name_of(group));
}

/* As it stands in the process's memory now. */
static void environment_text(struct proc_text *text, struct call *call, struct group *group)
{
    struct task *task = proc_task(group);
    char piece[512];
    (void)call;
    if (task == NULL || task->mm == NULL)
        return;
    uint64_t end = task->mm->environment_end;
    for (uint64_t at = task->mm->environment; at < end;) {
        int64_t got = user_read_some(task, piece, (uaddr_t){at}, min_u64(end - at, sizeof(piece)));
        if (got <= 0)
            return;
        proc_add_bytes(text, piece, (uint64_t)got);
        at += (uint64_t)got;
    }
}

static void mounts_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "tmpfs / tmpfs rw 0 0\n"
                   "proc /proc proc rw 0 0\n"
                   "devpts /dev/pts devpts rw,mode=620 0 0\n");
}

static void mount_info_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text,
             "1 1 0:%u / / rw - tmpfs tmpfs rw\n"
             "2 1 0:%u / /proc rw - proc proc rw\n"
             "3 1 0:%u / /dev/pts rw - devpts devpts rw,mode=620\n",
             DEV_TREE, DEV_PROC, DEV_PTS);
}

static void limits_text(struct proc_text *text, struct call *call, struct group *group)
{
    const struct task *task = proc_task(group);
    (void)call;
    proc_add(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    if (task != NULL)
        proc_add(text, "%-25s %-20u %-20u %-10s\n", "Max open files", task->files->limit,
                 FILES_LIMIT_MAX, "files");
}

/* --- links --- */

static int64_t exe_follow(struct group *group, struct node **found)
{
    const struct task *task = proc_task(group);
    if (task == NULL || task->mm == NULL || task->mm->program == NULL)
        return -ENOENT;
    *found = node_get(task->mm->program);
    return 0;
}

static int64_t cwd_follow(struct group *group, struct node **found)
{
    const struct task *task = proc_task(group);
    if (task == NULL)
        return -ENOENT;
    *found = node_get(task->fs->cwd);
    return 0;
}

static int64_t root_follow(struct group *group, struct node **found)
{
    const struct task *task = proc_task(group);
    if (task == NULL)
        return -ENOENT;
    *found = node_get(task->fs->root);
    return 0;
}

/* The path of what a link leads to. */
static int64_t link_path(struct task *task, struct group *group, char *to, uint64_t size,
                         int64_t (*follow)(struct group *group, struct node **found))
{
    struct node *node;
    int64_t result = follow(group, &node);
    if (result != 0)
        return result;
    result = proc_path(task, node, to, size);
    node_put(node);
    return result;
}

static int64_t exe_link(struct task *task, struct group *group, char *to, uint64_t size)
{
    return link_path(task, group, to, size, exe_follow);
}

static int64_t cwd_link(struct task *task, struct group *group, char *to, uint64_t size)
{
    return link_path(task, group, to, size, cwd_follow);
}

static int64_t root_link(struct task *task, struct group *group, char *to, uint64_t size)
{
    return link_path(task, group, to, size, root_follow);
}

const struct proc_item proc_process_items[] = {
    {"cmdline", S_IFREG | 0444, command_text, NULL, NULL, NULL},
    {"comm", S_IFREG | 0444, comm_text, NULL, NULL, NULL},
    {"cwd", S_IFLNK | 0777, NULL, cwd_link, cwd_follow, NULL},
    {"environ", S_IFREG | 0400, environment_text, NULL, NULL, NULL},
    {"exe", S_IFLNK | 0777, NULL, exe_link, exe_follow, NULL},
    {"fd", S_IFDIR | 0500, NULL, NULL, NULL, NULL},
    {"limits", S_IFREG | 0444, limits_text, NULL, NULL, NULL},
    {"maps", S_IFREG | 0444, proc_maps, NULL, NULL, NULL},
    {"mountinfo", S_IFREG | 0444, mount_info_text, NULL, NULL, NULL},
    {"mounts", S_IFREG | 0444, mounts_text, NULL, NULL, NULL},
    {"root", S_IFLNK | 0777, NULL, root_link, root_follow, NULL},
    {"stat", S_IFREG | 0444, stat_text, NULL, NULL, NULL},
    {"statm", S_IFREG | 0444, statm_text, NULL, NULL, NULL},
    {"status", S_IFREG | 0444, status_text, NULL, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL, NULL},
};
