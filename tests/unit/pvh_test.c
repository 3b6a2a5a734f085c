/* PVH: the start info, read right, cut at every length, and broken in every byte. */
#include "blobs.h"
#include "loaders.h"
#include "unit.h"

#include <string.h>

static struct boot_info info;
static struct blob blob;

static error_t read_blob(void)
{
    boot_info_init(&info, "pvh");
    (void)blob_load(&blob);
    return pvh_read(&info, PHYS(BLOB_BASE));
}

TEST(pvh_reads_everything)
{
    blob_pvh(&blob);
    EXPECT(read_blob() == OK);
    expect_loader_map(&info);
    expect_command_line(&info);
    EXPECT(info.rsdp.pa == 0xf5000);
    REQUIRE(info.module_count == 2);
    EXPECT(info.modules[0].base.pa == 0x200000 && info.modules[0].size == 0x1800);
    EXPECT(strcmp(info.modules[0].name, "first module") == 0);
    EXPECT(info.modules[1].base.pa == 0x300000 && info.modules[1].name[0] == '\0');
    EXPECT(ranges_at(&info, 0x200000, RANGE_MODULE) == 1);
    EXPECT(info.fault_count == 0);
}

TEST(pvh_refuses_what_it_cannot_read)
{
    blob_pvh(&blob);
    blob_patch(&blob, 4, 0, 4);
    EXPECT(read_blob() == ERR_unsupported);
    blob_patch(&blob, 4, 2, 4); /* later versions only add fields */
    EXPECT(read_blob() == OK);
    blob_patch(&blob, 0, 0x336ec579, 4);
    EXPECT(read_blob() == ERR_malformed);
    EXPECT(pvh_read(&info, PHYS(BLOB_BASE + blob.size)) == ERR_truncated);
}

TEST(pvh_without_memory_is_an_error)
{
    blob_pvh(&blob);
    blob_patch(&blob, 48, 0, 4);
    blob_patch(&blob, 12, 0, 4);
    EXPECT(read_blob() == ERR_not_found);
    expect_command_line(&info);
}

TEST(pvh_absent_pieces_are_no_fault)
{
    blob_pvh(&blob);
    blob_patch(&blob, 12, 0, 4);
    blob_patch(&blob, 24, 0, 8);
    blob_patch(&blob, 32, 0, 8);
    EXPECT(read_blob() == OK);
    EXPECT(info.module_count == 0 && info.command_line[0] == '\0' && info.rsdp.pa == 0);
    EXPECT(info.fault_count == 0);
}

TEST(pvh_stray_pointers_are_counted)
{
    blob_pvh(&blob);
    blob_patch(&blob, 24, 0x10, 8);
    EXPECT(read_blob() == OK && info.fault_count == 1 && info.command_line[0] == '\0');
    blob_patch(&blob, 16, UINT64_MAX - 8, 8);
    EXPECT(read_blob() == OK && info.fault_count == 2 && info.module_count == 0);
    blob_patch(&blob, 40, 0, 8);
    EXPECT(read_blob() == ERR_not_found && info.fault_count == 3);
}

TEST(pvh_does_not_believe_in_endless_lists)
{
    blob_pvh(&blob);
    blob_patch(&blob, 48, 4097, 4);
    EXPECT(read_blob() == OK);
    EXPECT(info.fault_count == 2); /* the length, and the end of the memory */
    expect_loader_map(&info);
}

TEST(pvh_survives_every_cut)
{
    blob_pvh(&blob);
    uint32_t whole = blob.size;
    for (blob.size = 0; blob.size < whole; blob.size++) {
        error_t error = read_blob();
        EXPECT(error != OK || info.fault_count != 0);
        EXPECT(blob.size >= 56 || error == ERR_truncated);
    }
}

TEST(pvh_survives_every_flip)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    blob_pvh(&blob);
    for (uint32_t at = 0; at < blob.size; at++) {
        for (size_t i = 0; i < COUNT_OF(masks); i++) {
            blob.bytes[at] ^= masks[i];
            error_t error = read_blob();
            (void)boot_info_normalise(&info);
            EXPECT(at >= 4 || error == ERR_malformed);
            blob.bytes[at] ^= masks[i];
        }
    }
    blob_unload();
}
