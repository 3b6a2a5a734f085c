/* Writers of blobs: the primitives, and the loaders' protocols (blobs.h). */
#include "blobs.h"
#include "boot/limine.h"
#include "host.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *loaded;

void blob_init(struct blob *blob)
{
    memset(blob, 0, sizeof(*blob));
}

uint32_t blob_put(struct blob *blob, const void *bytes, uint32_t size)
{
    uint32_t offset = blob->size;
    if (size > BLOB_MAX - offset)
        abort();
    memcpy(blob->bytes + offset, bytes, size);
    blob->size += size;
    return offset;
}

void blob_patch(struct blob *blob, uint32_t offset, uint64_t number, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        blob->bytes[offset + i] = (uint8_t)(number >> (8 * i));
}

uint32_t blob_zero(struct blob *blob, uint32_t size)
{
    uint32_t offset = blob->size;
    if (size > BLOB_MAX - offset)
        abort();
    blob->size += size;
    return offset;
}

uint32_t blob_number(struct blob *blob, uint64_t number, uint32_t size)
{
    uint32_t offset = blob_zero(blob, size);
    blob_patch(blob, offset, number, size);
    return offset;
}

uint32_t blob_big(struct blob *blob, uint64_t number, uint32_t size)
{
    uint32_t offset = blob_zero(blob, size);
    for (uint32_t i = 0; i < size; i++)
        blob->bytes[offset + i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    return offset;
}

uint32_t blob_text(struct blob *blob, const char *text)
{
    return blob_put(blob, text, (uint32_t)strlen(text) + 1);
}

void blob_align(struct blob *blob, uint32_t power_of_two)
{
    (void)blob_zero(blob, (uint32_t)align_up(blob->size, power_of_two) - blob->size);
}

void blob_unload(void)
{
    free(loaded);
    loaded = NULL;
}

uint8_t *blob_load_bytes(const uint8_t *bytes, size_t size)
{
    blob_unload();
    loaded = malloc(size != 0 ? size : 1);
    if (loaded == NULL)
        abort();
    if (size != 0)
        memcpy(loaded, bytes, size);
    host_phys_set(PHYS(BLOB_BASE), loaded, size);
    return loaded;
}

uint8_t *blob_load(const struct blob *blob)
{
    return blob_load_bytes(blob->bytes, blob->size);
}

/* The memory map that all loaders here tell of. */
static const struct {
    uint64_t base, size;
    uint32_t type; /* as firmware numbers them */
} memory_map[] = {
    {0, 0x9fc00, 1},          {0x9fc00, 0x400, 2},      {0xf0000, 0x10000, 2},
    {0x100000, 0x7ee0000, 1}, {0x7fe0000, 0x1000, 3},   {0x7fe1000, 0x1000, 4},
    {0x7fe2000, 0x1e000, 5},  {0xfffc0000, 0x40000, 2}, {0x100000000, 0x100000, 7},
};

static const char command_line[] = "console=serial log=debug";

void blob_pvh(struct blob *blob)
{
    const uint32_t modules = 2;
    blob_init(blob);
    (void)blob_zero(blob, 56);
    uint32_t text = blob_text(blob, command_line);
    uint32_t name = blob_text(blob, "first module");
    blob_align(blob, 8);
    uint32_t list = blob_number(blob, 0x200000, 8);
    (void)blob_number(blob, 0x1800, 8);
    (void)blob_number(blob, BLOB_BASE + name, 8);
    (void)blob_number(blob, 0, 8);
    (void)blob_number(blob, 0x300000, 8);
    (void)blob_number(blob, 0x1000, 8);
    (void)blob_zero(blob, 16);
    uint32_t map = blob->size;
    for (size_t i = 0; i < COUNT_OF(memory_map); i++) {
        (void)blob_number(blob, memory_map[i].base, 8);
        (void)blob_number(blob, memory_map[i].size, 8);
        (void)blob_number(blob, memory_map[i].type, 8);
    }
    blob_patch(blob, 0, 0x336ec578, 4);
    blob_patch(blob, 4, 1, 4);
    blob_patch(blob, 12, modules, 4);
    blob_patch(blob, 16, BLOB_BASE + list, 8);
    blob_patch(blob, 24, BLOB_BASE + text, 8);
    blob_patch(blob, 32, 0xf5000, 8);
    blob_patch(blob, 40, BLOB_BASE + map, 8);
    blob_patch(blob, 48, COUNT_OF(memory_map), 4);
}

/* Begins a Multiboot2 tag. */
static uint32_t tag_begin(struct blob *blob, uint32_t type)
{
    blob_align(blob, 8);
    uint32_t tag = blob_number(blob, type, 4);
    (void)blob_number(blob, 0, 4);
    return tag;
}

static void tag_end(struct blob *blob, uint32_t tag)
{
    blob_patch(blob, tag + 4, blob->size - tag, 4);
}

static void tag_module(struct blob *blob, uint32_t start, uint32_t end, const char *name)
{
    uint32_t tag = tag_begin(blob, 3);
    (void)blob_number(blob, start, 4);
    (void)blob_number(blob, end, 4);
    (void)blob_text(blob, name);
    tag_end(blob, tag);
}

static void tag_memory_map(struct blob *blob)
{
    uint32_t tag = tag_begin(blob, 6);
    (void)blob_number(blob, 24, 4);
    (void)blob_number(blob, 0, 4);
    for (size_t i = 0; i < COUNT_OF(memory_map); i++) {
        (void)blob_number(blob, memory_map[i].base, 8);
        (void)blob_number(blob, memory_map[i].size, 8);
        (void)blob_number(blob, memory_map[i].type, 8);
    }
    tag_end(blob, tag);
}

static void tag_framebuffer(struct blob *blob)
{
    static const uint8_t colours[] = {16, 8, 8, 8, 0, 8};
    uint32_t tag = tag_begin(blob, 8);
    (void)blob_number(blob, 0xfd000000, 8);
    (void)blob_number(blob, 4096, 4);
    (void)blob_number(blob, 1024, 4);
    (void)blob_number(blob, 768, 4);
    (void)blob_number(blob, 32, 1);
    (void)blob_number(blob, 1, 1);
    (void)blob_number(blob, 0, 2);
    (void)blob_put(blob, colours, sizeof(colours));
    tag_end(blob, tag);
}

void blob_multiboot2(struct blob *blob)
{
    blob_init(blob);
    (void)blob_zero(blob, 8);
    uint32_t tag = tag_begin(blob, 1);
    (void)blob_text(blob, command_line);
    tag_end(blob, tag);
    tag_module(blob, 0x200000, 0x201800, "first module");
    tag_module(blob, 0x300000, 0x301000, "");
    tag_memory_map(blob);
    tag_framebuffer(blob);
    tag = tag_begin(blob, 15);
    (void)blob_put(blob, "RSD PTR ", 8);
    (void)blob_zero(blob, 28);
    tag_end(blob, tag);
    tag = tag_begin(blob, 14);
    (void)blob_put(blob, "RSD PTR ", 8);
    (void)blob_zero(blob, 12);
    tag_end(blob, tag);
    tag = tag_begin(blob, 0);
    tag_end(blob, tag);
    blob_patch(blob, 0, blob->size, 4);
}

/* Limine's pointer to `offset`. */
static uint64_t limine_at(uint32_t offset)
{
    return BLOB_HHDM + offset;
}

/* Limine's struct limine_file up to the fields that we read, and the rest of it. */
static uint32_t limine_file(struct blob *blob, uint64_t base, uint64_t size, uint32_t path,
                            uint32_t text)
{
    blob_align(blob, 8);
    uint32_t file = blob_number(blob, 0, 8);
    (void)blob_number(blob, BLOB_HHDM + base, 8);
    (void)blob_number(blob, size, 8);
    (void)blob_number(blob, limine_at(path), 8);
    (void)blob_number(blob, limine_at(text), 8);
    (void)blob_zero(blob, 72);
    return file;
}

/* An answer with an array of pointers to `count` things, `stride` apart from `first` on. */
static void limine_array(struct blob *blob, enum limine_feature feature, uint32_t first,
                         uint32_t stride, uint32_t count)
{
    uint32_t array = blob->size;
    for (uint32_t i = 0; i < count; i++)
        (void)blob_number(blob, limine_at(first + i * stride), 8);
    uint32_t answer = blob_number(blob, 0, 8);
    (void)blob_number(blob, count, 8);
    (void)blob_number(blob, limine_at(array), 8);
    blob_patch(blob, (uint32_t)feature * 8, limine_at(answer), 8);
}

static void limine_single(struct blob *blob, enum limine_feature feature, uint64_t value)
{
    uint32_t answer = blob_number(blob, 0, 8);
    (void)blob_number(blob, value, 8);
    blob_patch(blob, (uint32_t)feature * 8, limine_at(answer), 8);
}

static void limine_memory_map(struct blob *blob)
{
    static const uint32_t types[] = {1, 0, 1, 2, 3, 4}; /* by firmware's numbers */
    uint32_t first = blob->size;
    for (size_t i = 0; i < COUNT_OF(memory_map); i++) {
        uint32_t type = memory_map[i].type;
        (void)blob_number(blob, memory_map[i].base, 8);
        (void)blob_number(blob, memory_map[i].size, 8);
        (void)blob_number(blob, type < COUNT_OF(types) ? types[type] : 9, 8);
    }
    static const uint64_t own[][3] = {
        {0x400000, 0x2000, 5}, {0x500000, 0x3000, 6}, {0xfd000000, 0x300000, 7}};
    (void)blob_put(blob, own, sizeof(own));
    limine_array(blob, LIMINE_MEMORY_MAP, first, 24, COUNT_OF(memory_map) + COUNT_OF(own));
}

static void limine_framebuffer(struct blob *blob)
{
    static const uint8_t colours[] = {1, 8, 16, 8, 8, 8, 0};
    uint32_t first = blob_number(blob, BLOB_HHDM + 0x7000, 8);
    (void)blob_number(blob, 640, 8);
    (void)blob_number(blob, 480, 8);
    (void)blob_number(blob, 2560, 8);
    (void)blob_number(blob, 32, 2);
    (void)blob_put(blob, colours, sizeof(colours));
    (void)blob_zero(blob, 39);
    limine_array(blob, LIMINE_FRAMEBUFFER, first, 80, 1);
}

void blob_limine(struct blob *blob)
{
    blob_init(blob);
    (void)blob_zero(blob, LIMINE_FEATURES * 8);
    limine_single(blob, LIMINE_HHDM, BLOB_HHDM);
    limine_memory_map(blob);
    limine_framebuffer(blob);
    limine_single(blob, LIMINE_KERNEL_ADDRESS, 0x500000);
    (void)blob_number(blob, 0xffffffff80000000u, 8);
    uint32_t text = blob_text(blob, command_line);
    uint32_t name = blob_text(blob, "first module");
    uint32_t empty = blob_text(blob, "");
    uint32_t path = blob_text(blob, "/boot/tern.elf");
    uint32_t kernel = limine_file(blob, 0x1000, 0x1000, path, text);
    limine_single(blob, LIMINE_KERNEL_FILE, limine_at(kernel));
    uint32_t first = limine_file(blob, 0x2000, 0x1800, path, name);
    uint32_t second = limine_file(blob, 0x4000, 0x1000, path, empty);
    limine_array(blob, LIMINE_MODULES, first, second - first, 2);
    limine_single(blob, LIMINE_RSDP, BLOB_HHDM + 0xf50);
    limine_single(blob, LIMINE_DTB, BLOB_HHDM + 0x1000);
    (void)blob_zero(blob, 0x8000 - blob->size); /* what modules and the like point to */
}

/* Makes a pointer real; a stray one stays what it is. */
static uint64_t limine_relocate(uint64_t word, const uint8_t *arena)
{
    const uint64_t span = (uint64_t)1 << 32;
    bool ours = word >= BLOB_HHDM && word - BLOB_HHDM < span;
    return ours ? (uint64_t)(uintptr_t)arena + (word - BLOB_HHDM) : word;
}

uint8_t *limine_load(const uint8_t *bytes, size_t size)
{
    uint8_t *arena = blob_load_bytes(bytes, size);
    uint64_t start = (uint64_t)(uintptr_t)arena;
    for (size_t at = 0; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, arena + at, 8);
        word = limine_relocate(word, arena);
        memcpy(arena + at, &word, 8);
    }
    for (size_t i = 0; i < LIMINE_FEATURES; i++) {
        uint64_t word = 0;
        if (i * 8 + 8 <= size)
            memcpy(&word, arena + i * 8, 8);
        limine_table.requests[i].response = (const void *)(uintptr_t)word;
    }
    /* The offset itself is what the parser must believe: it is the arena's, or absent. */
    uint64_t hhdm = (uint64_t)(uintptr_t)limine_table.requests[LIMINE_HHDM].response;
    if (hhdm >= start && hhdm - start < size && size - (hhdm - start) >= 16)
        memcpy((uint8_t *)(uintptr_t)hhdm + 8, &start, 8);
    else
        limine_table.requests[LIMINE_HHDM].response = NULL;
    limine_table.base_revision[2] = 0;
    limine_reach = size;
    return arena;
}
