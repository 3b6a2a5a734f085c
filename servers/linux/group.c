/* Linux processes (group.h). */
#include "group.h"
#include "signals.h"
#include "worker.h"
#include <stdlib.h>

struct list groups = LIST_INIT(groups);

/* By number, as their first tasks; a group stays findable when that task has ended. */
static struct group *by_pid[TID_MAX];

struct group *group_find(uint32_t pid)
{
    return pid < TID_MAX ? by_pid[pid] : NULL;
}

/* What a child has of its parent besides its place. */
static void inherit(struct group *group, const struct group *parent)
{
    group->pgid = parent->pgid;
    group->sid = parent->sid;
    group->tty = parent->tty;
    group->uid = parent->uid;
    group->gid = parent->gid;
    group->euid = parent->euid;
    group->egid = parent->egid;
    group->suid = parent->suid;
    group->sgid = parent->sgid;
}

struct group *group_make(struct group *parent)
{
    struct group *group = calloc(1, sizeof(*group));
    struct signal_info *infos = calloc(SIGNALS + 1, sizeof(*infos));
    uint32_t pid = group != NULL && infos != NULL ? number_take() : 0;
    if (pid == 0) {
        free(group);
        free(infos);
        return NULL;
    }
    group->infos = infos;
    group->pid = group->pgid = group->sid = pid;
    group->parent = parent;
    group->exit_signal = SIGCHLD;
    group->started = now();
    list_init(&group->children);
    list_init(&group->among_children);
    list_init(&group->tasks);
    queue_init(&group->child_end);
    queue_init(&group->own_exec);
    queue_init(&group->go_on);
    if (parent != NULL) {
        inherit(group, parent);
        list_add_last(&parent->children, &group->among_children);
    }
    number_keep(group->pgid);
    number_keep(group->sid);
    list_add_last(&groups, &group->in_all);
    by_pid[pid] = group;
    return group;
}

void group_move(struct group *group, uint32_t pgid, uint32_t sid)
{
    number_keep(pgid);
    number_keep(sid);
    number_drop(group->pgid);
    number_drop(group->sid);
    group->pgid = pgid;
    group->sid = sid;
}

void group_free(struct group *group)
{
    list_remove(&group->among_children);
    list_remove(&group->in_all);
    by_pid[group->pid] = NULL;
    number_drop(group->pid);
    number_drop(group->pgid);
    number_drop(group->sid);
    if (group->actions != NULL)
        actions_put(group->actions);
    free(group->command);
    free(group->infos);
    free(group);
}
