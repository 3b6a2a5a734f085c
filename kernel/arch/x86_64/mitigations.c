/*
 * x86-64: which vulnerabilities this CPU has, and what is switched on against them.
 *
 * The CPU says what it is *not* affected by in IA32_ARCH_CAPABILITIES; one that has no such
 * register is taken to be affected by all that its maker's CPUs were. QEMU's TCG guesses nothing,
 * so it is affected by nothing. Sources: Intel, "Speculative Execution Side Channel Mitigations"
 * and SDM 4; AMD, "Software techniques for managing speculation".
 */
#include "mitigations.h"
#include "arch/user.h"
#include "lib/string.h"
#include "registers.h"
#include "x86.h"

#define SPEC_CTRL_IBRS    1u
#define SPEC_CTRL_BHI_DIS (1u << 10)
#define PRED_CMD_IBPB     1u
#define EFER_AUTO_IBRS    (1u << 21)

/* IA32_ARCH_CAPABILITIES (SDM 4 table 2-2). */
#define CAPABILITY_RDCL_NO  ((uint64_t)1 << 0)
#define CAPABILITY_IBRS_ALL ((uint64_t)1 << 1)
#define CAPABILITY_SSB_NO   ((uint64_t)1 << 4)
#define CAPABILITY_MDS_NO   ((uint64_t)1 << 5)
#define CAPABILITY_TAA_NO   ((uint64_t)1 << 8)
#define CAPABILITY_BHI_NO   ((uint64_t)1 << 20)

static uint64_t capabilities(void)
{
    bool has = features.max_leaf >= 7 && (cpuid_read(7, 0).d >> 29 & 1) != 0;
    return has ? msr_read(MSR_ARCH_CAPABILITIES) : 0;
}

static bool lacks(uint64_t capability)
{
    return (capabilities() & capability) == 0;
}

static bool is_tcg(void)
{
    static const char tcg[] = "TCGTCGTCGTCG";
    struct cpuid leaf = cpuid_read(0x40000000, 0);
    return features.hypervisor && memcmp(&leaf.b, tcg, sizeof(tcg) - 1) == 0;
}

static bool is_amd(void)
{
    uint32_t vendor = cpuid_read(0, 0).b;
    return vendor == 0x68747541 || vendor == 0x6f677948; /* "Auth", "Hygo" */
}

/* What is not AMD's is taken to be like Intel's. */
static bool is_intel(void)
{
    return !is_tcg() && !is_amd();
}

static uint32_t extended(uint32_t leaf)
{
    return cpuid_read(0x80000000, 0).a >= leaf ? leaf : 0;
}

static bool has_ibrs_intel(void)
{
    return features.max_leaf >= 7 && (cpuid_read(7, 0).d >> 26 & 1) != 0;
}

static bool amd_bit(uint32_t bit)
{
    uint32_t leaf = extended(0x80000008);
    return leaf != 0 && (cpuid_read(leaf, 0).b >> bit & 1) != 0;
}

static bool has_auto_ibrs(void)
{
    uint32_t leaf = extended(0x80000021);
    return leaf != 0 && (cpuid_read(leaf, 0).a >> 8 & 1) != 0;
}

static bool has_bhi_control(void)
{
    return features.max_leaf >= 7 && cpuid_read(7, 0).a >= 2 && (cpuid_read(7, 2).d >> 4 & 1) != 0;
}

static bool affected_meltdown(void)
{
    return is_intel() && lacks(CAPABILITY_RDCL_NO);
}

static uint32_t remedy_meltdown(void)
{
    return REMEDY_pti;
}

static bool affected_swapgs(void)
{
    return is_intel();
}

static uint32_t remedy_swapgs(void)
{
    return REMEDY_fence;
}

/* User code's jumps must not steer the kernel's. */
static bool affected_spectre_v2(void)
{
    return !is_tcg();
}

static uint32_t remedy_spectre_v2(void)
{
    if (has_auto_ibrs())
        return REMEDY_auto_ibrs;
    if (!has_ibrs_intel() && !amd_bit(14))
        return 0;
    return lacks(CAPABILITY_IBRS_ALL) ? REMEDY_ibrs : REMEDY_enhanced_ibrs;
}

