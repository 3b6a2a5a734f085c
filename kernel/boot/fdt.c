/*
 * The walker over flattened device trees. Life cycle and rules: fdt.h.
 *
 * Blob:  header | reservations: (address, size) * | structs: tokens | strings: names
 * Token: BEGIN name\0 pad | PROP size name-offset bytes pad | END | NOP | FINISH, 4-aligned
 */
#include "boot/fdt.h"
#include "lib/string.h"
#include "mem/phys.h"

#define FDT_MAGIC   0xd00dfeedu
#define FDT_VERSION 17u

enum fdt_token {
    FDT_BEGIN = 1,
    FDT_END = 2,
    FDT_PROP = 3,
    FDT_NOP = 4,
    FDT_FINISH = 9,
};

/* The header's fields, as indices of 32-bit cells (5.2). */
enum fdt_header {
    HEADER_MAGIC,
    HEADER_SIZE,
    HEADER_STRUCTS,
    HEADER_STRINGS,
    HEADER_RESERVATIONS,
    HEADER_VERSION,
    HEADER_LAST_COMPATIBLE,
    HEADER_BOOT_CPU,
    HEADER_STRINGS_SIZE,
    HEADER_STRUCTS_SIZE,
    HEADER_CELLS
};

static uint32_t load_big32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t load_big64(const uint8_t *bytes)
{
    return (uint64_t)load_big32(bytes) << 32 | load_big32(bytes + 4);
}

