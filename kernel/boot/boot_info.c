/*
 * The boot memory map, the modules and the command line, whatever the protocol.
 *
 * Life cycle: as boot_info.h says; boot CPU alone, no lock.
 * Rules: memory is given only where no range says otherwise. What does not fit in a table or is
 * malformed may cost us memory, but never makes memory usable that some range withholds.
 */
#include "boot/boot_info.h"
#include "lib/string.h"
#include "mem/phys.h"
#include "trace/log.h"

/* The first page number that is not an address any more; the page below it is never used, so
 * that the end of every range is a number, too. */
#define PAGE_LIMIT (((uint64_t)1 << (64 - PAGE_SHIFT)) - 1)

/* A place in the memory map, in pages, where a range begins or ends. */
struct boundary {
    uint64_t page;
    enum range_kind kind;
    bool begins;
};

static struct boundary boundaries[2 * CONFIG_RANGE_MAX];

void boot_info_init(struct boot_info *info, const char *protocol)
{
    memset(info, 0, sizeof(*info));
    info->protocol = protocol;
    info->entry = "";
}

void boot_info_fault(struct boot_info *info, const char *what, error_t why)
{
    info->fault_count++;
    log_warn("boot", "%s: %s", what, error_text(why));
}

/* Cuts [base, end) out of `range`, which keeps the larger side of what is left. */
static void range_cut(struct boot_range *range, uint64_t base, uint64_t end)
{
    uint64_t last = range->base.pa + (range->size - 1);
    uint64_t below = base > range->base.pa ? base - range->base.pa : 0;
    uint64_t above = end != 0 && end <= last ? last - end + 1 : 0;
    if (above > below)
        range->base.pa = end;
    range->size = max_u64(below, above);
}

/* True if [base, base + size) and `range` share a byte; neither is empty or wraps. */
static bool range_overlaps(const struct boot_range *range, uint64_t base, uint64_t size)
{
    return base <= range->base.pa + (range->size - 1) && range->base.pa <= base + (size - 1);
}

/*
 * There is no room to note a range that withholds memory: take that memory out of what is free
 * now, and let what would be free after start-up be withheld, too.
 */
static void boot_info_withhold(struct boot_info *info, phys_t base, uint64_t size,
                               enum range_kind kind)
{
    uint64_t first = align_down(base.pa, PAGE_SIZE);
    uint64_t end = align_up(base.pa + size, PAGE_SIZE);
    for (uint32_t i = 0; i < info->range_count; i++) {
        struct boot_range *range = &info->ranges[i];
        if (range->size == 0 || range->kind >= kind || !range_overlaps(range, first, end - first))
            continue;
        if (range->kind == RANGE_USABLE)
            range_cut(range, first, end);
        else if (range->kind == RANGE_LOADER)
            range->kind = kind;
    }
}

error_t boot_info_add_range(struct boot_info *info, phys_t base, uint64_t size,
                            enum range_kind kind)
{
    if (size == 0)
        return OK;
    if (size - 1 > UINT64_MAX - base.pa || (unsigned)kind >= RANGE_KINDS) {
        boot_info_fault(info, "a memory range wraps around", ERR_bad_argument);
        return ERR_bad_argument;
    }
    if (info->range_count == CONFIG_RANGE_MAX) {
        boot_info_withhold(info, base, size, kind);
        boot_info_fault(info, "one memory range too many", ERR_full);
        return ERR_full;
    }
    info->ranges[info->range_count++] = (struct boot_range){base, size, kind};
    return OK;
}

error_t boot_info_add_firmware_range(struct boot_info *info, phys_t base, uint64_t size,
                                     uint32_t type)
{
    static const enum range_kind kinds[] = {
        [1] = RANGE_USABLE,   [2] = RANGE_RESERVED, [3] = RANGE_ACPI_RECLAIM,
        [4] = RANGE_ACPI_NVS, [5] = RANGE_BAD,
    };
    bool known = type >= 1 && type < COUNT_OF(kinds);
    return boot_info_add_range(info, base, size, known ? kinds[type] : RANGE_RESERVED);
}

