/*
 * The Linux personality: one server per job (decision 0021).
 *
 * It is given the system archive, of which `root/` becomes the tree of files and `tern/request`
 * says what to run; an argument `cpus N` says how many workers serve. When the first program ends,
 * so does the server, with wait4's status as its value.
 */
#include "clock.h"
#include "dev.h"
#include "dispatch.h"
#include "end.h"
#include "exec.h"
#include "files.h"
#include "fs.h"
#include "group.h"
#include "node.h"
#include "path.h"
#include "proc.h"
#include "random.h"
#include "request.h"
#include "rt/begin.h"
#include "rt/state.h"
#include "rt/tar.h"
#include "signals.h"
#include "socket.h"
#include "store.h"
#include "streams.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "tmpfs.h"
#include "tree.h"
#include "worker.h"
#include <fcntl.h>
#include <space.h>
#include <stdatomic.h>
#include <string.h>

#define MISSING_MOST 64
#define SERVER_PART  8  /* of the budget */
#define QUEUES_PART  32 /* of the budget: messages of sockets may take so much of the server's */
#define TASK_PART    (512 * KIB) /* of the programs' memory for each task that there can be */
#define ARCHIVE_VA   UINT64_C(0x200000000000)

static slot_t archive;
static uint64_t archive_size;
static struct request request;

static _Noreturn void give_up(const char *what, int64_t error)
{
    sys_print("linux: %s: error %ld\n", what, (long)-error);
    sys_exit((uint64_t)STATUS_EXIT(125));
}

static void need(const char *what, int64_t error)
{
    if (error != 0)
        give_up(what, error);
}

static void archive_map(void)
{
    struct state_memory_basic state;
    archive = rt_cap("archive");
    error_t error = RT_GET(sys_page, archive, memory, basic, &state);
    if (error == OK)
        error = tern_space_map(root_slot(ROOT_SLOT_PROCESS), archive, 0, (uaddr_t){ARCHIVE_VA},
                               state.size, SPACE_READ);
    need("the system archive", error_number(error));
    archive_size = state.size;
}

/* A file of the archive itself; NULL: it is not there. */
static const char *archive_find(const char *name, uint64_t *size)
{
    static struct rt_tar tar;
    rt_tar_open(&tar, (const void *)ARCHIVE_VA, archive_size);
    if (rt_tar_find(&tar, name) != OK)
        return NULL;
    *size = tar.data_size;
    return (const char *)tar.data;
}

static void request_take(void)
{
    uint64_t size = 0;
    const char *seed = archive_find("tern/seed", &size);
    if (seed != NULL)
        random_seed(seed, size);
    const char *bytes = archive_find("tern/request", &size);
    need("tern/request of the archive",
         bytes != NULL ? request_read(&request, bytes, size) : -ENOENT);
    if (request.time != 0)
        clock_real_set(request.time);
}

/* What programs use up is not the server's: a part of the budget is its own. They may map what they
 * write executable (JITs); none of them may use the kernel's console. */
static void programs_allow(void)
{
    struct state_job_basic own;
    need("the server's job", error_number(RT_GET(sys_page, server_job, job, basic, &own)));
    const struct state_job_basic state = {
        .wx = 1, .memory_limit = own.memory_limit - own.memory_limit / SERVER_PART};
    uint64_t tasks = state.memory_limit / TASK_PART;
    tasks_most = (uint32_t)(tasks < tasks_most ? tasks : tasks_most);
    tmpfs_limit(state.memory_limit / 2);
    packets_limit(own.memory_limit / QUEUES_PART);
    error_t error = rt_set(sys_page, programs_job, STATE_job_basic,
                           STATE_BIT(job, basic, wx) | STATE_BIT(job, basic, debug) |
                               STATE_BIT(job, basic, memory_limit),
                           &state, sizeof(state), (slot_t){0});
    need("the programs' job", error_number(error));
}

static void tree_make(void)
{
    store_start(programs_job);
    need("the tree of files", tree_start(archive, (const void *)ARCHIVE_VA, archive_size));
    need("/dev", dev_start());
    need("/proc", proc_start());
}

