/* The boot memory map against a bitmap of pages; modules, options, strings. */
#include "blobs.h"
#include "boot/boot_info.h"
#include "unit.h"

#include <string.h>

#define MODEL_PAGES 256

static struct boot_info info;

/* What each page of a small window must be: the last kind that covers it, or RANGE_KINDS. */
static enum range_kind model[MODEL_PAGES];
static uint64_t model_base;

static void model_start(uint64_t base)
{
    model_base = base;
    for (unsigned i = 0; i < MODEL_PAGES; i++)
        model[i] = RANGE_KINDS;
    boot_info_init(&info, "test");
}

/* The first and the last byte of a page. */
static uint64_t page_first(unsigned page)
{
    return model_base + page * PAGE_SIZE;
}

static uint64_t page_last(unsigned page)
{
    return page_first(page) + (PAGE_SIZE - 1);
}

static void model_add(uint64_t base, uint64_t size, enum range_kind kind)
{
    uint64_t last = base + (size - 1);
    for (unsigned i = 0; size != 0 && i < MODEL_PAGES; i++) {
        bool touched = base <= page_last(i) && last >= page_first(i);
        bool whole = base <= page_first(i) && last >= page_last(i);
        bool counts = kind == RANGE_USABLE ? whole : touched;
        if (counts && (model[i] == RANGE_KINDS || kind > model[i]))
            model[i] = kind;
    }
}

static void add_both(uint64_t base, uint64_t size, enum range_kind kind)
{
    EXPECT(boot_info_add_range(&info, PHYS(base), size, kind) == OK);
    model_add(base, size, kind);
}

/* The kind that the normalised map gives to a page. */
static enum range_kind kind_of(uint64_t address)
{
    for (uint32_t i = 0; i < info.range_count; i++) {
        const struct boot_range *range = &info.ranges[i];
        if (address >= range->base.pa && address - range->base.pa < range->size)
            return range->kind;
    }
    return RANGE_KINDS;
}

static void expect_normal_form(void)
{
    for (uint32_t i = 0; i < info.range_count; i++) {
        const struct boot_range *range = &info.ranges[i];
        EXPECT(range->size != 0);
        EXPECT(is_aligned(range->base.pa, PAGE_SIZE) && is_aligned(range->size, PAGE_SIZE));
        EXPECT(range->base.pa + range->size > range->base.pa);
        if (i == 0)
            continue;
        uint64_t before = range[-1].base.pa + range[-1].size;
        EXPECT(before < range->base.pa ||
               (before == range->base.pa && range[-1].kind != range->kind));
    }
}

static void expect_model(void)
{
    uint64_t usable = 0;
    unsigned pages = model_base + MODEL_PAGES * PAGE_SIZE == 0 ? MODEL_PAGES - 1 : MODEL_PAGES;
    for (unsigned i = 0; i < pages; i++) {
        EXPECT(kind_of(page_first(i)) == model[i]);
        usable += model[i] == RANGE_USABLE ? PAGE_SIZE : 0;
    }
    EXPECT(boot_info_total(&info, RANGE_USABLE) == usable);
}

static void random_map(uint64_t base)
{
    const uint64_t span = MODEL_PAGES * PAGE_SIZE;
    model_start(base);
    uint64_t ranges = unit_random() % 40;
    for (uint64_t i = 0; i < ranges; i++) {
        uint64_t from = unit_random() % span;
        uint64_t size = unit_random() % (unit_random() % 4 == 0 ? span : 8 * PAGE_SIZE);
        if (unit_random() % 2 == 0)
            from = align_down(from, PAGE_SIZE);
        if (unit_random() % 2 == 0)
            size = align_down(size, PAGE_SIZE);
        size = min_u64(size, span - from);
        enum range_kind kind =
            unit_random() % 2 == 0 ? RANGE_USABLE : (enum range_kind)(unit_random() % RANGE_KINDS);
        add_both(base + from, size, kind);
    }
    error_t error = boot_info_normalise(&info);
    expect_normal_form();
    expect_model();
    EXPECT((error == OK) == (boot_info_total(&info, RANGE_USABLE) != 0));
    EXPECT(info.fault_count == 0);
}

