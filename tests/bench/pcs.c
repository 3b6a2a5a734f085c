/*
 * A QEMU plugin that counts how often each instruction is executed, and prints `address count`
 * lines at the end: for tests/bench/profile.py.
 */
#include "plugin.h"
#include <stdio.h>
#include <stdlib.h>

PLUGIN_EXPORT int qemu_plugin_version = 1;

#define PLACES (1u << 20)
static struct place {
    uint64_t address, count;
} places[PLACES];

static struct place *place_of(uint64_t address)
{
    uint32_t at = (uint32_t)(address * 0x9e3779b97f4a7c15 >> 44);
    while (places[at].address != 0 && places[at].address != address)
        at = (at + 1) % PLACES;
    places[at].address = address;
    return &places[at];
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        qemu_plugin_register_vcpu_insn_exec_inline(
            insn, PLUGIN_ADD, &place_of(qemu_plugin_insn_vaddr(insn))->count, 1);
    }
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id, (void)data;
    for (uint32_t i = 0; i < PLACES; i++)
        if (places[i].count != 0)
            fprintf(stderr, "PC %lx %lu\n", (unsigned long)places[i].address,
                    (unsigned long)places[i].count);
}

PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                      char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
