/* Of the system: uname(2), sysinfo(2), prctl(2), limits, CPUs. */
#include "files.h"
#include "group.h"
#include "mm.h"
#include "random.h"
#include "rt/state.h"
#include "server_arch.h"
#include "system.h"
#include "user.h"
#include "worker.h"
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#define RANDOM_PIECE  256
#define GETRANDOM_ALL 7   /* flags that exist */
#define SYSINFO_BYTES 112 /* the kernel's struct; musl's is longer */

static char host_name[65] = "tern";

const char *system_host_name(void)
{
    return host_name;
}

int64_t call_uname(struct call *call, arg_user at)
{
    struct utsname name;
    memset(&name, 0, sizeof(name));
    strcpy(name.sysname, "Linux");
    strcpy(name.nodename, host_name);
    strcpy(name.release, SYSTEM_RELEASE);
    strcpy(name.version, SYSTEM_VERSION);
    strcpy(name.machine, arch_platform);
    strcpy(name.domainname, "(none)");
    return user_write(call->task, at, &name, sizeof(name));
}

int64_t call_sethostname(struct call *call, arg_user at, arg_size size)
{
    char name[sizeof(host_name)] = {0};
    if (call->task->group->euid != 0)
        return -EPERM;
    if (size >= sizeof(name))
        return -EINVAL;
    int64_t error = user_read(call->task, name, at, size);
    if (error == 0)
        memcpy(host_name, name, sizeof(name));
    return error;
}

int64_t call_sysinfo(struct call *call, arg_user at)
{
    struct sysinfo info;
    struct state_job_basic job;
    memset(&info, 0, sizeof(info));
    if (RT_GET(call->worker->page, programs_job, job, basic, &job) != OK)
        return -EFAULT;
    info.uptime = now() / 1000000000;
    info.totalram = job.memory_limit;
    info.freeram = job.memory_limit - job.memory_used;
    info.mem_unit = 1;
    for (struct list *group = groups.next; group != &groups; group = group->next)
        info.procs++;
    return user_write(call->task, at, &info, SYSINFO_BYTES);
}

int64_t call_getrandom(struct call *call, arg_user at, arg_size size, arg_uint flags)
{
    uint8_t piece[RANDOM_PIECE];
    uint64_t done = 0;
    if ((flags & ~(uint32_t)GETRANDOM_ALL) != 0)
        return -EINVAL;
    size = size < INT32_MAX ? size : INT32_MAX;
    while (done < size) {
        uint64_t part = size - done < sizeof(piece) ? size - done : sizeof(piece);
        random_bytes(piece, part);
        int64_t error = user_write(call->task, (uaddr_t){at.va + done}, piece, part);
        if (error != 0)
            return done != 0 ? (int64_t)done : error;
        done += part;
    }
    return (int64_t)done;
}

