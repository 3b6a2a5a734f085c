/*
 * Limine: requests in our image, answered before we start (PROTOCOL.md, base revision 2).
 *
 * Rules: every pointer in an answer lies in the loader's direct map (HHDM), which is live while
 * limine_read runs: it must be called before we leave the loader's page tables, and does not use
 * phys_window, which works only after that. Each pointer goes through limine_pointer, which
 * refuses those below the map. What outlives the call is physical: the offset is taken off.
 */
#include "boot/limine.h"
#include "boot/boot_info.h"
#include "lib/string.h"

#define LIMINE_REVISION  2
#define LIMINE_COUNT_MAX 4096u /* entries of an array that we believe in */
#define REQUEST(a, b)                                                                              \
    {                                                                                              \
        .id = { 0xc7b1dd30df4c8b88u, 0x0a82e883a194f07bu, (a), (b) }                               \
    }

/* One object, so that nothing can come between the markers and the requests. */
__attribute__((used, retain,
               section(".limine_requests"))) volatile struct limine_table limine_table = {
    .start = {0xf6b8f4b39de7d1aeu, 0xfab91a6940fcb9cfu, 0x785c6ed015d3e316u, 0x181e920a7852b9d9u},
    .base_revision = {0xf9562b2d5c95a6c8u, 0x6a7b384944536bdcu, LIMINE_REVISION},
    .requests =
        {
            [LIMINE_HHDM] = REQUEST(0x48dcf1cb8ad2b852u, 0x63984e959a98244bu),
            [LIMINE_MEMORY_MAP] = REQUEST(0x67cf3d9d378a806fu, 0xe304acdfc50c3c62u),
            [LIMINE_FRAMEBUFFER] = REQUEST(0x9d5827dcd881dd75u, 0xa3148604f6fab11bu),
            [LIMINE_KERNEL_ADDRESS] = REQUEST(0x71ba76863cc55f63u, 0xb2644a48c516a487u),
            [LIMINE_KERNEL_FILE] = REQUEST(0xad97e90e83f1ed67u, 0x31eb5d1c5ff23b69u),
            [LIMINE_MODULES] = REQUEST(0x3e7e279702be32afu, 0xca1c4f3bd1280ceeu),
            [LIMINE_RSDP] = REQUEST(0xc5e77b6b397e7b43u, 0x27637845accdcf3cu),
            [LIMINE_DTB] = REQUEST(0xb40ddb48fb54bac7u, 0x545081493f81ffb7u),
        },
    .end = {0xadc0e0531bb10d03u, 0x9572709f31764c62u},
};

/* No CPU of ours has more than 52 bits of physical address. */
uint64_t limine_reach = (uint64_t)1 << 52;

struct limine_hhdm {
    uint64_t revision, offset;
} __attribute__((packed));

struct limine_kernel_address {
    uint64_t revision, physical_base, virtual_base;
} __attribute__((packed));

/* The answer of all features that give one pointer: kernel file, RSDP, device tree. */
struct limine_single {
    uint64_t revision;
    const void *pointer;
} __attribute__((packed));

/* The answer of all features that give an array of pointers. */
struct limine_array {
    uint64_t revision, count;
    const void *entries;
} __attribute__((packed));

struct limine_memory {
    uint64_t base, size, type;
} __attribute__((packed));

struct limine_file {
    uint64_t revision;
    const void *address;
    uint64_t size;
    const char *path, *command_line;
} __attribute__((packed));

struct limine_framebuffer {
    const void *address;
    uint64_t width, height, pitch;
    uint16_t bits;
    uint8_t model, red_size, red_shift, green_size, green_shift, blue_size, blue_shift;
} __attribute__((packed));

#define LIMINE_RGB 1 /* limine_framebuffer.model */

static uint64_t hhdm_offset;

uint64_t limine_hhdm_offset(void)
{
    return hhdm_offset;
}

/* The physical address behind a pointer into the loader's direct map; false if it is elsewhere. */
static bool limine_physical(const void *pointer, phys_t *address)
{
    uint64_t at = (uint64_t)(uintptr_t)pointer;
    *address = PHYS(at - hhdm_offset);
    return pointer != NULL && at >= hhdm_offset && address->pa < limine_reach;
}

/* `pointer` itself if `size` bytes at it lie in the loader's direct map, or NULL. */
static const void *limine_pointer(const void *pointer, uint64_t size)
{
    phys_t address;
    if (!limine_physical(pointer, &address) || size > limine_reach - address.pa)
        return NULL;
    return pointer;
}

static const void *limine_response(enum limine_feature feature, uint64_t size)
{
    return limine_pointer(limine_table.requests[feature].response, size);
}

/* The bytes of the string at `text` that may be looked at; 0 if none may. */
static size_t limine_text_size(const char *text, size_t most)
{
    phys_t address;
    if (!limine_physical(text, &address))
        return 0;
    return string_length(text, min_u64(most, limine_reach - address.pa));
}