/* What programs asked for and did not get, if the request wants to know. */
static void missing_tell(void)
{
    uint64_t numbers[MISSING_MOST], counts[MISSING_MOST];
    uint32_t count = request.missing ? missing_list(numbers, counts, MISSING_MOST) : 0;
    for (uint32_t i = 0; i < count; i++)
        streams_tell("missing call-%lu %lu", (unsigned long)numbers[i], (unsigned long)counts[i]);
}

/* --- the first program --- */

static _Atomic(uint32_t) end_status; /* + 1; 0: the first program runs */

static void ended(int32_t status)
{
    uint64_t woken;
    atomic_store(&end_status, (uint32_t)status + 1);
    (void)tern_word_wake((uaddr_t){(uintptr_t)&end_status}, 1, &woken);
}

static uint32_t end_await(void)
{
    uint32_t status;
    while ((status = atomic_load(&end_status)) == 0)
        (void)tern_word_wait((uaddr_t){(uintptr_t)&end_status}, 0, DEADLINE_NEVER);
    return status - 1;
}

/* All output goes first, then how it ended. */
static _Noreturn void end(uint32_t status)
{
    server_lock(); /* no program runs a call any more */
    streams_drain();
    missing_tell();
    if ((status & 0x7f) != 0)
        streams_tell("signal %u", status & 0x7f);
    else
        streams_tell("exit %u", status >> 8);
    streams_drain();
    sys_exit(status);
}

static struct task *first_make(void)
{
    struct group *group = group_make(NULL);
    struct task *task = group != NULL ? task_make(group, group->pid) : NULL;
    if (task == NULL)
        return NULL;
    group->actions = actions_make(NULL);
    task->files = files_make();
    task->fs = fs_make();
    return group->actions != NULL && task->files != NULL && task->fs != NULL ? task : NULL;
}

/* As a shell does: by PATH if the name has no slash. */
static int64_t program_run(struct worker *worker, struct task *task, const char *name)
{
    static const char *const folders[] = {"/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"};
    char path[PATH_SIZE];
    int64_t error = -ENOENT;
    if (strchr(name, '/') != NULL)
        return exec_program(worker, task, name, &request.arguments, &request.environment);
    for (unsigned i = 0; i < COUNT_OF(folders) && error == -ENOENT; i++) {
        (void)print_buffer(path, sizeof(path), "%s%s", folders[i], name);
        error = exec_program(worker, task, path, &request.arguments, &request.environment);
    }
    return error;
}

static void folder_enter(struct task *task)
{
    struct walk walk;
    if (request.folder == NULL)
        return;
    int64_t error = walk_text(&walk, task, AT_FDCWD, request.folder, WALK_FOLLOW);
    if (error == 0 && !node_is(walk.node, S_IFDIR))
        error = -ENOTDIR;
    need("the working folder", error);
    node_put(task->fs->cwd);
    task->fs->cwd = node_get(walk.node);
    walk_end(&walk);
}

static void first_start(struct worker *worker)
{
    char name[PATH_SIZE];
    struct task *task = first_make();
    need("the first task", task != NULL ? 0 : -ENOMEM);
    need("its files",
         streams_standard(task->files, task->group, request.tty, request.rows, request.columns));
    folder_enter(task);
    first_ended = ended;
    if (!string_copy(name, sizeof(name), request.arguments.bytes))
        give_up("the program's name", -ENAMETOOLONG);
    int64_t error = program_run(worker, task, name);
    if (error == 0)
        return;
    sys_print("linux: %s: error %ld\n", name, (long)-error);
    streams_tell("error %u %s: %s", error == -ENOENT ? 127 : 126, name, strerror((int)-error));
    streams_drain();
    sys_exit((uint64_t)STATUS_EXIT(error == -ENOENT ? 127 : 126));
}

static unsigned cpus(void)
{
    uint64_t count = 1;
    const char *word = rt_arg(0);
    if (word != NULL && strncmp(word, "cpus ", 5) == 0)
        (void)parse_u64(word + 5, &count);
    return count >= 1 && count <= 64 ? (unsigned)count : 1;
}

int main(void)
{
    static struct worker starter;
    (void)rt_begin();
    need("workers", workers_prepare());
    programs_allow();
    archive_map();
    request_take();
    tree_make();
    need("streams", streams_prepare());
    starter.page = sys_page;
    server_lock();
    first_start(&starter);
    server_unlock();
    workers_start(cpus());
    end(end_await());
}
