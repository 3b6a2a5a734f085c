/*
 * What is done about the vulnerabilities of the CPU.
 *
 * Each CPU family has one list of vulnerabilities and remedies (arch/.../mitigation.def). `auto`,
 * the default of `mitigations=` on the command line, takes the remedies for what the CPU is
 * affected by; `on` acts as if it were affected by all; `off` takes none.
 *
 * Life cycle: mitigations_choose once, on the boot CPU, before the kernel's page tables are made;
 * constant afterwards.
 */
#ifndef BOOT_MITIGATIONS_H
#define BOOT_MITIGATIONS_H

#include "lib/types.h"

struct vulnerability {
    const char *name;
    bool (*affected)(void);   /* is this CPU? */
    uint32_t (*remedy)(void); /* what this CPU has against it, bits of remedies; 0: nothing */
};

/* What a CPU family gives. */
extern const struct vulnerability arch_vulnerabilities[];
extern const uint32_t arch_vulnerability_count;
extern const char *const arch_remedy_names[]; /* by bit; "": not worth a word */
extern const uint32_t arch_remedy_count;

/* The remedies in use; constant after mitigations_choose. */
extern uint32_t mitigations_chosen;

void mitigations_choose(void);

/* "pti, verw; left open: bhi", "off" or "none needed". */
void mitigations_text(char *text, size_t size);

#endif