TEST(boot_info_normalise_agrees_with_a_page_model)
{
    for (int i = 0; i < 2000; i++)
        random_map(i % 3 == 0 ? 0 : i % 3 == 1 ? 0x123456000 : 0 - MODEL_PAGES * PAGE_SIZE);
}

TEST(boot_info_normalise_twice_changes_nothing)
{
    for (int i = 0; i < 100; i++) {
        random_map(0x1000000);
        struct boot_info once = info;
        (void)boot_info_normalise(&info);
        EXPECT(memcmp(&once, &info, sizeof(info)) == 0);
    }
}

TEST(boot_info_usable_shrinks_and_the_rest_grows)
{
    boot_info_init(&info, "test");
    (void)boot_info_add_range(&info, PHYS(0x1001), 0x3fff, RANGE_USABLE);
    (void)boot_info_add_range(&info, PHYS(0x10fff), 2, RANGE_RESERVED);
    EXPECT(boot_info_normalise(&info) == OK);
    REQUIRE(info.range_count == 2);
    EXPECT(info.ranges[0].base.pa == 0x2000 && info.ranges[0].size == 0x3000);
    EXPECT(info.ranges[1].base.pa == 0x10000 && info.ranges[1].size == 0x2000);
}

TEST(boot_info_ranges_may_end_with_the_address_space)
{
    boot_info_init(&info, "test");
    EXPECT(boot_info_add_range(&info, PHYS(0), UINT64_MAX, RANGE_RESERVED) == OK);
    EXPECT(boot_info_add_range(&info, PHYS(0 - 0x3000ull), 0x3000, RANGE_BAD) == OK);
    EXPECT(boot_info_normalise(&info) == ERR_not_found);
    REQUIRE(info.range_count == 2);
    EXPECT(info.ranges[0].base.pa == 0 && info.ranges[0].size == 0 - 0x3000ull);
    EXPECT(info.ranges[1].base.pa == 0 - 0x3000ull && info.ranges[1].size == 0x2000);
}

TEST(boot_info_refuses_ranges_that_wrap)
{
    boot_info_init(&info, "test");
    EXPECT(boot_info_add_range(&info, PHYS(0x1000), 0 - 0x1000ull, RANGE_USABLE) == OK);
    EXPECT(boot_info_add_range(&info, PHYS(0x1000), 0 - 0xfffull, RANGE_USABLE) ==
           ERR_bad_argument);
    EXPECT(boot_info_add_range(&info, PHYS(UINT64_MAX), 2, RANGE_USABLE) == ERR_bad_argument);
    EXPECT(boot_info_add_range(&info, PHYS(0), 1, RANGE_KINDS) == ERR_bad_argument);
    EXPECT(boot_info_add_range(&info, PHYS(0x5000), 0, RANGE_USABLE) == OK);
    EXPECT(info.range_count == 1 && info.fault_count == 3);
}

TEST(boot_info_full_table_never_makes_memory_usable)
{
    for (int round = 0; round < 50; round++) {
        model_start(0x40000000);
        for (unsigned i = 0; i < CONFIG_RANGE_MAX + 60; i++) {
            uint64_t from = unit_random() % (MODEL_PAGES * PAGE_SIZE);
            uint64_t size =
                min_u64(unit_random() % (16 * PAGE_SIZE) + 1, MODEL_PAGES * PAGE_SIZE - from);
            enum range_kind kind = (enum range_kind)(unit_random() % RANGE_KINDS);
            if (i < CONFIG_RANGE_MAX && i % 8 != 0)
                kind = RANGE_USABLE;
            error_t error = boot_info_add_range(&info, PHYS(model_base + from), size, kind);
            EXPECT(error == (i < CONFIG_RANGE_MAX ? OK : ERR_full));
            model_add(model_base + from, size, kind);
        }
        EXPECT(info.fault_count == 60);
        (void)boot_info_normalise(&info);
        expect_normal_form();
        for (unsigned i = 0; i < MODEL_PAGES; i++)
            EXPECT(kind_of(page_first(i)) > RANGE_LOADER || kind_of(page_first(i)) == model[i]);
    }
}

