/* Limine: the answers, read right, missing one by one, cut and broken. */
#include "blobs.h"
#include "boot/limine.h"
#include "loaders.h"
#include "unit.h"

#include <string.h>

static struct boot_info info;
static struct blob blob;
static const uint8_t *arena;

static error_t read_blob(void)
{
    boot_info_init(&info, "limine");
    arena = limine_load(blob.bytes, blob.size);
    return limine_read(&info);
}

TEST(limine_reads_everything)
{
    blob_limine(&blob);
    EXPECT(read_blob() == OK);
    expect_loader_map(&info);
    expect_command_line(&info);
    EXPECT(ranges_at(&info, 0x400000, RANGE_LOADER) == 1);
    EXPECT(ranges_at(&info, 0x500000, RANGE_MODULE) == 1);
    EXPECT(ranges_at(&info, 0xfd000000, RANGE_FRAMEBUFFER) == 1);
    EXPECT(limine_hhdm_offset() == (uint64_t)(uintptr_t)arena);
    EXPECT(info.kernel_base.pa == 0x500000);
    EXPECT(info.rsdp.pa == 0xf50 && info.fdt.pa == 0x1000);
    REQUIRE(info.module_count == 2);
    EXPECT(info.modules[0].base.pa == 0x2000 && info.modules[0].size == 0x1800);
    EXPECT(strcmp(info.modules[0].name, "first module") == 0);
    EXPECT(strcmp(info.modules[1].name, "/boot/tern.elf") == 0); /* it has no command line */
    EXPECT(info.framebuffer.base.pa == 0x7000 && info.framebuffer.width == 640);
    EXPECT(info.framebuffer.height == 480 && info.framebuffer.pitch == 2560);
    EXPECT(info.framebuffer.red_shift == 16 && info.framebuffer.green_shift == 8);
    EXPECT(info.framebuffer.blue_shift == 0);
    EXPECT(info.fault_count == 0);
}

TEST(limine_table_has_the_protocols_form)
{
    const struct limine_table *table = (const struct limine_table *)&limine_table;
    EXPECT(table->start[0] == 0xf6b8f4b39de7d1ae && table->end[1] == 0x9572709f31764c62);
    EXPECT(table->base_revision[0] == 0xf9562b2d5c95a6c8 && table->base_revision[2] == 2);
    for (unsigned i = 0; i < LIMINE_FEATURES; i++) {
        EXPECT(table->requests[i].id[0] == 0xc7b1dd30df4c8b88);
        EXPECT(table->requests[i].id[1] == 0x0a82e883a194f07b);
        EXPECT(table->requests[i].revision == 0 && table->requests[i].response == NULL);
        for (unsigned j = 0; j < i; j++)
            EXPECT(table->requests[i].id[2] != table->requests[j].id[2]);
    }
    EXPECT((uintptr_t)table % 8 == 0);
}

TEST(limine_without_an_answer)
{
    static const struct {
        enum limine_feature feature;
        error_t error;
    } cases[] = {{LIMINE_HHDM, ERR_not_found},
                 {LIMINE_MEMORY_MAP, OK},
                 {LIMINE_FRAMEBUFFER, OK},
                 {LIMINE_KERNEL_ADDRESS, ERR_not_found},
                 {LIMINE_KERNEL_FILE, OK},
                 {LIMINE_MODULES, OK},
                 {LIMINE_RSDP, OK},
                 {LIMINE_DTB, OK}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        blob_limine(&blob);
        blob_patch(&blob, (uint32_t)cases[i].feature * 8, 0, 8);
        EXPECT(read_blob() == cases[i].error);
        EXPECT(info.fault_count == 0);
    }
    EXPECT(info.fdt.pa == 0 && info.rsdp.pa == 0xf50);
}

