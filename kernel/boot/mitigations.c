/* Choosing what is done about the vulnerabilities of the CPU (mitigations.h). */
#include "boot/mitigations.h"
#include "boot/boot_info.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"

uint32_t mitigations_chosen;
static uint32_t vulnerabilities_open; /* by index: affected, and nothing is done */
static bool mitigations_off;

void mitigations_choose(void)
{
    char word[8] = "auto";
    assert(arch_vulnerability_count <= 32 && arch_remedy_count <= 32);
    (void)boot_option(&the_boot_info, "mitigations", word, sizeof(word));
    mitigations_off = strcmp(word, "off") == 0;
    mitigations_chosen = vulnerabilities_open = 0;
    for (uint32_t i = 0; i < arch_vulnerability_count && !mitigations_off; i++) {
        const struct vulnerability *vulnerability = &arch_vulnerabilities[i];
        if (strcmp(word, "on") != 0 && !vulnerability->affected())
            continue;
        uint32_t remedy = vulnerability->remedy();
        mitigations_chosen |= remedy;
        vulnerabilities_open |= remedy == 0 ? UINT32_C(1) << i : 0;
    }
}

void mitigations_text(char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < arch_remedy_count; i++)
        if ((mitigations_chosen >> i & 1) != 0 && arch_remedy_names[i][0] != 0 && used < size)
            used += print_buffer(text + used, size - used, "%s%s", used == 0 ? "" : ", ",
                                 arch_remedy_names[i]);
    if (used == 0)
        used = print_buffer(text, size, "%s",
                            mitigations_off             ? "off"
                            : vulnerabilities_open != 0 ? "none"
                                                        : "none needed");
    const char *before = "; left open: ";
    for (uint32_t i = 0; i < arch_vulnerability_count; i++) {
        if ((vulnerabilities_open >> i & 1) == 0 || used >= size)
            continue;
        used +=
            print_buffer(text + used, size - used, "%s%s", before, arch_vulnerabilities[i].name);
        before = ", ";
    }
}
