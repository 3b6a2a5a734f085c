/*
 * Fuzzes acpi_read. Byte 0 of the input says, in bit 0, that checksums are set right first, which
 * chance would not manage; the rest is memory at BLOB_BASE, with the root pointer at its start.
 */
#include "blobs.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > BLOB_MAX)
        return 0;
    uint8_t *memory = blob_load_bytes(data + 1, size - 1);
    if ((data[0] & 1) != 0)
        acpi_checksum_all(memory, (uint32_t)(size - 1));
    machine_init(&the_machine);
    (void)acpi_read(&the_machine, PHYS(BLOB_BASE));
    machine_finish(&the_machine, 0);
    fuzz_check_machine(&the_machine);
    blob_unload();
    return 0;
}
