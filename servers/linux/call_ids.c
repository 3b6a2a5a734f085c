/* Numbers and names of processes and users: getpid(2), setpgid(2), setsid(2), getuid(2), setuid(2).
 */
#include "group.h"
#include "user.h"

#define KEEP UINT32_MAX /* -1: that one stays as it is */

int64_t call_getpid(struct call *call)
{
    return call->task->group->pid;
}

int64_t call_gettid(struct call *call)
{
    return call->task->tid;
}

int64_t call_getppid(struct call *call)
{
    const struct group *parent = call->task->group->parent;
    return parent != NULL ? parent->pid : 0;
}

/* --- process groups and sessions --- */

static struct group *named(struct call *call, int pid)
{
    return pid == 0 ? call->task->group : pid > 0 ? group_find((uint32_t)pid) : NULL;
}

/* Whether a group of that number is in the session. */
static bool in_session(uint32_t pgid, uint32_t sid)
{
    for (struct list *at = groups.next; at != &groups; at = at->next) {
        const struct group *group = CONTAINER_OF(at, struct group, in_all);
        if (group->pgid == pgid && group->sid == sid)
            return true;
    }
    return false;
}

int64_t call_setpgid(struct call *call, arg_int pid, arg_int pgid)
{
    struct group *own = call->task->group, *group = named(call, pid);
    if (pgid < 0)
        return -EINVAL;
    if (group == NULL || (group != own && group->parent != own))
        return -ESRCH;
    if (group != own && group->executed)
        return -EACCES;
    uint32_t wanted = pgid == 0 ? group->pid : (uint32_t)pgid;
    if (group->sid != own->sid || group->sid == group->pid ||
        (wanted != group->pid && !in_session(wanted, own->sid)))
        return -EPERM;
    group_move(group, wanted, group->sid);
    return 0;
}

int64_t call_getpgid(struct call *call, arg_int pid)
{
    const struct group *group = named(call, pid);
    return group != NULL ? group->pgid : -ESRCH;
}

int64_t call_getpgrp(struct call *call)
{
    return call->task->group->pgid;
}

int64_t call_getsid(struct call *call, arg_int pid)
{
    const struct group *group = named(call, pid);
    return group != NULL ? group->sid : -ESRCH;
}

int64_t call_setsid(struct call *call)
{
    struct group *own = call->task->group;
    for (struct list *at = groups.next; at != &groups; at = at->next)
        if (CONTAINER_OF(at, struct group, in_all)->pgid == own->pid)
            return -EPERM;
    group_move(own, own->pid, own->pid);
    own->tty = NULL;
    return own->sid;
}

/* --- users --- */

int64_t call_getuid(struct call *call)
{
    return call->task->group->uid;
}

int64_t call_geteuid(struct call *call)
{
    return call->task->group->euid;
}

int64_t call_getgid(struct call *call)
{
    return call->task->group->gid;
}

int64_t call_getegid(struct call *call)
{
    return call->task->group->egid;
}

/* Real, effective, saved: any of those that one has already; all for the super-user. */
struct ids {
    uint32_t *real, *effective, *saved;
};

static bool has(const struct ids *ids, uint32_t id)
{
    return id == KEEP || id == *ids->real || id == *ids->effective || id == *ids->saved;
}

static int64_t ids_set(struct call *call, const struct ids *ids, uint32_t real, uint32_t effective,
                       uint32_t saved)
{
    bool super = call->task->group->euid == 0;
    if (!super && !(has(ids, real) && has(ids, effective) && has(ids, saved)))
        return -EPERM;
    *ids->real = real != KEEP ? real : *ids->real;
    *ids->effective = effective != KEEP ? effective : *ids->effective;
    *ids->saved = saved != KEEP ? saved : *ids->saved;
    return 0;
}

static struct ids users(struct call *call)
{
    struct group *group = call->task->group;
    return (struct ids){&group->uid, &group->euid, &group->suid};
}

static struct ids user_groups(struct call *call)
{
    struct group *group = call->task->group;
    return (struct ids){&group->gid, &group->egid, &group->sgid};
}

static int64_t ids_get(struct call *call, const struct ids *ids, arg_user real, arg_user effective,
                       arg_user saved)
{
    int64_t error = user_write(call->task, real, ids->real, sizeof(uint32_t));
    if (error == 0)
        error = user_write(call->task, effective, ids->effective, sizeof(uint32_t));
    return error != 0 ? error : user_write(call->task, saved, ids->saved, sizeof(uint32_t));
}

/* setuid: all three for the super-user, else the effective one. */
static int64_t id_set(struct call *call, const struct ids *ids, uint32_t id)
{
    bool super = call->task->group->euid == 0;
    if (id == KEEP)
        return -EINVAL;
    return super ? ids_set(call, ids, id, id, id) : ids_set(call, ids, KEEP, id, KEEP);
}

int64_t call_setuid(struct call *call, arg_uint id)
{
    const struct ids ids = users(call);
    return id_set(call, &ids, id);
}

int64_t call_setgid(struct call *call, arg_uint id)
{
    const struct ids ids = user_groups(call);
    return id_set(call, &ids, id);
}

int64_t call_setresuid(struct call *call, arg_uint real, arg_uint effective, arg_uint saved)
{
    const struct ids ids = users(call);
    return ids_set(call, &ids, real, effective, saved);
}

int64_t call_setresgid(struct call *call, arg_uint real, arg_uint effective, arg_uint saved)
{
    const struct ids ids = user_groups(call);
    return ids_set(call, &ids, real, effective, saved);
}

int64_t call_setreuid(struct call *call, arg_uint real, arg_uint effective)
{
    const struct ids ids = users(call);
    return ids_set(call, &ids, real, effective, effective);
}

int64_t call_setregid(struct call *call, arg_uint real, arg_uint effective)
{
    const struct ids ids = user_groups(call);
    return ids_set(call, &ids, real, effective, effective);
}

int64_t call_getresuid(struct call *call, arg_user real, arg_user effective, arg_user saved)
{
    const struct ids ids = users(call);
    return ids_get(call, &ids, real, effective, saved);
}

int64_t call_getresgid(struct call *call, arg_user real, arg_user effective, arg_user saved)
{
    const struct ids ids = user_groups(call);
    return ids_get(call, &ids, real, effective, saved);
}

/* No supplementary groups. */
int64_t call_getgroups(struct call *call, arg_int size, arg_user list)
{
    (void)call, (void)list;
    return size < 0 ? -EINVAL : 0;
}

int64_t call_setgroups(struct call *call, arg_size size, arg_user list)
{
    (void)list;
    if (call->task->group->euid != 0)
        return -EPERM;
    return size == 0 ? 0 : -EINVAL;
}