TEST(boot_info_full_table_gives_up_the_smaller_side)
{
    boot_info_init(&info, "test");
    for (unsigned i = 0; i < CONFIG_RANGE_MAX; i++)
        (void)boot_info_add_range(&info, PHYS(i * 0x10000), 0x8000, RANGE_USABLE);
    EXPECT(boot_info_add_range(&info, PHYS(0x11800), 0x1000, RANGE_RESERVED) == ERR_full);
    EXPECT(info.ranges[1].base.pa == 0x13000 && info.ranges[1].size == 0x5000);
    EXPECT(boot_info_add_range(&info, PHYS(0x26000), 0x1000, RANGE_KERNEL) == ERR_full);
    EXPECT(info.ranges[2].base.pa == 0x20000 && info.ranges[2].size == 0x6000);
    EXPECT(boot_info_add_range(&info, PHYS(0x2f000), 0x11000, RANGE_KERNEL) == ERR_full);
    EXPECT(info.ranges[3].size == 0 && info.ranges[2].size == 0x6000);
    EXPECT(boot_info_add_range(&info, PHYS(0x50000), 0x1000, RANGE_USABLE) == ERR_full);
    EXPECT(info.ranges[5].base.pa == 0x50000 && info.ranges[5].size == 0x8000);
}

TEST(boot_info_too_many_pieces_are_counted)
{
    boot_info_init(&info, "test");
    (void)boot_info_add_range(&info, PHYS(0), 0x10000000, RANGE_USABLE);
    for (unsigned i = 0; i < CONFIG_RANGE_MAX - 1; i++)
        (void)boot_info_add_range(&info, PHYS(0x1000 + i * 0x2000), 0x1000, RANGE_BAD);
    EXPECT(boot_info_normalise(&info) == OK);
    EXPECT(info.range_count == CONFIG_RANGE_MAX);
    EXPECT(info.fault_count == 2 * CONFIG_RANGE_MAX - 1 - CONFIG_RANGE_MAX);
    expect_normal_form();
}

TEST(boot_info_firmware_types)
{
    static const enum range_kind kinds[] = {RANGE_RESERVED,     RANGE_USABLE,   RANGE_RESERVED,
                                            RANGE_ACPI_RECLAIM, RANGE_ACPI_NVS, RANGE_BAD,
                                            RANGE_RESERVED,     RANGE_RESERVED};
    boot_info_init(&info, "test");
    for (uint32_t type = 0; type < COUNT_OF(kinds); type++) {
        EXPECT(boot_info_add_firmware_range(&info, PHYS(0x1000), 0x1000, type) == OK);
        EXPECT(info.ranges[type].kind == kinds[type]);
    }
    EXPECT(boot_info_add_firmware_range(&info, PHYS(0x1000), 0x1000, UINT32_MAX) == OK);
    EXPECT(info.ranges[COUNT_OF(kinds)].kind == RANGE_RESERVED);
}

