/* The root program (root.h). */
#include "boot/root.h"
#include "arch/cpu.h"
#include "boot/boot_info.h"
#include "boot/machine.h"
#include "boot/power.h"
#include "cap/slot.h"
#include "lib/assert.h"
#include "lib/elf.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/mapping.h"
#include "mem/memory.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "obj/process.h"
#include "obj/thread.h"
#include "sched/cpu.h"
#include "sched/sched.h"
#include "syscall/restart.h"
#include "trace/log.h"
#include <root.h>

static struct thread *root_thread; /* its address only, once it has ended */
static _Atomic(bool) root_running;

static const struct boot_module *module_find(const char *name)
{
    const struct boot_info *info = &the_boot_info;
    for (uint32_t i = 0; i < info->module_count; i++)
        if (strcmp(info->modules[i].name, name) == 0)
            return &info->modules[i];
    return NULL;
}

/* Zero-filled memory at `va`, with `size` bytes of `data` in the beginning. */
static error_t map_data(struct process *process, uint64_t va, uint64_t bytes, uint64_t skip,
                        const void *data, uint64_t size, uint32_t access)
{
    struct memory *memory;
    uint64_t done;
    struct page_request request;
    error_t error = memory_create(process->job, bytes, &memory);
    if (error != OK)
        return error;
    for (uint64_t at = 0; error == OK && at < size; at += done)
        error =
            memory_write(memory, skip + at, (const char *)data + at, size - at, &request, &done);
    if (error == OK)
        error = space_map(&process->space, memory, 0, (uaddr_t){va}, bytes, access);
    object_put(&memory->object); /* the mapping keeps it */
    return error;
}

static error_t segment_load(struct process *process, const struct elf_segment *segment,
                            const char *file)
{
    uint64_t va = align_down(segment->va, PAGE_SIZE), end = segment->va + segment->size;
    if (end > SPACE_END || va < SPACE_START)
        return ERR_bad_address;
    uint32_t access = (segment->read ? SPACE_READ : 0) | (segment->write ? SPACE_WRITE : 0) |
                      (segment->execute ? SPACE_EXECUTE : 0);
    return map_data(process, va, align_up(end, PAGE_SIZE) - va, segment->va - va,
                    file + segment->offset, segment->file_size, access);
}

static error_t program_load(struct process *process, const struct elf_program *program,
                            const char *file)
{
    if (program->dynamic)
        return ERR_unsupported;
    for (uint32_t i = 0; i < program->segment_count; i++) {
        error_t error = segment_load(process, &program->segments[i], file);
        if (error != OK)
            return error;
    }
    return map_data(process, ROOT_STACK_TOP - ROOT_STACK, ROOT_STACK, 0, NULL, 0,
                    SPACE_READ | SPACE_WRITE);
}

static error_t cap_give(struct process *process, uint32_t where, struct object *object)
{
    struct slot *slot;
    error_t error = slot_reserve_at(&process->table, root_slot((enum root_slot)where), &slot);
    if (error == OK)
        cap_make(slot, object, (rights_t){RIGHTS_ALL}, 0);
    return error;
}

static error_t module_give(struct process *process, uint32_t where, phys_t base, uint64_t size)
{
    struct memory *memory;
    error_t error =
        memory_create_physical(process->job, base, align_up(size, PAGE_SIZE), 0, &memory);
    if (error != OK)
        return error;
    error = cap_give(process, where, &memory->object);
    object_put(&memory->object);
    return error;
}

/* What stands behind the root program in its own module, from the next page on; then the others. */
static error_t modules_give(struct process *process, const struct boot_module *root, uint64_t end)
{
    uint32_t where = ROOT_SLOT_MODULE;
    assert(end <= root->size);
    error_t error = OK;
    end = align_up(end, PAGE_SIZE);
    if (end < root->size)
        error = module_give(process, where++, PHYS(root->base.pa + end), root->size - end);
    const struct boot_module *module = the_boot_info.modules;
    for (; error == OK && module < the_boot_info.modules + the_boot_info.module_count; module++)
        if (module != root)
            error = module_give(process, where++, module->base, module->size);
    return error;
}

static error_t caps_give(struct process *process)
{
    error_t error = cap_give(process, ROOT_SLOT_PROCESS, &process->object);
    if (error == OK)
        error = cap_give(process, ROOT_SLOT_THREAD, &root_thread->object);
    if (error == OK)
        error = cap_give(process, ROOT_SLOT_JOB, &job_root->object);
    return error;
}

/* The command line, then what is known of the machine. */
static void page_fill(char *page)
{
    const struct machine *m = &the_machine;
    size_t used = strlen(the_boot_info.command_line) + 1;
    memcpy(page, the_boot_info.command_line, used);
    struct text text = text_in(page + used, MESSAGE_PAGE - used);
    text_add(&text, "machine cpus %u\n", cpu_online_count());
    for (uint32_t i = 0; i < m->pcie_count; i++)
        text_add(&text, "machine pcie 0x%lx %u %lu 0x%lx 0x%lx\n", m->pcie[i].base.pa,
                 m->pcie_first[i], m->pcie_first[i] + m->pcie[i].size / MIB - 1,
                 m->pcie_memory[i].base.pa, m->pcie_memory[i].size);
}

static error_t thread_make(struct process *process)
{
    error_t error = thread_create(process, (uaddr_t){ROOT_PAGE}, &root_thread);
    if (error != OK)
        return error;
    object_put(&root_thread->object); /* nobody can end it yet */
    page_fill(root_thread->page);
    return OK;
}

static error_t root_load(void)
{
    const struct boot_module *module = module_find("root");
    if (module == NULL && the_boot_info.module_count == 1)
        module = &the_boot_info.modules[0];
    if (module == NULL)
        return ERR_not_found;
    struct elf_program program;
    struct process *process;
    const char *file = phys_to_virt(module->base);
    error_t error = elf_read(file, module->size, arch_elf_machine, &program);
    if (error == OK)
        error = process_create(job_root, &process);
    if (error != OK)
        return error;
    object_put(&process->object); /* its job's list has it */
    error = program_load(process, &program, file);
    if (error == OK)
        error = thread_make(process);
    if (error == OK)
        error = caps_give(process);
    if (error == OK)
        error = modules_give(process, module, program.file_end);
    atomic_store(&root_running, error == OK);
    if (error == OK)
        error = thread_start(root_thread, (uaddr_t){program.entry}, (uaddr_t){ROOT_STACK_TOP},
                             ROOT_PAGE);
    if (error != OK)
        process_kill(process);
    return error;
}

/* Without one there is the monitor alone. */
void root_start(void)
{
    error_t error = job_root == NULL ? job_create(NULL, &job_root) : OK;
    if (error == OK)
        error = root_load();
    if (error == ERR_not_found)
        log_info("root", "no boot module named \"root\": no program runs");
    else if (error != OK)
        log_error("root", "the root program cannot be started: %s", error_text(error));
}

bool root_runs(void)
{
    return atomic_load(&root_running);
}

void root_ended(const struct thread *thread)
{
    if (thread != root_thread)
        return;
    atomic_store(&root_running, false);
    sched_poke(&boot_cpu); /* whose monitor may wait for that */
    bool fine = thread->exit_reason == EXIT_exited && thread->exit_value == 0;
    log_info("root", "the root program ended: reason %u, value 0x%lx",
             (uint32_t)thread->exit_reason, thread->exit_value);
    char way[8];
    if (restart_mode())
        restart_report();
    if (boot_option(&the_boot_info, "exit", way, sizeof(way)) && strcmp(way, "debug") == 0)
        power_off(fine ? 0 : 1);
}
