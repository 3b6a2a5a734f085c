/* Choosing what is done about the vulnerabilities of the CPU (mitigations.h). */
#include "boot/mitigations.h"
#include "boot/boot_info.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"

/* By bit; "": not worth a word. */
static const char *const remedy_names[] = {
#define REMEDY(name, words) words,
#include "arch_remedy.def"
#undef REMEDY
};
_Static_assert(REMEDY_COUNT <= 32, "a bit each");

uint32_t mitigations_chosen;
static uint32_t vulnerabilities_open; /* by index: affected, and nothing is done */
static struct vulnerability vulnerabilities[VULNERABILITIES_MAX];
static bool mitigations_off;

void mitigations_choose(void)
{
    char word[8] = "auto";
    (void)boot_option(&the_boot_info, "mitigations", word, sizeof(word));
    mitigations_off = strcmp(word, "off") == 0;
    mitigations_chosen = vulnerabilities_open = 0;
    uint32_t count = mitigations_off ? 0 : arch_vulnerabilities(vulnerabilities);
    assert(count <= VULNERABILITIES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct vulnerability *vulnerability = &vulnerabilities[i];
        if (strcmp(word, "on") != 0 && !vulnerability->affected)
            continue;
        mitigations_chosen |= vulnerability->remedy;
        vulnerabilities_open |= vulnerability->remedy == 0 ? UINT32_C(1) << i : 0;
    }
}

void mitigations_text(char *buffer, size_t size)
{
    struct text text = text_in(buffer, size);
    for (uint32_t i = 0; i < REMEDY_COUNT; i++)
        if ((mitigations_chosen >> i & 1) != 0 && remedy_names[i][0] != 0)
            text_add(&text, "%s%s", text.length == 0 ? "" : ", ", remedy_names[i]);
    if (text.length == 0)
        text_add(&text, "%s",
                 mitigations_off             ? "off"
                 : vulnerabilities_open != 0 ? "none"
                                             : "none needed");
    const char *before = "; left open: ";
    for (uint32_t i = 0; i < VULNERABILITIES_MAX; i++)
        if ((vulnerabilities_open >> i & 1) != 0) {
            text_add(&text, "%s%s", before, vulnerabilities[i].name);
            before = ", ";
        }
}
