/*
 * A QEMU plugin that finds the longest stretches of kernel code with interrupts off, in
 * instructions: for tests/bench/grow.py.
 *
 * The kernel runs with interrupts off, so a stretch is what a CPU executes of it from leaving user
 * mode to being there again, or to an instruction that lets interrupts in (`opens`). Before the
 * first call nothing counts: that is start-up.
 *
 * Arguments: symbols=FILE, lines `address rank name` of the kernel's functions, sorted. A stretch
 * is named after its first function of the highest rank in it: calls have the highest. At the end a
 * line for each name: its longest stretch, and in which functions that was.
 */
#include "plugin.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

PLUGIN_EXPORT int qemu_plugin_version = 1;

#define CPUS      64
#define FUNCTIONS 8192
#define NAMES     512 /* that stretches may have */
#define RANK_CALL 3
#define WAITING   9 /* rank of functions that wait for other CPUs: not counted */

static struct function {
    uint64_t address;
    unsigned rank;
    char name[64];
} functions[FUNCTIONS];
static unsigned function_count;

/* A piece of code without branches in it, as QEMU translated it. */
struct block {
    uint32_t instructions;
    uint16_t function;
    bool user, opens;
};

struct stretch {
    uint64_t length;
    unsigned name; /* in functions */
    uint32_t counts[FUNCTIONS];
};

static struct {
    bool over; /* what comes now begins a stretch */
    struct stretch stretch;
} cpus[CPUS];
static _Atomic(bool) runs; /* a call was seen */

static struct stretch *longest[FUNCTIONS]; /* by name */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint16_t function_at(uint64_t address)
{
    unsigned low = 0, high = function_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (functions[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint16_t)(low == 0 ? 0 : low - 1);
}

static void stretch_end(struct stretch *stretch)
{
    pthread_mutex_lock(&lock);
    struct stretch **best = &longest[stretch->name];
    if (*best == NULL)
        *best = calloc(1, sizeof(**best));
    if (stretch->length > (*best)->length)
        **best = *stretch;
    pthread_mutex_unlock(&lock);
    memset(stretch, 0, sizeof(*stretch));
}

static void executed(unsigned cpu, void *data)
{
    const struct block *block = data;
    struct stretch *stretch = &cpus[cpu].stretch;
    if ((block->user || cpus[cpu].over) && stretch->length != 0)
        stretch_end(stretch);
    cpus[cpu].over = block->opens;
    unsigned rank = functions[block->function].rank;
    if (block->user || rank == WAITING)
        return;
    if (rank == RANK_CALL)
        runs = true;
    if (!runs)
        return;
    if (stretch->length == 0 || rank > functions[stretch->name].rank)
        stretch->name = block->function;
    stretch->length += block->instructions;
    stretch->counts[block->function] += block->instructions;
}

/*
 * By bytes, as they are stored: sti, hlt, iretq, sysretq; msr daifclr, wfi, eret. No instruction of
 * the other CPU has the same code and size. The ways out let in what came meanwhile, before an
 * instruction of user mode; the kernel does not return from exceptions of its own.
 */
static const struct {
    uint8_t size, code[4];
} openers[] = {
    {1, {0xfb}},
    {1, {0xf4}},
    {2, {0x48, 0xcf}},
    {3, {0x48, 0x0f, 0x07}},
    {4, {0xff, 0x42, 0x03, 0xd5}},
    {4, {0x7f, 0x20, 0x03, 0xd5}},
    {4, {0xe0, 0x03, 0x9f, 0xd6}},
};

static bool opens(const struct qemu_plugin_insn *insn)
{
    const uint8_t *code = qemu_plugin_insn_data(insn);
    size_t size = qemu_plugin_insn_size(insn);
    for (size_t i = 0; i < sizeof(openers) / sizeof(openers[0]); i++)
        if (size == openers[i].size && memcmp(code, openers[i].code, size) == 0)
            return true;
    return false;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    struct block *block = malloc(sizeof(*block));
    block->instructions = (uint32_t)count;
    block->function = function_at(address);
    block->user = address >> 63 == 0;
    block->opens = opens(qemu_plugin_tb_get_insn(tb, count - 1));
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, PLUGIN_NO_REGISTERS, block);
}

static void say(const struct stretch *stretch)
{
    fprintf(stderr, "STRETCH %lu %s", (unsigned long)stretch->length,
            functions[stretch->name].name);
    for (unsigned i = 0; i < function_count; i++)
        if (stretch->counts[i] > stretch->length / 16)
            fprintf(stderr, " %s:%u", functions[i].name, stretch->counts[i]);
    fprintf(stderr, "\n");
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id, (void)data;
    for (unsigned i = 0; i < function_count; i++)
        if (longest[i] != NULL)
            say(longest[i]);
}

static bool read_symbols(const char *path)
{
    FILE *file = fopen(path, "r");
    struct function *next = functions;
    while (file != NULL && function_count < FUNCTIONS &&
           fscanf(file, "%lx %u %63s", &next->address, &next->rank, next->name) == 3)
        next = &functions[++function_count];
    if (file != NULL)
        fclose(file);
    return function_count != 0;
}

PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                      char **argv)
{
    (void)info;
    static const char option[] = "symbols=";
    if (argc != 1 || strncmp(argv[0], option, sizeof(option) - 1) != 0 ||
        !read_symbols(argv[0] + sizeof(option) - 1))
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
