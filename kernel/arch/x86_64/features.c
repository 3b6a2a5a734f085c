/*
 * x86-64: what the CPU can do, asked once by CPUID on the boot CPU, and switched on everywhere.
 * Source: Intel SDM 3A 2.5.
 */
#include "arch/boot.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "lib/print.h"
#include "lib/string.h"
#include "registers.h"
#include "x86.h"

struct features features;
const char arch_name[] = "x86_64";
const uint16_t arch_elf_machine = 62;

void features_init(void)
{
#define FEATURE(name, word, leaf, register, bit)                                                   \
    features.name = (cpuid_leaf(leaf, 0).register >> (bit) & 1) != 0;
#include "feature.def"
#undef FEATURE
    pte_no_execute = features.nx ? PTE_NX : 0;
}

/* PAT: as after reset, but entry 5 write-combining (SDM 3A 11.12). */
#define PAT_VALUE 0x0007010600070406u

void features_enable(void)
{
    uint64_t cr4 = cr4_read() | CR4_PGE | CR4_FXSR | CR4_XMMEX;
    cr4 &= ~(uint64_t)(CR4_FSGS | CR4_PCE | CR4_PKE); /* state that nobody saves, or too much */
    cr4 |= features.umip ? CR4_UMIP : 0;
    cr4 |= features.smep ? CR4_SMEP : 0;
    cr4 |= features.smap ? CR4_SMAP : 0;
    cr4 |= features.pcid ? CR4_PCID : 0; /* allowed while CR3 names context 0 (SDM 3A 4.10.1) */
    cr4_write(cr4);
    /* CD and NW are set after INIT, and firmware may leave them so: caches on (SDM 3A 11.5.1). */
    cr0_write((cr0_read() & ~(uint64_t)(CR0_EM | CR0_CD | CR0_NW)) | CR0_MP | CR0_NE | CR0_WP);
    msr_write(MSR_PAT, PAT_VALUE);
}

static void cpu_vendor(char text[13])
{
    struct cpuid zero = cpuid_read(0, 0);
    memcpy(text, &zero.b, 4);
    memcpy(text + 4, &zero.d, 4);
    memcpy(text + 8, &zero.c, 4);
    text[12] = 0;
}

static void cpu_brand(char text[49])
{
    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid part = cpuid_leaf(0x80000002 + i, 0);
        memcpy(text + sizeof(part) * i, &part, sizeof(part));
    }
    text[48] = 0;
}

void arch_cpu_text(char *text, size_t size)
{
    char vendor[13], brand[49];
    cpu_vendor(vendor);
    cpu_brand(brand);
    uint32_t a = cpuid_read(1, 0).a;
    uint32_t family = a >> 8 & 15, model = a >> 4 & 15;
    if (family == 6 || family == 15)
        model |= (a >> 16 & 15) << 4;
    if (family == 15)
        family += a >> 20 & 255;
    print_buffer(text, size, "%s %s (family %u model %u stepping %u)", vendor, brand, family, model,
                 a & 15);
}

void arch_cpu_features(char *buffer, size_t size)
{
    struct text text = text_in(buffer, size);
#define FEATURE(name, word, leaf, register, bit)                                                   \
    if (features.name)                                                                             \
        text_add(&text, "%s ", word);
#include "feature.def"
#undef FEATURE
}
