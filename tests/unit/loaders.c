/* Expectations that the loaders' tests share (loaders.h). */
#include "loaders.h"
#include "unit.h"

#include <string.h>

unsigned ranges_at(const struct boot_info *info, uint64_t base, enum range_kind kind)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < info->range_count; i++)
        count += info->ranges[i].base.pa == base && info->ranges[i].kind == kind;
    return count;
}

void expect_loader_map(const struct boot_info *info)
{
    EXPECT(ranges_at(info, 0, RANGE_USABLE) == 1);
    EXPECT(ranges_at(info, 0x9fc00, RANGE_RESERVED) == 1);
    EXPECT(ranges_at(info, 0x100000, RANGE_USABLE) == 1);
    EXPECT(ranges_at(info, 0x7fe0000, RANGE_ACPI_RECLAIM) == 1);
    EXPECT(ranges_at(info, 0x7fe1000, RANGE_ACPI_NVS) == 1);
    EXPECT(ranges_at(info, 0x7fe2000, RANGE_BAD) == 1);
    EXPECT(ranges_at(info, 0x100000000, RANGE_RESERVED) == 1); /* a type that we do not know */
    EXPECT(boot_info_total(info, RANGE_USABLE) == 0x9fc00 + 0x7ee0000);
}

void expect_command_line(const struct boot_info *info)
{
    EXPECT(strcmp(info->command_line, "console=serial log=debug") == 0);
}
