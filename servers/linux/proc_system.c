/* What /proc says of the system (proc.h). */
#include "clock.h"
#include "group.h"
#include "memory_state.h"
#include "proc.h"
#include "random.h"
#include "system.h"
#include "task.h"
#include "tmpfs.h"
#include <stdio.h>
#include <string.h>

#define TICK     10000000 /* nanoseconds of one of the 100 a second that times are told in */
#define PIPE_MAX 1048576

unsigned workers_count(void); /* worker.h: CPUs */

typedef unsigned long long number;

/* --- memory and time --- */

static void meminfo_text(struct proc_text *text, struct call *call, struct group *group)
{
    struct memory_state memory;
    number files = tmpfs_used() / KIB;
    (void)group;
    memory_state_read(call, &memory);
    proc_add(text, "MemTotal:       %8llu kB\nMemFree:        %8llu kB\n",
             (number)(memory.total / KIB), (number)(memory.left / KIB));
    proc_add(text, "MemAvailable:   %8llu kB\nBuffers:        %8u kB\nCached:         %8llu kB\n",
             (number)(memory.left / KIB), 0, files);
    proc_add(text, "SwapCached:     %8u kB\nSwapTotal:      %8u kB\nSwapFree:       %8u kB\n", 0, 0,
             0);
    proc_add(text, "Shmem:          %8llu kB\nSReclaimable:   %8u kB\n", files, 0);
}

/* Time that no CPU spent on programs, summed over CPUs: nanoseconds. */
static uint64_t idle_time(const struct memory_state *state)
{
    uint64_t all = now() * workers_count();
    return all > state->cpu ? all - state->cpu : 0;
}

static void uptime_text(struct proc_text *text, struct call *call, struct group *group)
{
    struct memory_state state;
    (void)group;
    memory_state_read(call, &state);
    number up = now() / TICK, idle = idle_time(&state) / TICK;
    proc_add(text, "%llu.%02llu %llu.%02llu\n", up / 100, up % 100, idle / 100, idle % 100);
}

/* What is known is the sum over CPUs: each is told an equal part. */
static void stat_text(struct proc_text *text, struct call *call, struct group *group)
{
    struct memory_state state;
    unsigned cpus = workers_count(), processes = 0, running = 0;
    (void)group;
    memory_state_read(call, &state);
    number busy = state.cpu / TICK, idle = idle_time(&state) / TICK;
    proc_add(text, "cpu  %llu 0 0 %llu 0 0 0 0 0 0\n", busy, idle);
    for (unsigned cpu = 0; cpu < cpus; cpu++)
        proc_add(text, "cpu%u %llu 0 0 %llu 0 0 0 0 0 0\n", cpu, busy / cpus, idle / cpus);
    LIST_EACH(node, &groups)
    {
        const struct task *task = proc_task(CONTAINER_OF(node, struct group, in_all));
        processes++;
        running += task != NULL && task->state != TASK_WAITING;
    }
    proc_add(text, "intr 0\nctxt 0\nbtime %llu\nprocesses %u\n",
             (number)((clock_real() - now()) / SECOND), processes);
    proc_add(text, "procs_running %u\nprocs_blocked 0\n", running);
}

/* --- load --- */

#define LOAD_STEP (5 * SECOND)
#define LOAD_ONE  2048 /* fixed point */
#define LOADS     3

/* Averages of how many run, over 1, 5, 15 minutes, as Linux computes them, but looked at only when
 * they are asked for: what ran since the last time counts as what runs now. */
static void load_update(uint64_t loads[LOADS], uint32_t running)
{
    static const uint64_t decay[LOADS] = {1884, 2014, 2037}; /* e^(-5 s / minutes) */
    static uint64_t kept[LOADS], last;
    uint64_t steps = (now() - last) / LOAD_STEP;
    last += steps * LOAD_STEP;
    for (uint64_t step = 0; step < min_u64(steps, 1000); step++) {
        for (unsigned i = 0; i < LOADS; i++)
            kept[i] = (kept[i] * decay[i] + running * LOAD_ONE * (LOAD_ONE - decay[i])) / LOAD_ONE;
    }
    memcpy(loads, kept, sizeof(kept));
}

static void loadavg_text(struct proc_text *text, struct call *call, struct group *group)
{
    uint32_t running = 0, all = 0, newest = 0;
    uint64_t loads[LOADS];
    (void)call, (void)group;
    LIST_EACH(node, &groups)
    {
        const struct group *one = CONTAINER_OF(node, struct group, in_all);
        const struct task *task = proc_task(one);
        running += task != NULL && task->state != TASK_WAITING;
        all += one->task_count;
        newest = one->pid;
    }
    load_update(loads, running);
    for (unsigned i = 0; i < LOADS; i++)
        proc_add(text, "%llu.%02llu ", (number)(loads[i] / LOAD_ONE),
                 (number)(loads[i] % LOAD_ONE * 100 / LOAD_ONE));
    proc_add(text, "%u/%u %u\n", running, all, newest);
}