/* True if [offset, offset + size) lies in a block of `limit` bytes. */
static bool in_block(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

static error_t fdt_set_blocks(struct fdt *fdt, const uint8_t *blob, uint32_t size)
{
    uint32_t header[HEADER_CELLS];
    for (uint32_t i = 0; i < HEADER_CELLS; i++)
        header[i] = load_big32(blob + (size_t)i * 4);
    if (!in_block(header[HEADER_STRUCTS], header[HEADER_STRUCTS_SIZE], size) ||
        !in_block(header[HEADER_STRINGS], header[HEADER_STRINGS_SIZE], size) ||
        !in_block(header[HEADER_RESERVATIONS], 0, size) || !is_aligned(header[HEADER_STRUCTS], 4))
        return ERR_malformed;
    *fdt = (struct fdt){
        .structs = blob + header[HEADER_STRUCTS],
        .structs_size = header[HEADER_STRUCTS_SIZE],
        .strings = blob + header[HEADER_STRINGS],
        .strings_size = header[HEADER_STRINGS_SIZE],
        .reservations = blob + header[HEADER_RESERVATIONS],
        .reservations_size = size - header[HEADER_RESERVATIONS],
        .size = size,
    };
    return OK;
}

error_t fdt_open(struct fdt *fdt, phys_t address)
{
    const uint32_t header_size = HEADER_CELLS * 4;
    const uint8_t *blob = phys_window(address, header_size);
    if (blob == NULL)
        return ERR_truncated;
    uint32_t size = load_big32(blob + (size_t)HEADER_SIZE * 4);
    if (load_big32(blob) != FDT_MAGIC || size < header_size)
        return ERR_malformed;
    if (load_big32(blob + (size_t)HEADER_VERSION * 4) < FDT_VERSION ||
        load_big32(blob + (size_t)HEADER_LAST_COMPATIBLE * 4) > FDT_VERSION)
        return ERR_unsupported;
    blob = phys_window(address, size);
    return blob != NULL ? fdt_set_blocks(fdt, blob, size) : ERR_truncated;
}

bool fdt_reservation(const struct fdt *fdt, uint32_t index, struct fdt_region *region)
{
    uint64_t offset = (uint64_t)index * 16;
    if (!in_block(offset, 16, fdt->reservations_size))
        return false;
    region->base = PHYS(load_big64(fdt->reservations + offset));
    region->size = load_big64(fdt->reservations + offset + 8);
    return region->base.pa != 0 || region->size != 0;
}

/* A property in the struct block; `next` is where the token after it begins. */
struct fdt_entry {
    uint32_t name; /* offset in the strings */
    struct fdt_value value;
    uint32_t next;
};

static bool fdt_token_at(const struct fdt *fdt, uint32_t offset, uint32_t *token)
{
    if (!in_block(offset, 4, fdt->structs_size))
        return false;
    *token = load_big32(fdt->structs + offset);
    return true;
}

/* Reads the property whose token is at `offset`. */
static bool fdt_entry_at(const struct fdt *fdt, uint32_t offset, struct fdt_entry *entry)
{
    if (!in_block(offset, 12, fdt->structs_size))
        return false;
    uint32_t size = load_big32(fdt->structs + offset + 4);
    if (!in_block((uint64_t)offset + 12, size, fdt->structs_size))
        return false;
    entry->name = load_big32(fdt->structs + offset + 8);
    entry->value = (struct fdt_value){fdt->structs + offset + 12, size};
    entry->next = (uint32_t)min_u64(align_up((uint64_t)offset + 12 + size, 4), UINT32_MAX);
    return true;
}

static bool fdt_string_is(const struct fdt *fdt, uint32_t offset, const char *text)
{
    size_t size = strlen(text) + 1;
    return in_block(offset, size, fdt->strings_size) &&
           memcmp(fdt->strings + offset, text, size) == 0;
}

bool fdt_property_at(const struct fdt_walk *walk, uint32_t depth, const char *name,
                     struct fdt_value *value)
{
    uint32_t offset = walk->levels[depth].properties, token = 0;
    struct fdt_entry entry;
    while (fdt_token_at(walk->fdt, offset, &token) && (token == FDT_PROP || token == FDT_NOP)) {
        if (token == FDT_NOP) {
            offset += 4;
            continue;
        }
        if (!fdt_entry_at(walk->fdt, offset, &entry))
            return false;
        if (fdt_string_is(walk->fdt, entry.name, name)) {
            *value = entry.value;
            return true;
        }
        offset = entry.next;
    }
    return false;
}

bool fdt_property(const struct fdt_walk *walk, const char *name, struct fdt_value *value)
{
    return fdt_property_at(walk, walk->depth, name, value);
}

/* The cells that the node at `depth` gives to its children: 2 and 1 if it does not say (2.3.5). */
static void fdt_level_set_cells(struct fdt_walk *walk, uint32_t depth)
{
    struct fdt_level *level = &walk->levels[depth];
    struct fdt_value value;
    level->address_cells = 2;
    level->size_cells = 1;
    if (fdt_property_at(walk, depth, "#address-cells", &value))
        (void)fdt_cell(&value, 0, &level->address_cells);
    if (fdt_property_at(walk, depth, "#size-cells", &value))
        (void)fdt_cell(&value, 0, &level->size_cells);
}

void fdt_walk_start(struct fdt_walk *walk, const struct fdt *fdt)
{
    memset(walk, 0, sizeof(*walk));
    walk->fdt = fdt;
}

static bool fdt_walk_stop(struct fdt_walk *walk, error_t error)
{
    walk->error = error;
    walk->next = walk->fdt->structs_size;
    return false;
}

/* Enters the node whose BEGIN token is just behind us. True if it is one that we show. */
static bool fdt_walk_enter(struct fdt_walk *walk)
{
    const char *name = (const char *)walk->fdt->structs + walk->next;
    uint32_t left = walk->fdt->structs_size - walk->next;
    uint32_t length = (uint32_t)string_length(name, left);
    uint64_t after = align_up((uint64_t)walk->next + length + 1, 4);
    if (length == left || after > walk->fdt->structs_size)
        return fdt_walk_stop(walk, ERR_truncated);
    walk->next = (uint32_t)after;
    uint32_t depth = walk->opened++;
    if (depth >= FDT_DEPTH_MAX)
        return false;
    walk->depth = depth;
    walk->levels[depth] = (struct fdt_level){.name = name, .properties = walk->next};
    fdt_level_set_cells(walk, depth);
    return true;
}

/* Takes one token other than BEGIN. False if the walk is over. */
static bool fdt_walk_pass(struct fdt_walk *walk, uint32_t token)
{
    struct fdt_entry entry;
    if (token == FDT_NOP) {
        walk->next += 4;
        return true;
    }
    if (token == FDT_PROP) {
        if (!fdt_entry_at(walk->fdt, walk->next, &entry))
            return fdt_walk_stop(walk, ERR_truncated);
        walk->next = entry.next;
        return true;
    }
    if (token == FDT_END && walk->opened > 0) {
        walk->opened--;
        walk->next += 4;
        return true;
    }
    return fdt_walk_stop(walk, token == FDT_FINISH && walk->opened == 0 ? OK : ERR_malformed);
}

bool fdt_walk_next(struct fdt_walk *walk)
{
    uint32_t token = 0;
    if (walk->error != OK)
        return false;
    while (fdt_token_at(walk->fdt, walk->next, &token)) {
        if (token != FDT_BEGIN) {
            if (!fdt_walk_pass(walk, token))
                return false;
            continue;
        }
        walk->next += 4;
        if (fdt_walk_enter(walk))
            return true;
        if (walk->error != OK)
            return false;
    }
    return fdt_walk_stop(walk, ERR_truncated);
}

/* True if the current node is the one with the path `path`: "/" or "/name@unit/...". */
static bool fdt_path_is(const struct fdt_walk *walk, const char *path, size_t size)
{
    size_t at = 0;
    for (uint32_t depth = 1; depth <= walk->depth; depth++) {
        const char *name = walk->levels[depth].name;
        size_t length = strlen(name);
        if (size - at < length + 1 || path[at] != '/' || memcmp(path + at + 1, name, length) != 0)
            return false;
        at += length + 1;
    }
    return at == size || (walk->depth == 0 && size == 1 && path[0] == '/');
}

bool fdt_walk_find(struct fdt_walk *walk, const struct fdt *fdt, const char *path, size_t size)
{
    fdt_walk_start(walk, fdt);
    while (fdt_walk_next(walk)) {
        if (fdt_path_is(walk, path, size))
            return true;
    }
    return false;
}

bool fdt_name_is(const struct fdt_walk *walk, uint32_t depth, const char *name)
{
    const char *own = walk->levels[depth].name;
    size_t length = strlen(name);
    return strncmp(own, name, length) == 0 && (own[length] == '\0' || own[length] == '@');
}

bool fdt_value_has(const struct fdt_value *value, const char *text)
{
    uint32_t size = (uint32_t)strlen(text) + 1;
    for (uint32_t at = 0; at < value->size && size <= value->size - at;) {
        const char *item = (const char *)value->bytes + at;
        if (memcmp(item, text, size) == 0)
            return true;
        at += (uint32_t)string_length(item, value->size - at) + 1;
    }
    return false;
}

bool fdt_property_has(const struct fdt_walk *walk, const char *name, const char *text)
{
    struct fdt_value value;
    return fdt_property(walk, name, &value) && fdt_value_has(&value, text);
}

bool fdt_enabled(const struct fdt_walk *walk)
{
    struct fdt_value value;
    return !fdt_property(walk, "status", &value) || fdt_property_has(walk, "status", "okay") ||
           fdt_property_has(walk, "status", "ok");
}

bool fdt_cell(const struct fdt_value *value, uint32_t index, uint32_t *cell)
{
    if (!in_block((uint64_t)index * 4, 4, value->size))
        return false;
    *cell = load_big32(value->bytes + (uint64_t)index * 4);
    return true;
}

bool fdt_number(const struct fdt_value *value, uint32_t index, uint32_t count, uint64_t *number)
{
    uint64_t result = 0;
    if (count > 2)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cell = 0;
        if (!fdt_cell(value, index + i, &cell))
            return false;
        result = result << 32 | cell;
    }
    *number = result;
    return true;
}