int64_t call_prctl(struct call *call, arg_int what, arg_size a, arg_size b, arg_size c, arg_size d)
{
    struct task *task = call->task;
    (void)b, (void)c, (void)d;
    char name[sizeof(task->name)] = {0};
    switch (what) {
    case PR_SET_NAME: {
        int64_t length = user_string(task, name, sizeof(name), (uaddr_t){a});
        if (length < 0 && length != -ENAMETOOLONG)
            return length;
        name[sizeof(name) - 1] = 0;
        memcpy(task->name, name, sizeof(name));
        return 0;
    }
    case PR_GET_NAME:
        return user_write(task, (uaddr_t){a}, task->name, sizeof(task->name));
    case PR_GET_DUMPABLE:
        return 1;
    case PR_SET_DUMPABLE:
        return a <= 1 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

/* --- limits --- */

/* What each is; they are told, and descriptors can be changed. */
static void limit_of(const struct task *task, int resource, struct rlimit *limit)
{
    *limit = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    if (resource == RLIMIT_NOFILE)
        *limit = (struct rlimit){task->files->limit, FILES_LIMIT_MAX};
    if (resource == RLIMIT_STACK)
        *limit = (struct rlimit){STACK_BYTES, STACK_BYTES};
    if (resource == RLIMIT_NPROC)
        *limit = (struct rlimit){tasks_most, tasks_most};
    if (resource == RLIMIT_CORE)
        *limit = (struct rlimit){0, RLIM_INFINITY};
}

int64_t call_prlimit64(struct call *call, arg_int pid, arg_int resource, arg_user new_at,
                       arg_user old_at)
{
    struct task *task = call->task;
    struct rlimit new, old;
    if (pid != 0 && (uint32_t)pid != task->group->pid)
        return group_find((uint32_t)pid) != NULL ? -EPERM : -ESRCH;
    if (resource < 0 || resource >= RLIM_NLIMITS)
        return -EINVAL;
    limit_of(task, resource, &old);
    int64_t error = new_at.va != 0 ? user_read(task, &new, new_at, sizeof(new)) : 0;
    if (error == 0 && new_at.va != 0 && new.rlim_cur > new.rlim_max)
        error = -EINVAL;
    if (error == 0 && new_at.va != 0 && new.rlim_max > old.rlim_max)
        error = -EPERM;
    if (error == 0 && old_at.va != 0)
        error = user_write(task, old_at, &old, sizeof(old));
    if (error == 0 && new_at.va != 0 && resource == RLIMIT_NOFILE)
        task->files->limit = (uint32_t)new.rlim_cur;
    return error;
}

int64_t call_getrlimit(struct call *call, arg_int resource, arg_user at)
{
    return call_prlimit64(call, 0, resource, (arg_user){0}, at);
}

int64_t call_setrlimit(struct call *call, arg_int resource, arg_user at)
{
    return call_prlimit64(call, 0, resource, at, (arg_user){0});
}

int64_t call_getrusage(struct call *call, arg_int who, arg_user at)
{
    struct rusage usage;
    memset(&usage, 0, sizeof(usage));
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return -EINVAL;
    if (who == RUSAGE_CHILDREN)
        usage.ru_utime.tv_usec = (suseconds_t)(call->task->group->cpu_children / 1000 % 1000000);
    return user_write(call->task, at, &usage, sizeof(struct rusage) - sizeof(usage.__reserved));
}

/* --- CPUs --- */

int64_t call_sched_getaffinity(struct call *call, arg_int pid, arg_size size, arg_user at)
{
    uint64_t mask = (UINT64_C(1) << workers_count()) - 1;
    if (pid != 0 && task_find((uint32_t)pid) == NULL)
        return -ESRCH;
    if (size < sizeof(mask))
        return -EINVAL;
    int64_t error = user_write(call->task, at, &mask, sizeof(mask));
    return error != 0 ? error : (int64_t)sizeof(mask);
}

int64_t call_sched_setaffinity(struct call *call, arg_int pid, arg_size size, arg_user at)
{
    uint64_t mask = 0;
    if (pid != 0 && task_find((uint32_t)pid) == NULL)
        return -ESRCH;
    int64_t error = user_read(call->task, &mask, at, size < sizeof(mask) ? size : sizeof(mask));
    if (error != 0)
        return error;
    return (mask & ((UINT64_C(1) << workers_count()) - 1)) != 0 ? 0 : -EINVAL;
}

int64_t call_getpriority(struct call *call, arg_int which, arg_int who)
{
    (void)call, (void)which, (void)who;
    return 20; /* nice 0, as the kernel's interface has it */
}

int64_t call_setpriority(struct call *call, arg_int which, arg_int who, arg_int nice)
{
    (void)call, (void)which, (void)who;
    return nice >= 0 ? 0 : -EACCES;
}

int64_t call_personality(struct call *call, arg_uint wanted)
{
    (void)call;
    return wanted == 0 || wanted == UINT32_MAX ? 0 : -EINVAL;
}

int64_t call_arch_prctl(struct call *call, arg_int what, arg_size value)
{
    return arch_prctl_do(call, what, value);
}
