/* Programs and their calls (fake.h). */
#include "fake.h"
#include "clock.h"
#include "deadline.h"
#include "dev.h"
#include "mm.h"
#include "proc.h"
#include "random.h"
#include "signals.h"
#include "system.h"
#include "tree.h"
#include "user.h"
#include <stdlib.h>

struct list groups = LIST_INIT(groups);
static uint32_t pid_next = 1;
static struct list ready = LIST_INIT(ready);

/* --- the table of calls --- */

#define ARG_int(n)  (arg_int) call->arg[n]
#define ARG_uint(n) (arg_uint) call->arg[n]
#define ARG_long(n) (arg_long) call->arg[n]
#define ARG_size(n) (arg_size) call->arg[n]
#define ARG_user(n)                                                                                \
    (arg_user)                                                                                     \
    {                                                                                              \
        call->arg[n]                                                                               \
    }
#define GIVE(...) PICK(0 __VA_OPT__(, ) __VA_ARGS__, G6, G5, G4, G3, G2, G1, G0)(__VA_ARGS__)
#define G0()
#define G1(a)                , ARG_##a(0)
#define G2(a, b)             G1(a), ARG_##b(1)
#define G3(a, b, c)          G2(a, b), ARG_##c(2)
#define G4(a, b, c, d)       G3(a, b, c), ARG_##d(3)
#define G5(a, b, c, d, e)    G4(a, b, c, d), ARG_##e(4)
#define G6(a, b, c, d, e, f) G5(a, b, c, d, e), ARG_##f(5)

#define CALL(name, first, second, ...)                                                              \
    static int64_t run_##name(struct call *call)                                                   \
    {                                                                                              \
        return call_##name(call GIVE(__VA_ARGS__));                                                \
    }
#include "call_file.def"
#undef CALL

static int64_t (*const handlers[LINUX_CALLS])(struct call *call) = {
#define CALL(name, ...) [LINUX_##name] = run_##name,
#include "call_file.def"
#undef CALL
};

static struct program *program_of(struct task *task)
{
    return CONTAINER_OF(task, struct program, task);
}

static int64_t run(struct program *program)
{
    struct task *task = &program->task;
    program->result = handlers[task->call.number](&task->call);
    task->state = program->result == WAIT ? TASK_WAITING : TASK_RUNNING;
    if (program->result != WAIT) {
        wait_leave(task);
        task->pending = 0; /* it was told of it */
    }
    return program->result;
}

int64_t fake_call(struct program *program, enum linux_call number, const uint64_t *args)
{
    struct task *task = &program->task;
    REQUIRE(task->state == TASK_RUNNING);
    memset(task->progress, 0, sizeof(task->progress));
    task->deadline = DEADLINE_NEVER;
    task->call = (struct call){.task = task, .number = number};
    memcpy(task->call.arg, args, sizeof(task->call.arg));
    return run(program);
}

bool fake_waits(const struct program *program)
{
    return program->task.state == TASK_WAITING;
}

void fake_run(void)
{
    while (!list_empty(&ready)) {
        struct task *task = CONTAINER_OF(ready.next, struct task, in_ready);
        list_remove(&task->in_ready);
        task->call.again = true;
        (void)run(program_of(task));
    }
}

int64_t fake_result(struct program *program)
{
    fake_run();
    return fake_waits(program) ? WAIT : program->result;
}

/* --- waits (wait.c is the real one) --- */

void task_ready(struct task *task)
{
    task->state = TASK_READY;
    list_add_last(&ready, &task->in_ready);
}

/* Deadlines pass by fake_pass. */
bool deadline_set(struct task *task)
{
    (void)task;
    return true;
}

void deadline_cancel(struct task *task)
{
    (void)task;
}

bool signal_waits(const struct task *task)
{
    return task->pending != 0;
}

void wait_for(struct call *call, uint64_t nanoseconds)
{
    wait_until(call, fake_now + nanoseconds);
}

