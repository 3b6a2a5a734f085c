/* Fuzzes both readers of device trees, fdt_read and image_read. */
#include "blobs.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    (void)blob_load_bytes(data, size);
    machine_init(&the_machine);
    (void)fdt_read(&the_machine, PHYS(BLOB_BASE));
    machine_finish(&the_machine, 0);
    fuzz_check_machine(&the_machine);
    boot_info_init(&info, "image");
    (void)image_read(&info, PHYS(BLOB_BASE));
    fuzz_check_boot_info(&info);
    blob_unload();
    return 0;
}