error_t boot_info_add_module(struct boot_info *info, phys_t base, uint64_t size, const char *name,
                             size_t name_size)
{
    /* Its memory is kept even if there is no room to name it: something may lie there. */
    error_t error = boot_info_add_range(info, base, size, RANGE_MODULE);
    if (error == ERR_bad_argument)
        return error;
    if (info->module_count == CONFIG_MODULE_MAX) {
        boot_info_fault(info, "one module too many", ERR_full);
        return ERR_full;
    }
    struct boot_module *module = &info->modules[info->module_count++];
    *module = (struct boot_module){.base = base, .size = size};
    memcpy(module->name, name, string_length(name, min_u64(name_size, sizeof(module->name) - 1)));
    return error;
}

void boot_info_set_command_line(struct boot_info *info, const char *text, size_t size)
{
    size_t length = string_length(text, size);
    if (length >= sizeof(info->command_line)) {
        boot_info_fault(info, "the command line is too long and was cut", ERR_truncated);
        length = sizeof(info->command_line) - 1;
    }
    memcpy(info->command_line, text, length);
    info->command_line[length] = '\0';
}

/* A console draws pixels of 32 bits with colours of 8; other forms are not malformed, only unused.
 */
static bool framebuffer_usable(const struct boot_framebuffer_source *source)
{
    for (size_t i = 0; i < COUNT_OF(source->size); i++) {
        if (source->size[i] != 8 || source->shift[i] > 24)
            return false;
    }
    return source->bits == 32 && source->width != 0 && source->height != 0;
}

void boot_info_set_framebuffer(struct boot_info *info, const struct boot_framebuffer_source *source)
{
    if (!framebuffer_usable(source)) {
        log_info("boot", "no use for a framebuffer of %u bits per pixel", source->bits);
        return;
    }
    uint64_t limit = UINT32_MAX / 4;
    if (source->width > limit || source->height > limit || source->pitch > UINT32_MAX ||
        source->pitch < source->width * 4) {
        boot_info_fault(info, "the framebuffer's size", ERR_malformed);
        return;
    }
    uint64_t size = source->pitch * source->height;
    if (boot_info_add_range(info, source->base, size, RANGE_FRAMEBUFFER) == ERR_bad_argument)
        return;
    info->framebuffer = (struct boot_framebuffer){
        .base = source->base,
        .width = (uint32_t)source->width,
        .height = (uint32_t)source->height,
        .pitch = (uint32_t)source->pitch,
        .red_shift = source->shift[0],
        .green_shift = source->shift[1],
        .blue_shift = source->shift[2],
    };
}

/* How many bytes at `from`, at most `most`, can be seen; no more than half of them missed. */
static size_t readable_bytes(phys_t from, size_t most)
{
    while (most != 0 && phys_window(from, most) == NULL)
        most /= 2;
    return most;
}

bool boot_string(phys_t from, char *to, size_t size)
{
    size_t length = 0;
    while (length < size) {
        size_t to_page_end = PAGE_SIZE - (from.pa & (PAGE_SIZE - 1));
        size_t chunk = readable_bytes(from, min_u64(size - length, to_page_end));
        const char *text = phys_window(from, chunk);
        if (chunk == 0 || text == NULL)
            break;
        size_t piece = string_length(text, chunk);
        memcpy(to + length, text, piece);
        length += piece;
        if (piece < chunk) {
            to[length] = '\0';
            return true;
        }
        from.pa += chunk;
    }
    to[length < size ? length : size - 1] = '\0';
    return false;
}

/* Usable ranges are rounded inwards, all others outwards. False if nothing is left. */
static bool range_pages(const struct boot_range *range, uint64_t *first, uint64_t *end)
{
    if (range->size == 0)
        return false;
    uint64_t last = range->base.pa + (range->size - 1);
    *first = range->base.pa >> PAGE_SHIFT;
    *end = (last >> PAGE_SHIFT) + 1;
    if (range->kind == RANGE_USABLE) {
        *first += !is_aligned(range->base.pa, PAGE_SIZE);
        *end -= !is_aligned(last + 1, PAGE_SIZE);
    }
    *end = min_u64(*end, PAGE_LIMIT);
    return *first < *end;
}

/* Insertion sort: loaders give their maps nearly sorted, for which it is linear. */
static void boundary_insert(uint32_t count, struct boundary boundary)
{
    uint32_t i = count;
    for (; i > 0 && boundaries[i - 1].page > boundary.page; i--)
        boundaries[i] = boundaries[i - 1];
    boundaries[i] = boundary;
}

