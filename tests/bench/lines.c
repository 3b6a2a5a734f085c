/*
 * A QEMU plugin that finds the cache lines that several CPUs use and at least one writes, in
 * windows that a program of the guest opens: for tests/bench/grow.py.
 *
 * Arguments: begin=VA, end=VA: instructions of the program at which the CPU that executes them
 * opens and closes its window. What a CPU reads and writes in its window, user's and kernel's, is
 * noted by physical line, whenever the windows are: a line that is written in one and used in
 * another is shared. Devices' registers are left out, and what the CPU itself does: page walks,
 * frames of exceptions.
 *
 * At the end a line `WINDOW cpu lines stores` for each, and for each CPU that writes one that is
 * shared `SHARED line va pc stores cpu other va pc stores`, with an example of either side.
 */
#include "plugin.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

PLUGIN_EXPORT int qemu_plugin_version = 1;

#define CPUS       64
#define LINE_SHIFT 6
#define LINES      (1u << 16)

struct line {
    uint64_t key; /* physical address >> LINE_SHIFT, + 1; 0: none */
    uint64_t va, pc;
    uint64_t stores, loads;
};

static struct window {
    bool opened, open;
    struct line *lines; /* by hash */
    uint64_t stores;
} windows[CPUS];
static uint64_t begin_at, end_at;

static struct line *line_find(const struct window *window, uint64_t key)
{
    uint32_t at = (uint32_t)(key * 0x9e3779b97f4a7c15 >> 48) % LINES;
    while (window->lines[at].key != 0 && window->lines[at].key != key)
        at = (at + 1) % LINES;
    return &window->lines[at];
}

static void accessed(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t va, void *pc)
{
    struct window *window = &windows[cpu];
    if (!window->open)
        return;
    struct qemu_plugin_hwaddr *address = qemu_plugin_get_hwaddr(info, va);
    if (address == NULL || qemu_plugin_hwaddr_is_io(address))
        return;
    uint64_t key = (qemu_plugin_hwaddr_phys_addr(address) >> LINE_SHIFT) + 1;
    struct line *line = line_find(window, key);
    bool store = qemu_plugin_mem_is_store(info);
    if (line->key == 0 || (store && line->stores == 0))
        *line = (struct line){key, va, (uint64_t)(uintptr_t)pc, line->stores, line->loads};
    line->stores += store;
    line->loads += !store;
    window->stores += store;
}

static void begun(unsigned cpu, void *data)
{
    (void)data;
    struct window *window = &windows[cpu];
    if (window->lines == NULL)
        window->lines = calloc(LINES, sizeof(*window->lines));
    window->open = window->opened = true;
}

static void closed(unsigned cpu, void *data)
{
    (void)data;
    windows[cpu].open = false;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t va = qemu_plugin_insn_vaddr(insn);
        if (va == begin_at)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, begun, PLUGIN_NO_REGISTERS, NULL);
        if (va == end_at)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, closed, PLUGIN_NO_REGISTERS, NULL);
        qemu_plugin_register_vcpu_mem_cb(insn, accessed, PLUGIN_NO_REGISTERS, PLUGIN_READ_WRITE,
                                         (void *)(uintptr_t)va);
    }
}

static void say_if_shared(unsigned cpu, const struct line *line)
{
    for (unsigned i = 0; i < CPUS; i++) {
        if (i == cpu || !windows[i].opened)
            continue;
        const struct line *other = line_find(&windows[i], line->key);
        if (other->key == 0)
            continue;
        fprintf(stderr,
                "SHARED %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIu64 " %u %u %" PRIx64 " %" PRIx64
                " %" PRIu64 "\n",
                line->key - 1, line->va, line->pc, line->stores, cpu, i, other->va, other->pc,
                other->stores);
        return;
    }
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id, (void)data;
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        unsigned used = 0;
        for (unsigned i = 0; windows[cpu].opened && i < LINES; i++) {
            const struct line *line = &windows[cpu].lines[i];
            used += line->key != 0;
            if (line->stores != 0)
                say_if_shared(cpu, line);
        }
        if (windows[cpu].opened)
            fprintf(stderr, "WINDOW %u %u %" PRIu64 "\n", cpu, used, windows[cpu].stores);
    }
}

PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                      char **argv)
{
    (void)info;
    if (argc != 2 || sscanf(argv[0], "begin=%" SCNx64, &begin_at) != 1 ||
        sscanf(argv[1], "end=%" SCNx64, &end_at) != 1)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
