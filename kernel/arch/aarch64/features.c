/*
 * AArch64: what the CPU can do, read once from the ID registers of the boot CPU, and switched on
 * everywhere. Source: Arm ARM D19.2.61 and on (ID_AA64*), D19.2.98 (MIDR_EL1).
 */
#include "features.h"
#include "arch/boot.h"
#include "arch/cpu.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "registers.h"

struct features features;
const char arch_name[] = "aarch64";
const uint16_t arch_elf_machine = 183;

/* Parts of MIDR_EL1: the implementer, and its number for the core. */
static const struct {
    uint32_t implementer, part;
    const char *name;
} parts[] = {
    {0x41, 0xd03, "Cortex-A53"},  {0x41, 0xd04, "Cortex-A35"},  {0x41, 0xd05, "Cortex-A55"},
    {0x41, 0xd07, "Cortex-A57"},  {0x41, 0xd08, "Cortex-A72"},  {0x41, 0xd09, "Cortex-A73"},
    {0x41, 0xd0a, "Cortex-A75"},  {0x41, 0xd0b, "Cortex-A76"},  {0x41, 0xd0c, "Neoverse N1"},
    {0x41, 0xd40, "Neoverse V1"}, {0x41, 0xd49, "Neoverse N2"}, {0x41, 0xd4f, "Neoverse V2"},
    {0x46, 0x001, "A64FX"},       {0xc0, 0xac3, "Ampere-1"},    {0x00, 0x051, "QEMU max"},
};

void features_init(void)
{
    static const uint8_t widths[] = {32, 36, 40, 42, 44, 48, 52};
    assert(sysreg_read("CurrentEL") >> 2 == 1);
    uint32_t range = id_field("id_aa64mmfr0_el1", 0);
    features.physical_bits = range < COUNT_OF(widths) ? widths[range] : 48;
#define FEATURE(name, word, register, low, least)                                                  \
    features.name = id_field(register, low) >= (least);
#include "feature.def"
#undef FEATURE
}

#define CNTKCTL_EL0VCTEN ((uint64_t)1 << 1) /* EL0 reads the virtual counter */

/*
 * FP and SIMD stay off (CPACR_EL1): the kernel is built without. PXN needs no switch. PAN is set
 * here and, SCTLR_EL1.SPAN being 0 (start.S), by every trap.
 */
void features_enable(void)
{
    sysreg_write("cpacr_el1", 0);
    sysreg_write("cntkctl_el1", CNTKCTL_EL0VCTEN);
    barrier_isb();
    if (features.pan)
        __asm__ volatile(".arch_extension pan\n\tmsr pan, #1" ::: "memory");
}

static const char *part_name(uint32_t implementer, uint32_t part)
{
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].implementer == implementer && parts[i].part == part)
            return parts[i].name;
    return "unknown core";
}

/* "Cortex-A57 (implementer 0x41 part 0xd07 variant 1 revision 0)" */
void arch_cpu_text(char *text, size_t size)
{
    uint32_t midr = (uint32_t)sysreg_read("midr_el1");
    uint32_t implementer = midr >> 24, part = midr >> 4 & 0xfff;
    (void)print_buffer(text, size, "%s (implementer 0x%02x part 0x%03x variant %u revision %u)",
                       part_name(implementer, part), implementer, part, midr >> 20 & 15, midr & 15);
}

void arch_cpu_features(char *buffer, size_t size)
{
    struct text text = text_in(buffer, size);
    text_add(&text, "%u-bit-pa pxn", features.physical_bits);
#define FEATURE(name, word, register, low, least)                                                  \
    if (features.name)                                                                             \
        text_add(&text, " %s", word);
#include "feature.def"
#undef FEATURE
}
