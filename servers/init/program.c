/* Programs of the manifest (program.h). */
#include "program.h"
#include "rt/state.h"
#include "sys/print.h"
#include "sys/thread.h"

#define MS             UINT64_C(1000000)
#define BACK_OFF_FIRST (100 * MS)
#define BACK_OFF_MOST  (5000 * MS)
#define LIVED          (10000 * MS) /* who lived so long begins anew with the first back-off */

static error_t job_make(const struct entry *entry, slot_t *job)
{
    const struct state_job_basic state = {
        .memory_limit = entry->memory,
        .memory_reserved = entry->reserve,
        .wx = (entry->gives & GIVE_WX) != 0,
        .debug = (entry->gives & GIVE_CONSOLE) != 0,
    };
    const uint64_t fields = STATE_BIT(job, basic, memory_limit) | STATE_BIT(job, basic, wx) |
                            STATE_BIT(job, basic, debug) |
                            (entry->reserve != 0 ? STATE_BIT(job, basic, memory_reserved) : 0);
    slot_t own = root_slot(ROOT_SLOT_JOB);
    error_t error = tern_object_create(own, OBJECT_job, (slot_t){0}, 0, job);
    if (error != OK)
        return error;
    error = rt_set(sys_page, *job, STATE_job_basic, fields, &state, sizeof(state), own);
    if (error != OK)
        (void)tern_cap_delete(*job);
    return error;
}

static error_t gifts_give(struct system *system, struct program *program)
{
    const struct entry *entry = program->entry;
    struct rt_program *made = &program->made;
    error_t error = OK;
    if ((entry->gives & GIVE_ARCHIVE) != 0)
        error = rt_program_give(made, "archive", system->archive,
                                (rights_t){RIGHT_read | RIGHT_execute | RIGHT_map}, 0);
    if (error == OK && entry->device != 0)
        error = device_give(&program->device, made);
    if (error == OK && (entry->gives & GIVE_CPUS) != 0) {
        char text[24];
        (void)print_buffer(text, sizeof(text), "cpus %u", system->cpus);
        error = rt_program_arg(made, text);
    }
    for (uint32_t i = 0; error == OK && i < entry->arg_count; i++)
        error = rt_program_arg(made, entry->args[i]);
    return error;
}

/* The device that the program drives, which it keeps. */
static error_t device_have(struct program *program)
{
    const struct entry *entry = program->entry;
    if (entry->device == 0 || program->device.tree != NULL)
        return OK;
    error_t error = device_take(&program->device, entry->device);
    if (error == ERR_not_found)
        sys_print("init: this machine has no device for %s\n", entry->name);
    return error;
}

static error_t make(struct system *system, uint32_t which)
{
    struct program *program = &system->programs[which];
    struct rt_tar tar;
    rt_tar_open(&tar, system->archive_at, system->archive_size);
    error_t error = rt_tar_find(&tar, program->entry->file);
    if (error == OK)
        error = device_have(program);
    if (error == OK)
        error = job_make(program->entry, &program->job);
    if (error != OK)
        return error;
    error = rt_program_load(&program->made, program->job, tar.data, tar.data_size);
    if (error == OK)
        error = rt_program_locate(&program->made, system->port, which + 1);
    if (error == OK)
        error = gifts_give(system, program);
    if (error == OK)
        error = rt_program_start(&program->made, system->port, which + 1, sys_page);
    return error;
}

static void unmake(struct program *program)
{
    rt_program_forget(&program->made);
    if (program->job.value != 0) {
        (void)tern_object_kill(program->job);
        (void)tern_cap_delete(program->job);
    }
    program->job = (slot_t){0};
    if (program->device.tree != NULL)
        device_rest(&program->device);
}

static uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

error_t program_start(struct system *system, uint32_t which)
{
    struct program *program = &system->programs[which];
    error_t error = make(system, which);
    program->started = now();
    program->starts++;
    program->state = error == OK ? PROGRAM_RUNNING : PROGRAM_ENDED;
    if (error != OK)
        unmake(program);
    return error;
}

void program_ended(struct system *system, uint32_t which)
{
    struct program *program = &system->programs[which];
    uint64_t time = now();
    unmake(program);
    program->state = program->entry->restarts ? PROGRAM_RESTING : PROGRAM_ENDED;
    bool lived = time - program->started >= LIVED;
    uint64_t twice = 2 * program->back_off;
    program->back_off = lived || program->back_off == 0 ? BACK_OFF_FIRST
                        : twice < BACK_OFF_MOST         ? twice
                                                        : BACK_OFF_MOST;
    program->due = time + program->back_off;
}
