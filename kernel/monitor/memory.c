/* Monitor: memory by node and the heap by size class, through the memory service. */
#include "boot/service.h"
#include "lib/print.h"
#include "monitor/monitor.h"
#include "trace/console.h"

static unsigned long frames_to_kib(uint64_t frames)
{
    return (unsigned long)(frames * PAGE_SIZE / KIB);
}

static void node_print(const struct memory_service *memory, uint32_t node)
{
    struct frame_stats stats;
    memory->node_stats(node, &stats);
    console_print("node %u: %lu KiB, %lu free, %lu never touched\n  free blocks by order:", node,
                  frames_to_kib(stats.total), frames_to_kib(stats.free),
                  frames_to_kib(stats.untouched));
    for (int order = 0; order <= FRAME_ORDER_MAX; order++)
        console_print(" %lu", (unsigned long)stats.free_blocks[order]);
    console_print("\n");
}

static void heap_line(const char *name, const struct heap_stats *stats)
{
    console_print("  %-9s  %10lu  %10lu  %10lu  %10lu  %8lu\n", name,
                  (unsigned long)stats->used_blocks, (unsigned long)stats->used_bytes,
                  (unsigned long)stats->allocated, (unsigned long)stats->freed,
                  (unsigned long)stats->frames);
}

static void heap_print(const struct memory_service *memory)
{
    struct heap_stats stats;
    char name[24];
    console_print("heap:\n  %-9s  %10s  %10s  %10s  %10s  %8s\n", "class", "used", "bytes",
                  "allocated", "freed", "frames");
    for (int i = 0; i < memory->heap_class_count(); i++) {
        memory->heap_stats(i, &stats);
        print_buffer(name, sizeof(name), "%lu", (unsigned long)memory->heap_class_size(i));
        if (stats.allocated != 0)
            heap_line(name, &stats);
    }
    memory->heap_stats(-1, &stats);
    heap_line("all", &stats);
}

static void mem_run(const char *arguments)
{
    (void)arguments;
    error_t error;
    const struct memory_service *memory = service_memory(PRIVILEGE_TOOL, &error);
    if (memory == NULL) {
        console_print("mem: %s\n", error_text(error));
        return;
    }
    for (uint32_t node = 0; node < memory->node_count(); node++)
        node_print(memory, node);
    heap_print(memory);
}

MONITOR_COMMAND(mem, "shows memory by node and the heap by size class", mem_run)
