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

/* The family, with its extension (SDM 2A, leaf 1). */
static uint32_t cpu_family(void)
{
    uint32_t a = cpuid_read(1, 0).a;
    return (a >> 8 & 15) + (a >> 20 & 255);
}

uint32_t arch_vulnerabilities(struct vulnerability *list)
{
    /* What is not AMD's is taken to be like Intel's. */
    const bool tcg = is_tcg(), amd = is_amd(), intel = !amd && !tcg;
    const struct cpuid seven = cpuid_leaf(7, 0), capacity = cpuid_leaf(0x80000008, 0);
    const uint64_t says_not = seven.d >> 29 & 1 ? msr_read(MSR_ARCH_CAPABILITIES) : 0;
    const bool ibrs_all = (says_not & CAPABILITY_IBRS_ALL) != 0;
    const bool ibrs_intel = seven.d >> 26 & 1, ibrs_amd = capacity.b >> 14 & 1;
    const bool auto_ibrs = cpuid_leaf(0x80000021, 0).a >> 8 & 1, ibpb_amd = capacity.b >> 12 & 1;
    const bool bhi_control = seven.a >= 2 && cpuid_leaf(7, 2).d >> 4 & 1;
    const bool transactions = seven.b >> 11 & 1;
    const bool meltdown = intel && !(says_not & CAPABILITY_RDCL_NO);
    const uint32_t ibrs = auto_ibrs                  ? REMEDY_auto_ibrs
                          : !ibrs_intel && !ibrs_amd ? 0
                          : ibrs_all                 ? REMEDY_enhanced_ibrs
                                                     : REMEDY_ibrs;
    const struct vulnerability all[] = {
        {"meltdown", meltdown, REMEDY_pti},
        {"swapgs", intel, REMEDY_fence},
        /* User code's jumps must not steer the kernel's, nor those of other jobs. */
        {"spectre-v2", !tcg, ibrs},
        {"spectre-v2-user", !tcg, ibrs_intel || ibpb_amd ? REMEDY_ibpb : 0},
        /* Returns guessed like jumps: Intel's before the enhanced IBRS; AMD's before Zen 3, for
         * which only a barrier at each entry would do. */
        {"retbleed", intel ? !ibrs_all : !tcg && cpu_family() >= 0x15 && cpu_family() <= 0x18,
         amd ? 0 : ibrs},
        {"bhi", intel && ibrs_all && !(says_not & CAPABILITY_BHI_NO),
         bhi_control ? REMEDY_bhi_dis : 0},
        /* VERW clears only with the microcode that says MD_CLEAR, and does no harm without. */
        {"mds", intel && !(says_not & CAPABILITY_MDS_NO), REMEDY_verw},
        {"taa", intel && transactions && !(says_not & CAPABILITY_TAA_NO), REMEDY_verw},
        /* An entry that is not present is 0, so that it names no memory of anybody. */
        {"l1tf", meltdown, REMEDY_built_in},
        {"lazy-fp", intel, REMEDY_eager_fpu},
        /* SSBD costs all code, and protects only programs that run foreign code in themselves. */
        {"ssb", !tcg && !(says_not & CAPABILITY_SSB_NO), 0},
    };
    memcpy(list, all, sizeof(all));
    return COUNT_OF(all);
}

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