/* --- what does not change --- */

static void version_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "Linux version %s (tern) %s\n", SYSTEM_RELEASE, SYSTEM_VERSION);
}

static void cpuinfo_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    for (unsigned cpu = 0; cpu < workers_count(); cpu++)
        proc_add(text, "processor\t: %u\n\n", cpu);
}

static void filesystems_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "nodev\ttmpfs\nnodev\tproc\nnodev\tdevpts\n");
}

static void swaps_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

static void devices_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n"
                   "136 pts\n\nBlock devices:\n");
}

static void command_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "\n");
}

/* --- sys --- */

static void host_name_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "%s\n", system_host_name());
}

static void ostype_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "Linux\n");
}

static void release_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "%s\n", SYSTEM_RELEASE);
}

static void sys_version_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "%s\n", SYSTEM_VERSION);
}

static void pid_max_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "%u\n", TID_MAX);
}

static void groups_max_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "65536\n");
}

static void overcommit_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "1\n"); /* address space takes no budget */
}

static void pipe_max_text(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "%u\n", PIPE_MAX);
}

static void uuid_add(struct proc_text *text, uint8_t id[16])
{
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40); /* version 4 */
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    for (unsigned i = 0; i < 16; i++)
        proc_add(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
    proc_add(text, "\n");
}

static void uuid_text(struct proc_text *text, struct call *call, struct group *group)
{
    uint8_t id[16];
    (void)call, (void)group;
    random_bytes(id, sizeof(id));
    uuid_add(text, id);
}

static void boot_id_text(struct proc_text *text, struct call *call, struct group *group)
{
    static uint8_t id[16];
    (void)call, (void)group;
    if (id[8] == 0)
        random_bytes(id, sizeof(id));
    uuid_add(text, id);
}

#define FILE_ITEM(name, text)    {name, S_IFREG | 0444, text, NULL, NULL, NULL}
#define FOLDER_ITEM(name, items) {name, S_IFDIR | 0555, NULL, NULL, NULL, items}
#define LINK_ITEM(name, link)    {name, S_IFLNK | 0777, NULL, link, NULL, NULL}
#define NO_ITEM                  {NULL, 0, NULL, NULL, NULL, NULL}

static const struct proc_item random_items[] = {FILE_ITEM("boot_id", boot_id_text),
                                                FILE_ITEM("uuid", uuid_text), NO_ITEM};

static const struct proc_item kernel_items[] = {
    FILE_ITEM("hostname", host_name_text),  FILE_ITEM("ngroups_max", groups_max_text),
    FILE_ITEM("osrelease", release_text),   FILE_ITEM("ostype", ostype_text),
    FILE_ITEM("pid_max", pid_max_text),     FOLDER_ITEM("random", random_items),
    FILE_ITEM("version", sys_version_text), NO_ITEM};

static const struct proc_item fs_items[] = {FILE_ITEM("pipe-max-size", pipe_max_text), NO_ITEM};

static const struct proc_item vm_items[] = {FILE_ITEM("overcommit_memory", overcommit_text),
                                            NO_ITEM};

static const struct proc_item sys_items[] = {FOLDER_ITEM("fs", fs_items),
                                             FOLDER_ITEM("kernel", kernel_items),
                                             FOLDER_ITEM("vm", vm_items), NO_ITEM};

/* --- links --- */

static int64_t self_link(struct task *task, struct group *group, char *to, uint64_t size)
{
    char text[16];
    (void)group;
    int length = snprintf(text, sizeof(text), "%u", task->group->pid);
    memcpy(to, text, min_u64((uint64_t)length, size));
    return length;
}

static int64_t mounts_link(struct task *task, struct group *group, char *to, uint64_t size)
{
    static const char text[] = "self/mounts";
    (void)task, (void)group;
    memcpy(to, text, min_u64(sizeof(text) - 1, size));
    return sizeof(text) - 1;
}

const struct proc_item proc_root_items[] = {
    FILE_ITEM("cmdline", command_text), FILE_ITEM("cpuinfo", cpuinfo_text),
    FILE_ITEM("devices", devices_text), FILE_ITEM("filesystems", filesystems_text),
    FILE_ITEM("loadavg", loadavg_text), FILE_ITEM("meminfo", meminfo_text),
    LINK_ITEM("mounts", mounts_link),   LINK_ITEM("self", self_link),
    FILE_ITEM("stat", stat_text),       FILE_ITEM("swaps", swaps_text),
    FOLDER_ITEM("sys", sys_items),      FILE_ITEM("uptime", uptime_text),
    FILE_ITEM("version", version_text), NO_ITEM};
