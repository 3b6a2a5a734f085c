/* Executing programs (exec.h). */
#include "exec.h"
#include "end.h"
#include "files.h"
#include "futex.h"
#include "group.h"
#include "node.h"
#include "path.h"
#include "signals.h"
#include "sys/call.h"
#include "user.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPTS_MOST 4   /* interpreters that are scripts themselves */
#define SCRIPT_LINE  256 /* bytes of "#! ..." that are looked at */

/* --- scripts --- */

/* The words of "#! INTERPRETER [ARGUMENT]"; false: it is none. The argument may have spaces. */
static bool script_parse(char *line, char **interpreter, char **argument)
{
    if (line[0] != '#' || line[1] != '!')
        return false;
    char *end = line + strcspn(line, "\n");
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    *interpreter = line + 2 + strspn(line + 2, " \t");
    *argument = *interpreter + strcspn(*interpreter, " \t");
    if (**argument != 0)
        *(*argument)++ = 0;
    *argument += strspn(*argument, " \t");
    return **interpreter != 0;
}

/* INTERPRETER [ARGUMENT] PATH and the rest of the arguments. */
static int64_t script_arguments(struct strings *arguments, const char *interpreter,
                                const char *argument, const char *path)
{
    struct strings all = {0};
    uint64_t first = arguments->count > 0 ? strlen(arguments->bytes) + 1 : 0;
    int64_t error = strings_add(&all, interpreter, strlen(interpreter));
    if (error == 0 && *argument != 0)
        error = strings_add(&all, argument, strlen(argument));
    if (error == 0)
        error = strings_add(&all, path, strlen(path));
    for (uint64_t at = first; error == 0 && at < arguments->used;) {
        uint64_t length = strlen(arguments->bytes + at);
        error = strings_add(&all, arguments->bytes + at, length);
        at += length + 1;
    }
    if (error != 0) {
        strings_free(&all);
        return error;
    }
    strings_free(arguments);
    *arguments = all;
    return 0;
}

/* Follows scripts to the program that is to be mapped. `path` has PATH_MAX bytes. */
static int64_t program_find(struct task *task, char *path, struct strings *arguments,
                            struct node **program)
{
    char line[SCRIPT_LINE + 1], *interpreter, *argument;
    for (unsigned scripts = 0; scripts <= SCRIPTS_MOST; scripts++) {
        int64_t error = path_open_program(task, path, program);
        if (error != 0)
            return error;
        int64_t size = node_read(*program, 0, line, SCRIPT_LINE);
        line[size > 0 ? size : 0] = 0;
        if (!script_parse(line, &interpreter, &argument))
            return 0;
        node_put(*program);
        error = script_arguments(arguments, interpreter, argument, path);
        if (error != 0)
            return error;
        strcpy(path, interpreter); /* shorter than SCRIPT_LINE */
    }
    return -ELOOP;
}

/* --- the change --- */

/* The other tasks of the group end, and this one has the group's number. */
static void group_become_one(struct worker *worker, struct task *task)
{
    struct list *at = task->group->tasks.next;
    while (at != &task->group->tasks) {
        struct task *other = CONTAINER_OF(at, struct task, in_group);
        at = at->next;
        if (other != task)
            task_end(worker, other);
    }
    task_renumber(task, task->group->pid);
}

static void name_set(struct task *task, const char *path)
{
    const char *last = strrchr(path, '/');
    memset(task->name, 0, sizeof(task->name));
    strncpy(task->name, last != NULL ? last + 1 : path, sizeof(task->name) - 1);
}

static void group_change(struct task *task, struct strings *arguments)
{
    struct group *group = task->group;
    free(group->command);
    group->command = arguments->bytes; /* taken over */
    group->command_size = (uint32_t)arguments->used;
    *arguments = (struct strings){0};
    if (group->actions->references > 1) {
        struct signal_actions *own = actions_make(group->actions);
        if (own != NULL) {
            actions_put(group->actions);
            group->actions = own;
        }
    }
    actions_reset(group->actions);
    group->executed = true;
    queue_wake(&group->own_exec);
}

/* From here on there is no way back: what was fails no more. */
static void take_over(struct worker *worker, struct task *task, struct image *image, slot_t thread,
                      const char *path, struct strings *arguments)
{
    struct mm *old = task->mm;
    group_become_one(worker, task);
    robust_list_end(task);
    task_thread_end(worker, task);
    task->thread = thread;
    task->mm = image->mm;
    task->clear_tid.va = 0;
    task->alt_stack = task->alt_size = 0;
    task->state = TASK_RUNNING;
    task->kicked = false;
    if (old != NULL)
        mm_put(old);
    name_set(task, path);
    files_close_on_exec(task->files);
    group_change(task, arguments);
}

static int64_t image_make(struct image *image, struct task *task, struct node *program,
                          const struct strings *arguments, const struct strings *environment,
                          const char *name)
{
    int64_t error = image_load(image, task, program);
    if (error == 0)
        error = image_stack(image, task, arguments, environment, name);
    return error;
}

int64_t exec_program(struct worker *worker, struct task *task, const char *path,
                     struct strings *arguments, struct strings *environment)
{
    char name[PATH_MAX];
    struct node *program;
    struct image image = {0};
    slot_t thread = {0};
    if (strlen(path) >= sizeof(name))
        return -ENAMETOOLONG;
    strcpy(name, path);
    int64_t error = program_find(task, name, arguments, &program);
    if (error != 0)
        return error;
    error = image_make(&image, task, program, arguments, environment, path);
    node_put(program);
    if (error == 0)
        error = task_thread_make(image.mm, &thread);
    if (error != 0) {
        if (image.mm != NULL)
            mm_put(image.mm);
        return error;
    }
    take_over(worker, task, &image, thread, path, arguments);
    if (task_thread_route(worker, task, thread) != 0 ||
        tern_thread_start(thread, (uaddr_t){image.entry}, (uaddr_t){image.stack}, 0) != OK)
        group_end(worker, task->group, STATUS_SIGNAL(SIGKILL));
    return 0;
}

/* --- the call --- */

/* A vector of pointers, ended by NULL, and what they point to. */
static int64_t strings_read(struct task *task, struct strings *strings, arg_user vector, char *room)
{
    for (uint64_t i = 0; vector.va != 0; i++) {
        uint64_t pointer;
        int64_t length = user_read(task, &pointer, (uaddr_t){vector.va + 8 * i}, sizeof(pointer));
        if (length != 0 || pointer == 0)
            return length;
        length = user_string(task, room, STRING_MOST, (uaddr_t){pointer});
        if (length < 0)
            return length == -ENAMETOOLONG ? -E2BIG : length;
        length = strings_add(strings, room, (uint64_t)length);
        if (length != 0)
            return length;
    }
    return 0;
}

int64_t call_execve(struct call *call, arg_user path_at, arg_user arguments_at,
                    arg_user environment_at)
{
    struct task *task = call->task;
    struct strings arguments = {0}, environment = {0};
    char path[PATH_MAX], *room = malloc(STRING_MOST);
    int64_t error = room == NULL ? -ENOMEM : user_string(task, path, sizeof(path), path_at);
    if (error >= 0)
        error = strings_read(task, &arguments, arguments_at, room);
    if (error == 0)
        error = strings_read(task, &environment, environment_at, room);
    if (error == 0 && arguments.count == 0)
        error = strings_add(&arguments, "", 0); /* as Linux since 5.18 */
    free(room);
    if (error == 0)
        error = exec_program(call->worker, task, path, &arguments, &environment);
    strings_free(&arguments);
    strings_free(&environment);
    return error == 0 ? DONE_ANSWERED : error;
}
