/*
 * AArch64: which vulnerabilities this CPU has, and what is switched on against them.
 *
 * The CPU says what it is *not* affected by in ID_AA64PFR0_EL1 (CSV2, CSV3: D19.2.67); older ones,
 * which say nothing, are known by name. Sources: Arm, "Cache speculation side-channels",
 * "Spectre-BHB"; SMCCC (DEN0028, 7.5) for the firmware's barrier; D8.9 for the rules of ASIDs.
 *
 * Isolation: user mode's TTBR1 shows the pages of section .guarded and of entry_words, and no more;
 * with TCR.A1 the ASID comes from there, so that one write changes both. The kernel has an ASID of
 * its own and never a user half: arch_space_switch loads the empty one.
 */
#include "mitigations.h"
#include "arch/space.h"
#include "arch_layout.h"
#include "early_map.h"
#include "features.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/image.h"
#include "mem/ptab.h"
#include "mem/vmap.h"
#include "power.h"
#include "registers.h"
#include "sched/cpu.h"
#include "trace/panic.h"

#define TCR_A1    ((uint64_t)1 << 22)
#define TCR_E0PD1 ((uint64_t)1 << 56)

#define SMCCC_VERSION       0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define SMCCC_WORKAROUND_1  0x80008000u
#define PSCI_FEATURES       0x8400000au

#define HISTORY_MOST 32 /* turns that are enough for every CPU known */

/* For guarded.S; a page of its own, which user mode's half shows. Constant after start. */
struct entry_words entry_words __attribute__((aligned(PAGE_SIZE)));
_Static_assert(sizeof(entry_words) == PAGE_SIZE, "nothing else is shown with it");
_Static_assert(offsetof(struct entry_words, empty) == ENTRY_EMPTY, "arch_layout.h");
_Static_assert(offsetof(struct entry_words, kernel) == ENTRY_KERNEL, "arch_layout.h");
_Static_assert(offsetof(struct entry_words, user) == ENTRY_USER, "arch_layout.h");
_Static_assert(offsetof(struct entry_words, history) == ENTRY_HISTORY, "arch_layout.h");

extern const char __guarded_start[], __guarded_end[], vectors_isolated[], vectors_fenced[];
bool entry_guarded; /* read by entry.S; set once */

void predictor_barrier(void); /* for guarded.S */

/* Arm's cores: the number of MIDR_EL1, and what is known of each. */
enum { SAFE_MELTDOWN = 1, SAFE_V2 = 2 };
static const struct core {
    uint16_t part;
    uint8_t safe, turns; /* of the loop that fills its branch history */
} cores[] = {
    {0xd03, SAFE_MELTDOWN | SAFE_V2, 0},
    {0xd04, SAFE_MELTDOWN | SAFE_V2, 0},
    {0xd05, SAFE_MELTDOWN | SAFE_V2, 0},
    {0xd07, SAFE_MELTDOWN, 8},
    {0xd08, SAFE_MELTDOWN, 8},
    {0xd09, SAFE_MELTDOWN, 0},
    {0xd0b, 0, 24},
    {0xd0c, 0, 24},
    {0xd0d, 0, 24},
    {0xd40, 0, 32},
    {0xd41, 0, 32},
    {0xd44, 0, 32},
    {0xd47, 0, 32},
    {0xd48, 0, 32},
    {0xd49, 0, 32},
    {0xd4b, 0, 32},
};

/* This one, or one of which nothing is known. */
static const struct core *core_find(void)
{
    static const struct core unknown;
    uint64_t midr = sysreg_read("midr_el1");
    for (size_t i = 0; i < COUNT_OF(cores); i++)
        if (midr >> 24 == 0x41 && cores[i].part == (midr >> 4 & 0xfff))
            return &cores[i];
    return &unknown;
}

/* The remedy against spectre v2. No firmware is known before the machine's description is read:
 * mitigations_choose comes twice. */
static uint32_t firmware_remedy(void)
{
    if (!psci_usable() || psci_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) < 0 ||
        psci_call(SMCCC_VERSION, 0, 0, 0) < 0x10001)
        return 0;
    return psci_call(SMCCC_ARCH_FEATURES, SMCCC_WORKAROUND_1, 0, 0) == 0 ? REMEDY_firmware : 0;
}

