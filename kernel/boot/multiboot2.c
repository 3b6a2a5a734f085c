/*
 * Multiboot2: the loader passes a list of tags (specification 2.0, section 3.6).
 *
 * Rules: the whole list is one window, and a tag is read only as far as its own size says.
 * A tag that is too short for its type is counted and skipped. The list itself holds the copy of
 * the ACPI root pointer, so its memory is kept until start-up is over (RANGE_LOADER).
 */
#include "boot/boot_info.h"
#include "lib/string.h"
#include "mem/phys.h"

enum multiboot2_tag_type {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
};

struct multiboot2_list {
    uint32_t size, reserved;
} __attribute__((packed));

struct multiboot2_tag {
    uint32_t type, size;
} __attribute__((packed));

struct multiboot2_module {
    struct multiboot2_tag tag;
    uint32_t start, end;
    char name[];
} __attribute__((packed));

struct multiboot2_memory_map {
    struct multiboot2_tag tag;
    uint32_t entry_size, entry_version;
} __attribute__((packed));

struct multiboot2_memory {
    uint64_t base, size;
    uint32_t type, reserved;
} __attribute__((packed));

struct multiboot2_framebuffer {
    struct multiboot2_tag tag;
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits, type;
    uint16_t reserved;
    uint8_t red_shift, red_size, green_shift, green_size, blue_shift, blue_size;
} __attribute__((packed));

#define MULTIBOOT2_RGB 1 /* framebuffer type: direct colours */

/* 3.6.3 and 3.6.5: strings end with the tag at the latest. */
static void read_command_line(struct boot_info *info, const struct multiboot2_tag *tag)
{
    const char *text = (const char *)(tag + 1);
    boot_info_set_command_line(info, text, tag->size - sizeof(*tag));
}

static void read_module(struct boot_info *info, const struct multiboot2_tag *tag)
{
    const struct multiboot2_module *module = (const void *)tag;
    if (tag->size < sizeof(*module) || module->end < module->start) {
        boot_info_fault(info, "multiboot2: a module", ERR_malformed);
        return;
    }
    (void)boot_info_add_module(info, PHYS(module->start), module->end - module->start, module->name,
                               tag->size - sizeof(*module));
}

/* 3.6.8: entries may be larger than those that we know. */
static void read_memory_map(struct boot_info *info, const struct multiboot2_tag *tag)
{
    const struct multiboot2_memory_map *map = (const void *)tag;
    if (tag->size < sizeof(*map) || map->entry_size < sizeof(struct multiboot2_memory)) {
        boot_info_fault(info, "multiboot2: the memory map", ERR_malformed);
        return;
    }
    const char *entries = (const char *)(map + 1);
    uint32_t count = (tag->size - (uint32_t)sizeof(*map)) / map->entry_size;
    for (uint32_t i = 0; i < count; i++) {
        const struct multiboot2_memory *entry =
            (const void *)(entries + (size_t)i * map->entry_size);
        (void)boot_info_add_firmware_range(info, PHYS(entry->base), entry->size, entry->type);
    }
}

/* 3.6.12: text modes and palettes are no framebuffer to us, which is no fault. */
static void read_framebuffer(struct boot_info *info, const struct multiboot2_tag *tag)
{
    const struct multiboot2_framebuffer *from = (const void *)tag;
    if (tag->size < offsetof(struct multiboot2_framebuffer, red_shift)) {
        boot_info_fault(info, "multiboot2: the framebuffer", ERR_malformed);
        return;
    }
    if (from->type != MULTIBOOT2_RGB)
        return;
    if (tag->size < sizeof(*from)) {
        boot_info_fault(info, "multiboot2: the framebuffer's colours", ERR_truncated);
        return;
    }
    boot_info_set_framebuffer(info,
                              &(struct boot_framebuffer_source){
                                  .base = PHYS(from->address),
                                  .width = from->width,
                                  .height = from->height,
                                  .pitch = from->pitch,
                                  .bits = from->bits,
                                  .size = {from->red_size, from->green_size, from->blue_size},
                                  .shift = {from->red_shift, from->green_shift, from->blue_shift},
                              });
}

/* 3.6.14, 3.6.15: the tag holds a copy of the root pointer; the newer form is preferred. */
static void read_rsdp(struct boot_info *info, const struct multiboot2_tag *tag, phys_t place)
{
    static const uint32_t old_size = 20;
    if (tag->size < sizeof(*tag) + old_size)
        boot_info_fault(info, "multiboot2: the ACPI root pointer", ERR_truncated);
    else if (tag->type == TAG_ACPI_NEW || info->rsdp.pa == 0)
        info->rsdp = PHYS(place.pa + sizeof(*tag));
}

static void read_tag(struct boot_info *info, const struct multiboot2_tag *tag, phys_t place)
{
    switch (tag->type) {
    case TAG_COMMAND_LINE:
        read_command_line(info, tag);
        break;
    case TAG_MODULE:
        read_module(info, tag);
        break;
    case TAG_MEMORY_MAP:
        read_memory_map(info, tag);
        break;
    case TAG_FRAMEBUFFER:
        read_framebuffer(info, tag);
        break;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        read_rsdp(info, tag, place);
        break;
    default:
        break;
    }
}

/* Tags begin at multiples of 8 bytes and end with one of type 0. */
static void read_tags(struct boot_info *info, phys_t place, const char *list, uint32_t size)
{
    uint64_t offset = sizeof(struct multiboot2_list);
    while (offset + sizeof(struct multiboot2_tag) <= size) {
        const struct multiboot2_tag *tag = (const void *)(list + offset);
        if (tag->size < sizeof(*tag) || tag->size > size - offset) {
            boot_info_fault(info, "multiboot2: the size of a tag", ERR_malformed);
            return;
        }
        if (tag->type == TAG_END)
            return;
        read_tag(info, tag, PHYS(place.pa + offset));
        offset = align_up(offset + tag->size, 8);
    }
    boot_info_fault(info, "multiboot2: the list of tags", ERR_truncated);
}

error_t multiboot2_read(struct boot_info *info, phys_t boot_information)
{
    const struct multiboot2_list *list = phys_window(boot_information, sizeof(*list));
    if (list == NULL)
        return ERR_truncated;
    uint32_t size = list->size;
    if (size < sizeof(*list))
        return ERR_malformed;
    const char *bytes = phys_window(boot_information, size);
    if (bytes == NULL)
        return ERR_truncated;
    read_tags(info, boot_information, bytes, size);
    if (info->range_count == 0)
        return ERR_not_found;
    (void)boot_info_add_range(info, boot_information, size, RANGE_LOADER);
    return OK;
}