bool fdt_property_number(const struct fdt_walk *walk, const char *name, uint64_t *number)
{
    struct fdt_value value;
    return fdt_property(walk, name, &value) && (value.size == 4 || value.size == 8) &&
           fdt_number(&value, 0, value.size / 4, number);
}

/* One entry of ranges: child address, our address, size. False behind the last. */
static bool fdt_range_at(const struct fdt_value *ranges, uint32_t index, uint32_t child_cells,
                         const struct fdt_level *parent_of_bus, uint32_t size_cells,
                         uint64_t entry[3])
{
    uint32_t parent_cells = parent_of_bus->address_cells;
    uint32_t at = index * (child_cells + parent_cells + size_cells);
    /* Of a longer child address (PCI's three cells) the last two are the number. */
    uint32_t skip = child_cells > 2 ? child_cells - 2 : 0;
    return size_cells != 0 && fdt_number(ranges, at + skip, child_cells - skip, &entry[0]) &&
           fdt_number(ranges, at + child_cells, parent_cells, &entry[1]) &&
           fdt_number(ranges, at + child_cells + parent_cells, size_cells, &entry[2]);
}

/* Translates `region` from the bus at `depth` to its parent. An empty ranges is the identity. */
static bool fdt_translate(const struct fdt_walk *walk, uint32_t depth, struct fdt_region *region)
{
    const struct fdt_level *bus = &walk->levels[depth];
    struct fdt_value ranges;
    uint64_t entry[3] = {0};
    if (!fdt_property_at(walk, depth, "ranges", &ranges))
        return false;
    if (ranges.size == 0)
        return true;
    if (bus->address_cells > 3 || bus->size_cells > 2 || bus[-1].address_cells > 2)
        return false;
    for (uint32_t i = 0;
         fdt_range_at(&ranges, i, bus->address_cells, bus - 1, bus->size_cells, entry); i++) {
        uint64_t offset = region->base.pa - entry[0];
        if (region->base.pa < entry[0] || !in_block(offset, region->size, entry[2]))
            continue;
        region->base = PHYS(entry[1] + offset);
        return true;
    }
    return false;
}