static uint32_t boundaries_collect(const struct boot_info *info)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < info->range_count; i++) {
        uint64_t first = 0, end = 0;
        enum range_kind kind = info->ranges[i].kind;
        if (!range_pages(&info->ranges[i], &first, &end))
            continue;
        boundary_insert(count++, (struct boundary){first, kind, true});
        boundary_insert(count++, (struct boundary){end, kind, false});
    }
    return count;
}

/* The kind that wins where `open[kind]` ranges of each kind overlap; RANGE_KINDS: none does. */
static enum range_kind kind_on_top(const uint32_t open[RANGE_KINDS])
{
    for (unsigned kind = RANGE_KINDS; kind-- > 0;) {
        if (open[kind] != 0)
            return (enum range_kind)kind;
    }
    return RANGE_KINDS;
}

/* Appends pages [first, end), joined to the range before them if they continue it. */
static void boot_info_append(struct boot_info *info, uint64_t first, uint64_t end,
                             enum range_kind kind)
{
    phys_t base = PHYS(first << PAGE_SHIFT);
    uint64_t size = (end - first) << PAGE_SHIFT;
    if (info->range_count > 0) {
        struct boot_range *last = &info->ranges[info->range_count - 1];
        if (last->kind == kind && last->base.pa + last->size == base.pa) {
            last->size += size;
            return;
        }
    }
    if (info->range_count == CONFIG_RANGE_MAX)
        boot_info_fault(info, "the memory map has too many pieces; one was lost", ERR_full);
    else
        info->ranges[info->range_count++] = (struct boot_range){base, size, kind};
}

error_t boot_info_normalise(struct boot_info *info)
{
    uint32_t open[RANGE_KINDS] = {0};
    uint32_t count = boundaries_collect(info);
    info->range_count = 0;
    for (uint32_t i = 0; i + 1 < count; i++) {
        const struct boundary *at = &boundaries[i];
        open[at->kind] += at->begins ? 1u : UINT32_MAX;
        enum range_kind kind = kind_on_top(open);
        if (kind != RANGE_KINDS && at->page != at[1].page)
            boot_info_append(info, at->page, at[1].page, kind);
    }
    return boot_info_total(info, RANGE_USABLE) != 0 ? OK : ERR_not_found;
}

uint64_t boot_info_total(const struct boot_info *info, enum range_kind kind)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < info->range_count; i++)
        total += info->ranges[i].kind == kind ? info->ranges[i].size : 0;
    return total;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The length of the word at `text`. */
static size_t word_length(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0' && !is_blank(text[length]))
        length++;
    return length;
}

/* The last word wins, so that what is appended to a command line overrides what stood there. */
bool boot_option(const struct boot_info *info, const char *key, char *value, size_t size)
{
    size_t key_length = strlen(key);
    bool found = false;
    const char *word = info->command_line;
    for (size_t length = 0; *word != '\0'; word += length > 0 ? length : 1) {
        length = word_length(word);
        if (length < key_length || length == 0 || memcmp(word, key, key_length) != 0)
            continue;
        if (length > key_length && word[key_length] != '=')
            continue;
        size_t skip = length > key_length ? key_length + 1 : key_length;
        size_t copied = min_u64(length - skip, size - 1);
        memcpy(value, word + skip, copied);
        value[copied] = '\0';
        found = true;
    }
    return found;
}

const char *range_kind_name(enum range_kind kind)
{
    static const char *const names[RANGE_KINDS] = {
        [RANGE_USABLE] = "usable",
        [RANGE_LOADER] = "loader",
        [RANGE_MODULE] = "module",
        [RANGE_FRAMEBUFFER] = "framebuffer",
        [RANGE_ACPI_RECLAIM] = "acpi tables",
        [RANGE_KERNEL] = "kernel",
        [RANGE_RESERVED] = "reserved",
        [RANGE_ACPI_NVS] = "acpi nvs",
        [RANGE_BAD] = "bad",
    };
    return (unsigned)kind < RANGE_KINDS ? names[kind] : "unknown";
}

bool range_is_ram(enum range_kind kind)
{
    return kind == RANGE_USABLE || kind == RANGE_LOADER || kind == RANGE_MODULE ||
           kind == RANGE_ACPI_RECLAIM || kind == RANGE_KERNEL;
}
