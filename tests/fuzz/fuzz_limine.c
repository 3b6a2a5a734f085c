/* Fuzzes limine_read: pointers in the input are BLOB_HHDM + offset, made real by limine_load. */
#include "blobs.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    (void)limine_load(data, size);
    boot_info_init(&info, "limine");
    (void)limine_read(&info);
    fuzz_check_boot_info(&info);
    blob_unload();
    return 0;
}
