/* Fuzzes pvh_read and what becomes of its memory map. */
#include "blobs.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    (void)blob_load_bytes(data, size);
    boot_info_init(&info, "pvh");
    (void)pvh_read(&info, PHYS(BLOB_BASE));
    fuzz_check_boot_info(&info);
    blob_unload();
    return 0;
}
