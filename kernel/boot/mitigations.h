/*
 * What is done about the vulnerabilities of the CPU.
 *
 * Each CPU family has one list of remedies (arch/.../arch_remedy.def) and one of vulnerabilities.
 * `auto`, the default of `mitigations=` on the command line, takes the remedies for what the CPU is
 * affected by; `on` acts as if it were affected by all; `off` takes none.
 *
 * Life cycle: mitigations_choose once, on the boot CPU, before the kernel's page tables are made;
 * constant afterwards.
 */
#pragma once

#include "lib/types.h"

#define VULNERABILITIES_MAX 32

enum remedy_bit {
#define REMEDY(name, words) REMEDY_BIT_##name,
#include "arch_remedy.def"
#undef REMEDY
    REMEDY_COUNT
};

enum remedy {
#define REMEDY(name, words) REMEDY_##name = 1 << REMEDY_BIT_##name,
#include "arch_remedy.def"
#undef REMEDY
};

struct vulnerability {
    const char *name;
    bool affected;   /* is this CPU? */
    uint32_t remedy; /* what this CPU has against it, bits of remedies; 0: nothing */
};

/* What a CPU family gives: the vulnerabilities, as they are for this CPU, and how many. */
uint32_t arch_vulnerabilities(struct vulnerability *list);

/* The remedies in use; constant after mitigations_choose. */
extern uint32_t mitigations_chosen;

/* Is any of these in use? */
static inline bool mitigated(uint32_t remedies)
{
    return (mitigations_chosen & remedies) != 0;
}

void mitigations_choose(void);

/* "pti, verw; left open: bhi", "off" or "none needed". */
void mitigations_text(char *text, size_t size);
