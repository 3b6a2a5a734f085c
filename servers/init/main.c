/*
 * init: the first process. It holds every first capability, starts what the manifest in the system
 * archive names, in the order of needs, and starts again what ends (decision 0020).
 *
 * It has one thread and one port. When a program ends that the manifest says so of, the system ends
 * with its value; init's own end is the system's.
 */
#include "device.h"
#include "lib/string.h"
#include "locator.h"
#include "program.h"
#include "rt/begin.h"
#include "rt/state.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include <space.h>

#define ARCHIVE_VA UINT64_C(0x100000000)

static struct system the_system;

static _Noreturn void give_up(const char *what, error_t error)
{
    sys_print("init: %s: %s\n", what, error_text(error));
    sys_exit(1);
}

/* The boot module, whole, to be read. */
static error_t archive_map(struct system *system)
{
    struct state_memory_basic state = {0};
    system->archive = root_slot(ROOT_SLOT_MODULE);
    error_t error = RT_GET(sys_page, system->archive, memory, basic, &state);
    if (error == OK)
        error = tern_space_map(root_slot(ROOT_SLOT_PROCESS), system->archive, 0,
                               (uaddr_t){ARCHIVE_VA}, state.size, SPACE_READ);
    system->archive_at = (const uint8_t *)ARCHIVE_VA;
    system->archive_size = state.size;
    return error;
}

static void manifest_load(struct system *system)
{
    static struct rt_tar tar;
    struct manifest *manifest = &system->manifest;
    rt_tar_open(&tar, system->archive_at, system->archive_size);
    error_t error = rt_tar_find(&tar, "tern/init.conf");
    if (error != OK)
        give_up("tern/init.conf of the system archive", error);
    error = manifest_read(manifest, (const char *)tar.data, tar.data_size);
    if (error != OK) {
        sys_print("init: tern/init.conf, line %u: %s\n", manifest->line, manifest->why);
        sys_exit(1);
    }
}

static void start(struct system *system, uint32_t which)
{
    const char *name = system->manifest.entries[which].name;
    error_t error = program_start(system, which);
    if (error != OK)
        sys_print("init: %s cannot be started: %s\n", name, error_text(error));
    if (error != OK && system->programs[which].entry->ends_system)
        sys_exit(1);
}

static void start_all(struct system *system)
{
    for (uint32_t i = 0; i < system->manifest.count; i++)
        system->programs[i].entry = &system->manifest.entries[i];
    for (uint32_t i = 0; i < system->manifest.count; i++)
        start(system, system->manifest.order[i]);
}

/* Starts those that have rested long enough; when to look again. */
static uint64_t start_rested(struct system *system)
{
    uint64_t time = 0, next = DEADLINE_NEVER;
    (void)tern_clock_read(&time);
    for (uint32_t i = 0; i < system->manifest.count; i++) {
        struct program *program = &system->programs[i];
        if (program->state == PROGRAM_RESTING && program->due <= time)
            start(system, i);
        if (program->state == PROGRAM_RESTING && program->due < next)
            next = program->due;
    }
    return next;
}

static void take_end(struct system *system, uint32_t which, const struct message *message)
{
    const struct entry *entry = system->programs[which].entry;
    bool fine = message->word[0] == EXIT_exited && message->word[1] == 0;
    if (!fine && !entry->ends_system)
        sys_print("init: %s ended: reason %lu, value %lu\n", entry->name,
                  (unsigned long)message->word[0], (unsigned long)message->word[1]);
    locator_forget(which);
    program_ended(system, which);
    if (entry->ends_system)
        sys_exit(message->word[0] == EXIT_exited ? message->word[1] : 1);
}

/* A fault ends the program: its end is told by the death of its first thread. */
static void take_fault(struct system *system, uint32_t which, const struct message *message)
{
    struct program *program = &system->programs[which];
    sys_print("init: %s: fault %lu at 0x%lx by 0x%lx\n", program->entry->name,
              (unsigned long)message->word[0], (unsigned long)message->word[1],
              (unsigned long)message->word[3]);
    (void)tern_object_kill(program->job);
}

/* What comes of the programs: their ends and faults, and calls of the locator. */
static void take(struct system *system, struct message *message, slot_t *reply)
{
    uint32_t which = (uint32_t)message->badge - 1;
    bool runs = which < system->manifest.count && system->programs[which].state == PROGRAM_RUNNING;
    if (runs && message->kind == MESSAGE_exit) {
        take_end(system, which, message);
    } else if (runs && (message->kind == MESSAGE_fault || message->kind == MESSAGE_no_memory)) {
        take_fault(system, which, message);
    } else if (runs && message->kind == MESSAGE_call) {
        locator_take(system, which, message, reply);
    } else if (message->kind == MESSAGE_call) {
        struct message denied = {.word = {ERR_denied}};
        (void)tern_port_reply(*reply, &denied);
    }
}

/* "machine cpus N" among the lines; 1 if it is not. */
static uint32_t cpus_told(const char *lines)
{
    static const char word[] = "machine cpus ";
    for (const char *at = lines; *at != 0;) {
        if (strncmp(at, word, strlen(word)) == 0) {
            uint32_t count = 0;
            for (at += strlen(word); *at >= '0' && *at <= '9'; at++)
                count = count * 10 + (uint32_t)(*at - '0');
            return count;
        }
        const char *end = strchr(at, '\n');
        at = end != NULL ? end + 1 : at + strlen(at);
    }
    return 1;
}

int main(void)
{
    struct system *system = &the_system;
    struct message message = {0};
    slot_t reply;
    const char *machine = (const char *)sys_page + strlen(sys_page) + 1;
    (void)rt_begin();
    system->cpus = cpus_told(machine);
    devices_find(machine);
    error_t error = archive_map(system);
    if (error != OK)
        give_up("no system archive behind the root program", error);
    manifest_load(system);
    if (sys_port_create(PORT_DEPTH_MAX, &system->port) != OK || sys_reply_create(&reply) != OK)
        give_up("a port", ERR_no_memory);
    start_all(system);
    for (;;) {
        uint64_t next = start_rested(system);
        locator_settle(system);
        error = tern_port_receive(system->port, reply, &message, next);
        if (error == OK)
            take(system, &message, &reply);
    }
}