TEST(boot_info_modules_are_named_and_kept)
{
    char name[100];
    memset(name, 'x', sizeof(name));
    boot_info_init(&info, "test");
    EXPECT(boot_info_add_module(&info, PHYS(0x1000), 0x10, "abc", 2) == OK);
    EXPECT(boot_info_add_module(&info, PHYS(0x2000), 0x20, name, sizeof(name)) == OK);
    EXPECT(strcmp(info.modules[0].name, "ab") == 0);
    EXPECT(strlen(info.modules[1].name) == sizeof(info.modules[1].name) - 1);
    EXPECT(info.modules[1].base.pa == 0x2000 && info.modules[1].size == 0x20);
    EXPECT(info.range_count == 2 && info.ranges[1].kind == RANGE_MODULE);
    EXPECT(boot_info_add_module(&info, PHYS(2), UINT64_MAX, "w", 1) == ERR_bad_argument);
    for (unsigned i = 2; i < CONFIG_MODULE_MAX; i++)
        EXPECT(boot_info_add_module(&info, PHYS(0x1000 * i), 0x10, "", 0) == OK);
    EXPECT(boot_info_add_module(&info, PHYS(0x100000), 0x10, "", 0) == ERR_full);
    EXPECT(info.module_count == CONFIG_MODULE_MAX);
    EXPECT(info.range_count == CONFIG_MODULE_MAX + 1); /* its memory is kept all the same */
    EXPECT(info.fault_count == 2);
}

TEST(boot_info_command_line_is_cut_with_a_fault)
{
    static char text[sizeof(info.command_line) + 10];
    memset(text, 'a', sizeof(text));
    boot_info_init(&info, "test");
    boot_info_set_command_line(&info, text, sizeof(info.command_line) - 1);
    EXPECT(strlen(info.command_line) == sizeof(info.command_line) - 1 && info.fault_count == 0);
    boot_info_set_command_line(&info, text, sizeof(text));
    EXPECT(strlen(info.command_line) == sizeof(info.command_line) - 1 && info.fault_count == 1);
    boot_info_set_command_line(&info, "ab\0cd", 5);
    EXPECT(strcmp(info.command_line, "ab") == 0);
}

static bool option_is(const char *key, const char *expected)
{
    char value[8] = "unset";
    bool found = boot_option(&info, key, value, sizeof(value));
    return expected == NULL ? !found : found && strcmp(value, expected) == 0;
}

TEST(boot_info_options)
{
    static const char line[] = "  quiet log=warn\tlogs=1 x= log=debug long=0123456789  last";
    boot_info_init(&info, "test");
    EXPECT(option_is("log", NULL) && option_is("", NULL));
    boot_info_set_command_line(&info, line, sizeof(line));
    EXPECT(option_is("quiet", ""));
    EXPECT(option_is("log", "debug"));
    EXPECT(option_is("logs", "1"));
    EXPECT(option_is("x", ""));
    EXPECT(option_is("long", "0123456"));
    EXPECT(option_is("last", ""));
    EXPECT(option_is("las", NULL) && option_is("lasts", NULL) && option_is("warn", NULL));
}

TEST(boot_info_strings_end_with_the_memory)
{
    static struct blob blob;
    char text[16];
    blob_init(&blob);
    (void)blob_text(&blob, "hello");
    (void)blob_put(&blob, "open end", 8);
    (void)blob_load(&blob);
    EXPECT(boot_string(PHYS(BLOB_BASE), text, sizeof(text)) && strcmp(text, "hello") == 0);
    EXPECT(!boot_string(PHYS(BLOB_BASE), text, 4) && strcmp(text, "hel") == 0);
    EXPECT(boot_string(PHYS(BLOB_BASE), text, 6) && strcmp(text, "hello") == 0);
    EXPECT(!boot_string(PHYS(BLOB_BASE), text, 5) && strcmp(text, "hell") == 0);
    EXPECT(!boot_string(PHYS(BLOB_BASE + 6), text, sizeof(text)));
    EXPECT(strcmp(text, "open end") == 0);
    EXPECT(!boot_string(PHYS(BLOB_BASE + 14), text, sizeof(text)) && text[0] == '\0');
    EXPECT(!boot_string(PHYS(0), text, sizeof(text)) && text[0] == '\0');
    blob_unload();
}