TEST(limine_needs_memory_and_our_revision)
{
    blob_limine(&blob);
    blob_patch(&blob, LIMINE_MEMORY_MAP * 8, 0, 8);
    blob_patch(&blob, LIMINE_FRAMEBUFFER * 8, 0, 8);
    blob_patch(&blob, LIMINE_MODULES * 8, 0, 8);
    EXPECT(read_blob() == ERR_not_found);
    blob_limine(&blob);
    (void)read_blob();
    limine_table.base_revision[2] = 2;
    EXPECT(limine_read(&info) == ERR_unsupported);
}

/* The offset in the blob of what the answer at `feature` says at `field`. */
static uint32_t answer_of(enum limine_feature feature)
{
    uint64_t word = 0;
    memcpy(&word, blob.bytes + (uint32_t)feature * 8, 8);
    return (uint32_t)(word - BLOB_HHDM);
}

TEST(limine_stray_pointers_are_counted)
{
    static const struct {
        enum limine_feature feature;
        uint32_t field;
        uint64_t stray;
        uint32_t faults;
    } cases[] = {{LIMINE_RSDP, 8, 0x1000, 1},
                 {LIMINE_DTB, 8, BLOB_HHDM + 0x8000, 1},
                 {LIMINE_RSDP, 8, 0, 0},
                 {LIMINE_KERNEL_FILE, 8, BLOB_HHDM + 0x8000 - 8, 1},
                 {LIMINE_MEMORY_MAP, 16, 0x1000, 1},
                 {LIMINE_MODULES, 16, BLOB_HHDM + 0x8000 - 4, 1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        blob_limine(&blob);
        blob_patch(&blob, answer_of(cases[i].feature) + cases[i].field, cases[i].stray, 8);
        EXPECT(read_blob() == OK);
        EXPECT(info.fault_count == cases[i].faults);
    }
}

TEST(limine_first_usable_framebuffer_is_ours)
{
    uint64_t first = 0;
    blob_limine(&blob);
    memcpy(&first, blob.bytes + answer_of(LIMINE_FRAMEBUFFER) - 8, 8);
    uint32_t at = (uint32_t)(first - BLOB_HHDM);
    blob_patch(&blob, at + 34, 2, 1); /* not a model of red, green and blue */
    EXPECT(read_blob() == OK && info.framebuffer.width == 0 && info.fault_count == 0);
    blob_patch(&blob, at + 34, 1, 1);
    blob_patch(&blob, answer_of(LIMINE_FRAMEBUFFER) + 8, 2, 8); /* the same array again, */
    blob_patch(&blob, answer_of(LIMINE_FRAMEBUFFER), first, 8); /* and a second entry */
    EXPECT(read_blob() == OK && info.fault_count == 0);
    EXPECT(info.framebuffer.width == 640);
    EXPECT(ranges_at(&info, 0x7000, RANGE_FRAMEBUFFER) == 1);
}

TEST(limine_does_not_believe_in_endless_arrays)
{
    blob_limine(&blob);
    blob_patch(&blob, answer_of(LIMINE_MEMORY_MAP) + 8, UINT64_MAX, 8);
    EXPECT(read_blob() == OK && info.fault_count >= 2);
    EXPECT(ranges_at(&info, 0x100000, RANGE_USABLE) == 1);
}

TEST(limine_survives_every_cut)
{
    blob_limine(&blob);
    uint32_t whole = 0x1000; /* behind it are only the bytes of files */
    for (blob.size = 0; blob.size < whole; blob.size++) {
        error_t error = read_blob();
        (void)boot_info_normalise(&info);
        EXPECT(error != OK || info.fault_count != 0);
    }
}

TEST(limine_survives_every_flip)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    blob_limine(&blob);
    for (uint32_t at = 0; at < 0x900; at++) {
        for (size_t i = 0; i < COUNT_OF(masks); i++) {
            blob.bytes[at] ^= masks[i];
            (void)read_blob();
            (void)boot_info_normalise(&info);
            blob.bytes[at] ^= masks[i];
        }
    }
    blob_unload();
}