/* Nor those of other jobs. */
static bool affected_spectre_v2_user(void)
{
    return !is_tcg();
}

static uint32_t remedy_spectre_v2_user(void)
{
    return has_ibrs_intel() || amd_bit(12) ? REMEDY_ibpb : 0;
}

/* Returns guessed like jumps: Intel's before the enhanced IBRS; AMD's before Zen 3, for which only
 * a barrier at each entry would do. */
static bool affected_retbleed(void)
{
    uint32_t a = cpuid_read(1, 0).a, family = (a >> 8 & 15) + (a >> 20 & 255);
    if (is_intel())
        return lacks(CAPABILITY_IBRS_ALL);
    return !is_tcg() && family >= 0x15 && family <= 0x18;
}

static uint32_t remedy_retbleed(void)
{
    return is_amd() ? 0 : remedy_spectre_v2();
}

static bool affected_bhi(void)
{
    return is_intel() && !lacks(CAPABILITY_IBRS_ALL) && lacks(CAPABILITY_BHI_NO);
}

static uint32_t remedy_bhi(void)
{
    return has_bhi_control() ? REMEDY_bhi_dis : 0;
}

/* VERW clears only with the microcode that says MD_CLEAR, and does no harm without. */
static bool affected_mds(void)
{
    return is_intel() && lacks(CAPABILITY_MDS_NO);
}

static uint32_t remedy_mds(void)
{
    return REMEDY_verw;
}

static bool affected_taa(void)
{
    bool transactions = features.max_leaf >= 7 && (cpuid_read(7, 0).b >> 11 & 1) != 0;
    return is_intel() && transactions && lacks(CAPABILITY_TAA_NO);
}

static uint32_t remedy_taa(void)
{
    return REMEDY_verw;
}

/* An entry that is not present is 0, so that it names no memory of anybody. */
static bool affected_l1tf(void)
{
    return affected_meltdown();
}

static uint32_t remedy_l1tf(void)
{
    return REMEDY_built_in;
}

static bool affected_lazy_fp(void)
{
    return is_intel();
}

static uint32_t remedy_lazy_fp(void)
{
    return REMEDY_eager_fpu;
}

/* SSBD costs all code, and protects only programs that run foreign code in themselves. */
static bool affected_ssb(void)
{
    return !is_tcg() && lacks(CAPABILITY_SSB_NO);
}

static uint32_t remedy_ssb(void)
{
    return 0;
}

const struct vulnerability arch_vulnerabilities[] = {
#define REMEDY(name, words)
#define VULNERABILITY(name, words) {words, affected_##name, remedy_##name},
#include "mitigation.def"
#undef REMEDY
#undef VULNERABILITY
};
const uint32_t arch_vulnerability_count = COUNT_OF(arch_vulnerabilities);

const char *const arch_remedy_names[] = {
#define REMEDY(name, words) words,
#define VULNERABILITY(name, words)
#include "mitigation.def"
#undef REMEDY
#undef VULNERABILITY
};
const uint32_t arch_remedy_count = COUNT_OF(arch_remedy_names);

void mitigations_init_cpu(void)
{
    uint64_t control = mitigated(REMEDY_enhanced_ibrs) ? SPEC_CTRL_IBRS : 0;
    control |= mitigated(REMEDY_bhi_dis) ? SPEC_CTRL_BHI_DIS : 0;
    if (control != 0)
        msr_write(MSR_SPEC_CTRL, control);
    if (mitigated(REMEDY_auto_ibrs))
        msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_AUTO_IBRS);
}

/* The barrier, and 32 calls whose returns no earlier code has named. */
void predictor_barrier(void)
{
    msr_write(MSR_PRED_CMD, PRED_CMD_IBPB);
    __asm__ volatile(".rept 32\n\t"
                     "call 1f\n\t"
                     "int3\n"
                     "1:\n\t"
                     ".endr\n\t"
                     "addq $256, %%rsp\n\t"
                     "lfence" ::
                         : "memory", "cc");
}