uint32_t arch_vulnerabilities(struct vulnerability *list)
{
    const struct core *core = core_find();
    const uint64_t csv2 = id_field("id_aa64pfr0_el1", 56), csv3 = id_field("id_aa64pfr0_el1", 60);
    const bool e0pd = id_field("id_aa64mmfr2_el1", 60) != 0;
    const bool meltdown = csv3 == 0 && !(core->safe & SAFE_MELTDOWN);
    const bool spectre_v2 = csv2 == 0 && !(core->safe & SAFE_V2);
    const uint32_t firmware = firmware_remedy();
    /* Without a remedy for the jumps themselves, clearing the history protects nobody. */
    const bool history = (!spectre_v2 || firmware != 0) && core->turns != 0 && csv2 < 3;
    const struct vulnerability all[] = {
        {"meltdown", meltdown, e0pd ? REMEDY_e0pd : REMEDY_isolation},
        {"spectre-v2", spectre_v2, firmware},
        {"spectre-bhb", history, REMEDY_history},
    };
    memcpy(list, all, sizeof(all));
    return COUNT_OF(all);
}

/* On the way to a thread of another job than the last one's. */
void predictor_barrier(void)
{
    if (mitigated(REMEDY_firmware))
        (void)psci_call(SMCCC_WORKAROUND_1, 0, 0, 0);
}

static error_t table_alloc(struct ptab *ptab, phys_t *table)
{
    (void)ptab;
    return frame_alloc(0, 0, FRAME_ZERO, table);
}

static void show(struct ptab *half, const void *page, uint32_t flags)
{
    error_t error = ptab_map(half, (uintptr_t)page, image_to_phys(page), PAGE_SIZE, flags, 0);
    if (error != OK)
        panic("no memory for the entry tables: %s", error_text(error));
}

static void isolation_make(void)
{
    struct ptab half = {.table_alloc = table_alloc};
    if (table_alloc(&half, &half.root) != OK)
        panic("no memory for the entry tables");
    for (const char *page = __guarded_start; page < __guarded_end; page += PAGE_SIZE)
        show(&half, page, MAP_EXECUTE);
    show(&half, &entry_words, 0);
    entry_words.empty = image_to_phys(early_tables.empty).pa;
    entry_words.kernel = vmap_root().pa | (uint64_t)SPACE_TAG_KERNEL << SPACE_TAG_SHIFT;
    entry_words.user = half.root.pa;
    barrier_dsb("ishst");
}

bool arch_isolated(void)
{
    return mitigated(REMEDY_isolation);
}

phys_t arch_user_root(const struct arch_space *space)
{
    (void)space; /* which has the other half */
    return PHYS(entry_words.user);
}

bool arch_user_shows(uintptr_t va)
{
    return (va >= (uintptr_t)__guarded_start && va < (uintptr_t)__guarded_end) ||
           va == (uintptr_t)&entry_words;
}

/* The kernel's translations bear its own ASID from now on. */
static void isolation_enter(void)
{
    sysreg_write("ttbr1_el1", entry_words.kernel);
    sysreg_write("tcr_el1", sysreg_read("tcr_el1") | TCR_A1);
    barrier_isb();
    __asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
}

static void boot_cpu_choose(void)
{
    mitigations_choose();
    entry_guarded = mitigated(REMEDIES_GUARDED);
    if (mitigated(REMEDY_history))
        entry_words.history = core_find()->turns != 0 ? core_find()->turns : HISTORY_MOST;
    if (mitigated(REMEDY_isolation))
        isolation_make();
}

void mitigations_init_cpu(void)
{
    if (cpu_self() == &boot_cpu)
        boot_cpu_choose();
    if (mitigated(REMEDY_e0pd))
        sysreg_write("tcr_el1", sysreg_read("tcr_el1") | TCR_E0PD1);
    if (mitigated(REMEDY_isolation))
        isolation_enter();
    if (entry_guarded)
        sysreg_write("vbar_el1",
                     (uintptr_t)(mitigated(REMEDY_isolation) ? vectors_isolated : vectors_fenced));
    barrier_isb();
}
