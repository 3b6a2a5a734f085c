/*
 * PVH: the loader passes a pointer to Xen's struct hvm_start_info.
 *
 * Rules: a structure is read only as far as phys_window shows it. All of it is copied, so the
 * memory in which the loader put it may be reused.
 */
#include "boot/boot_info.h"
#include "lib/string.h"
#include "mem/phys.h"

#define PVH_MAGIC    0x336ec578u
#define PVH_LIST_MAX 4096u /* entries of a list that we believe in */

struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp;
    /* version 1 and above */
    uint64_t memory_map;
    uint32_t memory_map_count, reserved;
} __attribute__((packed));

struct pvh_module {
    uint64_t base, size, command_line, reserved;
} __attribute__((packed));

struct pvh_memory {
    uint64_t base, size;
    uint32_t type, reserved;
} __attribute__((packed));

_Static_assert(sizeof(struct pvh_start_info) == 56, "hvm_start_info version 1");

/* A longer list than any loader's is garbage, and reading it would take for ever. */
static uint32_t pvh_count(struct boot_info *info, uint32_t count)
{
    if (count <= PVH_LIST_MAX)
        return count;
    boot_info_fault(info, "pvh: the length of a list", ERR_malformed);
    return PVH_LIST_MAX;
}

static void pvh_read_memory(struct boot_info *info, phys_t list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        phys_t place = PHYS(list.pa + i * sizeof(struct pvh_memory));
        const struct pvh_memory *entry = phys_window(place, sizeof(*entry));
        if (entry == NULL) {
            boot_info_fault(info, "pvh: the memory map", ERR_truncated);
            return;
        }
        (void)boot_info_add_firmware_range(info, PHYS(entry->base), entry->size, entry->type);
    }
}

static void pvh_read_modules(struct boot_info *info, phys_t list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        phys_t place = PHYS(list.pa + i * sizeof(struct pvh_module));
        const struct pvh_module *module = phys_window(place, sizeof(*module));
        char name[sizeof(info->modules[0].name)] = "";
        if (module == NULL) {
            boot_info_fault(info, "pvh: the list of modules", ERR_truncated);
            return;
        }
        if (module->command_line != 0)
            (void)boot_string(PHYS(module->command_line), name, sizeof(name));
        (void)boot_info_add_module(info, PHYS(module->base), module->size, name, sizeof(name));
    }
}

error_t pvh_read(struct boot_info *info, phys_t start_info)
{
    const struct pvh_start_info *start = phys_window(start_info, sizeof(*start));
    if (start == NULL)
        return ERR_truncated;
    if (start->magic != PVH_MAGIC)
        return ERR_malformed;
    if (start->version < 1) /* it has no memory map, and a guest of Xen we are not */
        return ERR_unsupported;
    if (start->command_line != 0 &&
        !boot_string(PHYS(start->command_line), info->command_line, sizeof(info->command_line)))
        boot_info_fault(info, "pvh: the command line", ERR_truncated);
    info->rsdp = PHYS(start->rsdp);
    pvh_read_memory(info, PHYS(start->memory_map), pvh_count(info, start->memory_map_count));
    pvh_read_modules(info, PHYS(start->modules), pvh_count(info, start->module_count));
    return info->range_count != 0 ? OK : ERR_not_found;
}