int64_t wait_for_timespec(struct call *call, uaddr_t at)
{
    struct timespec time;
    int64_t result = user_read(call->task, &time, at, sizeof(time));
    if (result == 0)
        wait_for(call, (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec);
    return result;
}

void fake_interrupt(struct program *program)
{
    REQUIRE(fake_waits(program));
    program->task.pending = 1;
    wait_leave(&program->task);
    task_ready(&program->task);
    fake_run();
}

void fake_pass(uint64_t nanoseconds)
{
    fake_now += nanoseconds;
    LIST_EACH(node, &groups)
    {
        struct group *group = CONTAINER_OF(node, struct group, in_all);
        struct task *task = &CONTAINER_OF(group, struct program, group)->task;
        if (task->state == TASK_WAITING && task->deadline <= fake_now) {
            wait_leave(task);
            task_ready(task);
        }
    }
    fake_run();
}

/* --- programs --- */

static struct program *program_new(void)
{
    struct program *program = calloc(1, sizeof(*program));
    struct task *task = &program->task;
    program->group.pid = task->tid = pid_next++;
    program->group.actions = calloc(1, sizeof(struct signal_actions));
    task->group = &program->group;
    list_init(&program->group.tasks);
    program->group.task_count = 1;
    task->mm = calloc(1, sizeof(struct mm));
    list_add_last(&program->group.tasks, &task->in_group);
    list_init(&task->waiters);
    list_add_last(&groups, &program->group.in_all);
    return program;
}

struct program *fake_program(uint32_t uid)
{
    struct program *program = program_new();
    program->group.pgid = program->group.sid = program->group.pid;
    program->group.uid = program->group.euid = uid;
    program->group.gid = program->group.egid = uid;
    program->task.files = files_make();
    program->task.fs = fs_make();
    strcpy(program->task.name, "program");
    return program;
}

struct program *fake_fork(struct program *parent)
{
    struct program *program = program_new();
    uint32_t pid = program->group.pid;
    struct group *from = &parent->group, *to = &program->group;
    to->pgid = from->pgid;
    to->sid = from->sid;
    to->tty = from->tty;
    to->parent = from;
    to->uid = from->uid, to->euid = from->euid, to->gid = from->gid, to->egid = from->egid;
    program->task.files = files_clone(parent->task.files);
    program->task.fs = fs_clone(parent->task.fs);
    strcpy(program->task.name, parent->task.name);
    REQUIRE(to->pid == pid);
    return program;
}

void fake_end(struct program *program)
{
    struct task *task = &program->task;
    wait_leave(task);
    file_put(task->opening);
    files_put(task->files);
    fs_put(task->fs);
    list_remove(&program->group.in_all);
    free(program->group.actions);
    free(task->mm);
    free(program);
}

struct program *fake_start(void)
{
    random_seed("a secret of the test", 20);
    REQUIRE(tree_folder("tmp") != NULL && tree_folder("dev") != NULL);
    tree_folder("tmp")->mode = S_IFDIR | S_ISVTX | 0777;
    REQUIRE(dev_start() == 0 && proc_start() == 0);
    return fake_program(0);
}

/* --- signals --- */

void signal_task(struct task *task, int number)
{
    program_of(task)->signals |= UINT64_C(1) << number;
}

void signal_process(struct group *group, int number)
{
    CONTAINER_OF(group, struct program, group)->signals |= UINT64_C(1) << number;
}

struct group *group_find(uint32_t pid)
{
    LIST_EACH(node, &groups)
    {
        struct group *group = CONTAINER_OF(node, struct group, in_all);
        if (group->pid == pid)
            return group;
    }
    return NULL;
}

void signal_group(uint32_t pgid, int number)
{
    LIST_EACH(node, &groups)
    {
        struct group *group = CONTAINER_OF(node, struct group, in_all);
        if (group->pgid == pgid)
            CONTAINER_OF(group, struct program, group)->signals |= UINT64_C(1) << number;
    }
}

/* --- what only the kernel knows --- */

uint64_t proc_cpu(const struct call *call, const struct group *group)
{
    (void)call, (void)group;
    return 1230000000;
}

uint64_t proc_mapped(const struct group *group)
{
    (void)group;
    return 4096 * 100;
}

void proc_maps(struct proc_text *text, struct call *call, struct group *group)
{
    (void)call, (void)group;
    proc_add(text, "00001000-00002000 r--p 00000000 00:00 0\n");
}

unsigned workers_count(void); /* worker.h */
unsigned workers_count(void)
{
    return 2;
}

const char *system_host_name(void)
{
    return "tern";
}