bool fdt_reg(const struct fdt_walk *walk, uint32_t index, struct fdt_region *region)
{
    struct fdt_value reg;
    if (walk->depth == 0 || !fdt_property(walk, "reg", &reg))
        return false;
    const struct fdt_level *bus = &walk->levels[walk->depth - 1];
    uint64_t at = (uint64_t)index * ((uint64_t)bus->address_cells + bus->size_cells);
    if (at >= reg.size / 4 || bus->address_cells == 0 ||
        !fdt_number(&reg, (uint32_t)at, bus->address_cells, &region->base.pa) ||
        !fdt_number(&reg, (uint32_t)at + bus->address_cells, bus->size_cells, &region->size))
        return false;
    for (uint32_t depth = walk->depth - 1; depth > 0; depth--) {
        if (!fdt_translate(walk, depth, region))
            return false;
    }
    return true;
}

bool fdt_pci_memory(const struct fdt_walk *walk, struct fdt_region *region)
{
    const uint32_t space_shift = 24, space_mask = 3, space_memory = 2;
    const struct fdt_level *bus = &walk->levels[walk->depth];
    struct fdt_value ranges;
    uint64_t entry[3] = {0};
    uint32_t kind = 0;
    if (walk->depth != 1 || bus->address_cells != 3 || bus->size_cells > 2 ||
        bus[-1].address_cells > 2 || !fdt_property(walk, "ranges", &ranges))
        return false;
    for (uint32_t i = 0; fdt_range_at(&ranges, i, 3, bus - 1, bus->size_cells, entry); i++) {
        (void)fdt_cell(&ranges, i * (3 + bus[-1].address_cells + bus->size_cells), &kind);
        if ((kind >> space_shift & space_mask) != space_memory || entry[0] != entry[1])
            continue;
        *region = (struct fdt_region){PHYS(entry[0]), entry[2]};
        return true;
    }
    return false;
}
