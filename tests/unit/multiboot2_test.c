/* Multiboot2: the list of tags, read right, cut at every length, and broken in every byte. */
#include "blobs.h"
#include "loaders.h"
#include "unit.h"

#include <string.h>

static struct boot_info info;
static struct blob blob;

static error_t read_blob(void)
{
    boot_info_init(&info, "multiboot2");
    (void)blob_load(&blob);
    return multiboot2_read(&info, PHYS(BLOB_BASE));
}

/* The offset of the first tag of `type`. */
static uint32_t find_tag(uint32_t type)
{
    uint32_t at = 8, size = 0;
    while (at + 8 <= blob.size) {
        uint32_t found = 0;
        memcpy(&found, blob.bytes + at, 4);
        memcpy(&size, blob.bytes + at + 4, 4);
        if (found == type)
            return at;
        at = (uint32_t)align_up(at + size, 8);
    }
    return 0;
}

TEST(multiboot2_reads_everything)
{
    blob_multiboot2(&blob);
    EXPECT(read_blob() == OK);
    expect_loader_map(&info);
    expect_command_line(&info);
    REQUIRE(info.module_count == 2);
    EXPECT(info.modules[0].base.pa == 0x200000 && info.modules[0].size == 0x1800);
    EXPECT(strcmp(info.modules[0].name, "first module") == 0);
    EXPECT(info.modules[1].base.pa == 0x300000 && info.modules[1].size == 0x1000);
    EXPECT(info.framebuffer.base.pa == 0xfd000000 && info.framebuffer.pitch == 4096);
    EXPECT(info.framebuffer.width == 1024 && info.framebuffer.height == 768);
    EXPECT(info.framebuffer.red_shift == 16 && info.framebuffer.green_shift == 8);
    EXPECT(ranges_at(&info, BLOB_BASE, RANGE_LOADER) == 1);
    EXPECT(info.ranges[info.range_count - 1].size == blob.size);
    EXPECT(info.fault_count == 0);
}

TEST(multiboot2_prefers_the_new_root_pointer)
{
    blob_multiboot2(&blob);
    EXPECT(read_blob() == OK);
    EXPECT(info.rsdp.pa == BLOB_BASE + find_tag(15) + 8);
    blob_patch(&blob, find_tag(15), 99, 4);
    EXPECT(read_blob() == OK);
    EXPECT(info.rsdp.pa == BLOB_BASE + find_tag(14) + 8);
}

TEST(multiboot2_new_root_pointer_wins_when_it_comes_last)
{
    blob_multiboot2(&blob);
    uint32_t old = find_tag(15), new = find_tag(14);
    blob_patch(&blob, old, 14, 4);
    blob_patch(&blob, new, 15, 4);
    EXPECT(read_blob() == OK && info.rsdp.pa == BLOB_BASE + new + 8);
}

/* Sets the size of the tag of `type` and expects one fault and the rest to be read. */
static bool fault_at_size(uint32_t type, uint32_t size)
{
    blob_multiboot2(&blob);
    blob_patch(&blob, find_tag(type) + 4, size, 4);
    uint32_t next = find_tag(type) + (uint32_t)align_up(size, 8);
    blob_patch(&blob, next, 8ull << 32, 8); /* the list's end */
    (void)read_blob();
    return info.fault_count == 1;
}

TEST(multiboot2_short_tags_are_counted)
{
    EXPECT(fault_at_size(3, 15));
    EXPECT(fault_at_size(6, 15));
    EXPECT(fault_at_size(8, 30));
    EXPECT(fault_at_size(8, 37));
    EXPECT(fault_at_size(15, 27));
    EXPECT(!fault_at_size(15, 28));
}

TEST(multiboot2_malformed_pieces_are_left_out)
{
    blob_multiboot2(&blob);
    blob_patch(&blob, find_tag(3) + 12, 0x1ff000, 4);
    EXPECT(read_blob() == OK && info.module_count == 1 && info.fault_count == 1);
    blob_multiboot2(&blob);
    blob_patch(&blob, find_tag(6) + 8, 20, 4);
    EXPECT(read_blob() == OK && info.fault_count == 1); /* modules and framebuffer remain */
    EXPECT(boot_info_total(&info, RANGE_USABLE) == 0);
}

TEST(multiboot2_other_framebuffers_are_no_fault)
{
    blob_multiboot2(&blob);
    blob_patch(&blob, find_tag(8) + 29, 2, 1);
    EXPECT(read_blob() == OK && info.framebuffer.width == 0 && info.fault_count == 0);
}

TEST(multiboot2_entries_may_be_larger_than_ours)
{
    blob_multiboot2(&blob);
    blob_patch(&blob, find_tag(6) + 8, 48, 4); /* every second entry is a tail then */
    EXPECT(read_blob() == OK && info.fault_count == 0);
    EXPECT(ranges_at(&info, 0x9fc00, RANGE_RESERVED) == 0);
    EXPECT(ranges_at(&info, 0xf0000, RANGE_RESERVED) == 1);
}

TEST(multiboot2_list_must_be_there)
{
    blob_multiboot2(&blob);
    blob_patch(&blob, 0, 7, 4);
    EXPECT(read_blob() == ERR_malformed);
    blob_patch(&blob, 0, blob.size + 1, 4);
    EXPECT(read_blob() == ERR_truncated);
    blob_patch(&blob, 0, 8, 4);
    EXPECT(read_blob() == ERR_not_found && info.fault_count == 1);
    blob_patch(&blob, 0, blob.size - 8, 4);
    EXPECT(read_blob() == OK && info.fault_count == 1); /* no end tag */
}

TEST(multiboot2_survives_every_cut)
{
    blob_multiboot2(&blob);
    uint32_t whole = blob.size;
    for (blob.size = 0; blob.size < whole; blob.size++)
        EXPECT(read_blob() == ERR_truncated);
    for (uint32_t size = 8; size < whole; size++) {
        blob_patch(&blob, 0, size, 4);
        blob.size = size;
        EXPECT(read_blob() != OK || info.fault_count != 0);
    }
}

TEST(multiboot2_survives_every_flip)
{
    static const uint8_t masks[] = {0x01, 0x02, 0x80, 0xff};
    blob_multiboot2(&blob);
    for (uint32_t at = 0; at < blob.size; at++) {
        for (size_t i = 0; i < COUNT_OF(masks); i++) {
            blob.bytes[at] ^= masks[i];
            (void)read_blob();
            (void)boot_info_normalise(&info);
            blob.bytes[at] ^= masks[i];
        }
    }
    blob_unload();
}