/* Calls `take` for each entry, of `size` bytes, of the array that `feature` answered. */
static void limine_each(struct boot_info *info, enum limine_feature feature, uint64_t size,
                        const char *what, void (*take)(struct boot_info *info, const void *entry))
{
    const struct limine_array *array = limine_response(feature, sizeof(*array));
    if (array == NULL)
        return;
    uint64_t count = array->count;
    if (count > LIMINE_COUNT_MAX) {
        boot_info_fault(info, what, ERR_malformed);
        count = LIMINE_COUNT_MAX;
    }
    for (uint64_t i = 0; i < count; i++) {
        const void *slot = (const void *)((uintptr_t)array->entries + i * sizeof(void *));
        const void *entry = NULL;
        if (limine_pointer(slot, sizeof(entry)) == NULL) {
            boot_info_fault(info, what, ERR_truncated);
            return;
        }
        memcpy(&entry, slot, sizeof(entry));
        if (limine_pointer(entry, size) == NULL)
            boot_info_fault(info, what, ERR_malformed);
        else
            take(info, entry);
    }
}

/* "Memory Map Feature": the numbers are Limine's own. */
static void take_memory(struct boot_info *info, const void *entry)
{
    static const enum range_kind kinds[] = {
        RANGE_USABLE, RANGE_RESERVED, RANGE_ACPI_RECLAIM, RANGE_ACPI_NVS,
        RANGE_BAD,    RANGE_LOADER,   RANGE_MODULE,       RANGE_FRAMEBUFFER,
    };
    const struct limine_memory *memory = entry;
    enum range_kind kind = memory->type < COUNT_OF(kinds) ? kinds[memory->type] : RANGE_RESERVED;
    (void)boot_info_add_range(info, PHYS(memory->base), memory->size, kind);
}

/* "File Structure": a module is known by its command line, or else by its path. */
static void take_module(struct boot_info *info, const void *entry)
{
    const struct limine_file *file = entry;
    const char *name = file->command_line;
    size_t most = sizeof(info->modules[0].name);
    size_t size = limine_text_size(name, most);
    if (size == 0) {
        name = file->path;
        size = limine_text_size(name, most);
    }
    phys_t base;
    if (limine_physical(file->address, &base))
        (void)boot_info_add_module(info, base, file->size, size != 0 ? name : "", size);
    else
        boot_info_fault(info, "limine: the address of a module", ERR_malformed);
}

static void take_framebuffer(struct boot_info *info, const void *entry)
{
    const struct limine_framebuffer *from = entry;
    struct boot_framebuffer_source source = {
        .width = from->width,
        .height = from->height,
        .pitch = from->pitch,
        .bits = from->bits,
        .size = {from->red_size, from->green_size, from->blue_size},
        .shift = {from->red_shift, from->green_shift, from->blue_shift},
    };
    if (info->framebuffer.width != 0 || from->model != LIMINE_RGB)
        return; /* the first that can be drawn on is ours */
    if (limine_physical(from->address, &source.base))
        boot_info_set_framebuffer(info, &source);
    else
        boot_info_fault(info, "limine: the address of the framebuffer", ERR_malformed);
}

/* "Kernel File Feature": the one place where the command line is. */
static void read_command_line(struct boot_info *info)
{
    const struct limine_single *answer = limine_response(LIMINE_KERNEL_FILE, sizeof(*answer));
    if (answer == NULL)
        return;
    const struct limine_file *file = limine_pointer(answer->pointer, sizeof(*file));
    if (file == NULL) {
        boot_info_fault(info, "limine: the kernel's file", ERR_malformed);
        return;
    }
    size_t size = limine_text_size(file->command_line, sizeof(info->command_line));
    if (size != 0)
        boot_info_set_command_line(info, file->command_line, size);
}

/* The pointer that `feature` answered, as a physical address; 0 if it did not. */
static phys_t read_pointer(struct boot_info *info, enum limine_feature feature, const char *what)
{
    const struct limine_single *answer = limine_response(feature, sizeof(*answer));
    phys_t address = PHYS(0);
    if (answer == NULL || answer->pointer == NULL)
        return PHYS(0);
    if (limine_physical(answer->pointer, &address))
        return address;
    boot_info_fault(info, what, ERR_malformed);
    return PHYS(0);
}

/* The direct map's offset comes first: without it no other pointer can be judged. */
static error_t limine_open(void)
{
    const struct limine_hhdm *hhdm = limine_table.requests[LIMINE_HHDM].response;
    if (limine_table.base_revision[2] != 0)
        return ERR_unsupported;
    if (hhdm == NULL)
        return ERR_not_found;
    hhdm_offset = hhdm->offset;
    return limine_pointer(hhdm, sizeof(*hhdm)) != NULL ? OK : ERR_malformed;
}

error_t limine_read(struct boot_info *info)
{
    error_t error = limine_open();
    if (error != OK)
        return error;
    limine_each(info, LIMINE_MEMORY_MAP, sizeof(struct limine_memory), "limine: the memory map",
                take_memory);
    limine_each(info, LIMINE_MODULES, sizeof(struct limine_file), "limine: the modules",
                take_module);
    limine_each(info, LIMINE_FRAMEBUFFER, sizeof(struct limine_framebuffer),
                "limine: the framebuffers", take_framebuffer);
    read_command_line(info);
    info->rsdp = read_pointer(info, LIMINE_RSDP, "limine: the ACPI root pointer");
    info->fdt = read_pointer(info, LIMINE_DTB, "limine: the device tree");
    const struct limine_kernel_address *kernel =
        limine_response(LIMINE_KERNEL_ADDRESS, sizeof(*kernel));
    if (kernel == NULL)
        return ERR_not_found;
    info->kernel_base = PHYS(kernel->physical_base);
    return info->range_count != 0 ? OK : ERR_not_found;
}