TEST(boot_info_strings_cross_pages)
{
    static struct blob blob;
    static char text[6000];
    blob_init(&blob);
    (void)blob_zero(&blob, 5001);
    memset(blob.bytes, 'y', 5000);
    (void)blob_load(&blob);
    EXPECT(boot_string(PHYS(BLOB_BASE), text, sizeof(text)) && strlen(text) == 5000);
    EXPECT(boot_string(PHYS(BLOB_BASE + 999), text, sizeof(text)) && strlen(text) == 4001);
    blob_unload();
}

static const struct boot_framebuffer_source good_framebuffer = {
    .base = {0xfd000000},
    .width = 800,
    .height = 600,
    .pitch = 3328,
    .bits = 32,
    .size = {8, 8, 8},
    .shift = {16, 8, 0},
};

TEST(boot_info_framebuffer)
{
    boot_info_init(&info, "test");
    boot_info_set_framebuffer(&info, &good_framebuffer);
    EXPECT(info.framebuffer.width == 800 && info.framebuffer.height == 600);
    EXPECT(info.framebuffer.pitch == 3328 && info.framebuffer.base.pa == 0xfd000000);
    EXPECT(info.framebuffer.red_shift == 16 && info.framebuffer.green_shift == 8);
    EXPECT(info.framebuffer.blue_shift == 0);
    EXPECT(info.range_count == 1 && info.ranges[0].kind == RANGE_FRAMEBUFFER);
    EXPECT(info.ranges[0].size == 3328 * 600 && info.fault_count == 0);
    struct boot_framebuffer_source source = good_framebuffer;
    source.shift[0] = 24;
    boot_info_set_framebuffer(&info, &source);
    EXPECT(info.framebuffer.red_shift == 24);
}

/* True if the framebuffer is left out, with `faults` faults. */
static bool framebuffer_refused(struct boot_framebuffer_source source, uint32_t faults)
{
    boot_info_init(&info, "test");
    boot_info_set_framebuffer(&info, &source);
    return info.framebuffer.width == 0 && info.range_count == 0 && info.fault_count == faults;
}

TEST(boot_info_framebuffer_forms_that_nobody_draws_on)
{
    struct boot_framebuffer_source source = good_framebuffer;
    source.bits = 24;
    EXPECT(framebuffer_refused(source, 0));
    source = good_framebuffer;
    source.size[1] = 6;
    EXPECT(framebuffer_refused(source, 0));
    source = good_framebuffer;
    source.shift[2] = 25;
    EXPECT(framebuffer_refused(source, 0));
    source = good_framebuffer;
    source.width = 0;
    EXPECT(framebuffer_refused(source, 0));
    source = good_framebuffer;
    source.height = 0;
    EXPECT(framebuffer_refused(source, 0));
}

TEST(boot_info_framebuffer_malformed)
{
    struct boot_framebuffer_source source = good_framebuffer;
    source.pitch = 3199;
    EXPECT(framebuffer_refused(source, 1));
    source.pitch = (uint64_t)1 << 33;
    EXPECT(framebuffer_refused(source, 1));
    source = good_framebuffer;
    source.width = source.pitch = (uint64_t)1 << 40;
    EXPECT(framebuffer_refused(source, 1));
    source = good_framebuffer;
    source.height = (uint64_t)1 << 40;
    EXPECT(framebuffer_refused(source, 1));
    source = good_framebuffer;
    source.base = PHYS(UINT64_MAX - 100);
    EXPECT(framebuffer_refused(source, 1));
}

TEST(boot_info_kind_names)
{
    for (unsigned kind = 0; kind < RANGE_KINDS; kind++) {
        EXPECT(range_kind_name((enum range_kind)kind) != NULL);
        EXPECT(strcmp(range_kind_name((enum range_kind)kind), "unknown") != 0);
    }
    EXPECT(strcmp(range_kind_name(RANGE_KINDS), "unknown") == 0);
}
