/* Sessions and their terminals (tty_session.h, group.h). */
#include "tty_session.h"
#include "group.h"
#include "lib/types.h"
#include "signals.h"
#include "tty.h"
#include "user.h"

static struct group *group_at(struct list *node)
{
    return CONTAINER_OF(node, struct group, in_all);
}

void tty_control(struct tty *tty, struct group *group)
{
    tty->session = group->sid;
    tty->foreground = group->pgid;
    group->tty = tty;
}

/* No process has it as its controlling one any more. */
static void tty_release(struct tty *tty)
{
    LIST_EACH(node, &groups)
    {
        if (group_at(node)->tty == tty)
            group_at(node)->tty = NULL;
    }
    tty->session = tty->foreground = 0;
}

void session_signal(const struct tty *tty, int number)
{
    if (tty->foreground != 0)
        signal_group(tty->foreground, number);
}

static void foreground_hangup(const struct tty *tty)
{
    session_signal(tty, SIGHUP);
    session_signal(tty, SIGCONT);
}

void session_hangup(struct tty *tty)
{
    struct group *leader = tty->session != 0 ? group_find(tty->session) : NULL;
    foreground_hangup(tty);
    if (leader != NULL && leader->pgid != tty->foreground) {
        signal_process(leader, SIGHUP);
        signal_process(leader, SIGCONT);
    }
    tty_release(tty);
}

void session_leave(struct group *group)
{
    struct tty *tty = group->tty;
    if (tty == NULL || group->pid != group->sid || tty->session != group->sid)
        return;
    foreground_hangup(tty);
    tty_release(tty);
}

/* --- job control --- */

/* Whether no member has a parent in another process group of its session (POSIX 3.264). */
static bool group_orphaned(uint32_t pgid)
{
    LIST_EACH(node, &groups)
    {
        const struct group *group = group_at(node), *parent = group->parent;
        if (group->pgid == pgid && !group->zombie && parent != NULL && parent->pgid != pgid &&
            parent->sid == group->sid)
            return false;
    }
    return true;
}

static bool signal_passes(const struct task *task, int number)
{
    uint64_t handler = task->group->actions->action[number].handler;
    return (task->blocked & SIGNAL_BIT(number)) != 0 || handler == (uintptr_t)SIG_IGN;
}

int64_t tty_allows(struct call *call, const struct tty *tty, int number)
{
    const struct group *group = call->task->group;
    if (group->tty != tty || group->pgid == tty->foreground || tty->foreground == 0)
        return 0;
    if (signal_passes(call->task, number))
        return number == SIGTTIN ? -EIO : 0;
    if (group_orphaned(group->pgid))
        return -EIO;
    signal_group(group->pgid, number);
    return RESTART_ALWAYS;
}

/* --- ioctls --- */

int64_t session_take(struct call *call, struct tty *tty, bool steal)
{
    struct group *group = call->task->group;
    if (group->tty == tty && tty->session == group->sid)
        return 0;
    if (group->pid != group->sid || group->tty != NULL)
        return -EPERM;
    if (tty->session != 0) {
        if (!steal || group->euid != 0)
            return -EPERM;
        tty_release(tty);
    }
    tty_control(tty, group);
    return 0;
}

int64_t session_give_up(struct call *call, struct tty *tty)
{
    struct group *group = call->task->group;
    if (group->tty != tty)
        return -ENOTTY;
    if (group->pid == group->sid)
        session_leave(group);
    group->tty = NULL;
    return 0;
}

int64_t session_foreground(struct call *call, const struct tty *tty, uaddr_t at)
{
    int32_t pgid = (int32_t)tty->foreground;
    if (call->task->group->tty != tty)
        return -ENOTTY;
    return user_write(call->task, at, &pgid, sizeof(pgid));
}

/* Whether there is such a process group in the session. */
static bool group_there(uint32_t pgid, uint32_t sid, bool *elsewhere)
{
    *elsewhere = false;
    LIST_EACH(node, &groups)
    {
        const struct group *group = group_at(node);
        if (group->pgid == pgid && group->sid == sid)
            return true;
        *elsewhere |= group->pgid == pgid;
    }
    return false;
}

int64_t session_foreground_set(struct call *call, struct tty *tty, uaddr_t at)
{
    const struct group *group = call->task->group;
    uint32_t pgid;
    bool elsewhere;
    if (group->tty != tty || tty->session != group->sid)
        return -ENOTTY;
    int64_t result = tty_allows(call, tty, SIGTTOU);
    if (result == 0)
        result = user_word(call->task, at, &pgid);
    if (result != 0)
        return result;
    if ((int32_t)pgid <= 0)
        return -EINVAL;
    if (!group_there(pgid, group->sid, &elsewhere))
        return elsewhere ? -EPERM : -ESRCH;
    tty->foreground = pgid;
    return 0;
}

int64_t session_number(struct call *call, const struct tty *tty, uaddr_t at)
{
    int32_t sid = (int32_t)tty->session;
    if (call->task->group->tty != tty)
        return -ENOTTY;
    return user_write(call->task, at, &sid, sizeof(sid));
}
