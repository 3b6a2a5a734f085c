/* What is chosen against vulnerabilities, by the command line and by the CPU. */
#include "boot/boot_info.h"
#include "boot/mitigations.h"
#include "host.h"
#include "lib/string.h"
#include "unit.h"

/* Chooses by `words`: are the remedies and their text these? */
static bool chosen_are(const char *words, bool vulnerable, uint32_t remedies, const char *wanted)
{
    char text[64];
    host_vulnerable = vulnerable;
    string_copy(the_boot_info.command_line, sizeof(the_boot_info.command_line), words);
    mitigations_choose();
    mitigations_text(text, sizeof(text));
    return mitigations_chosen == remedies && strcmp(text, wanted) == 0;
}

TEST(mitigations_by_cpu)
{
    EXPECT(chosen_are("", false, 0, "none needed"));
    EXPECT(chosen_are("", true, 1, "plug; left open: hole"));
    EXPECT(chosen_are("mitigations=auto", true, 1, "plug; left open: hole"));
    EXPECT(chosen_are("mitigations=auto", false, 0, "none needed"));
}

TEST(mitigations_by_command_line)
{
    EXPECT(chosen_are("mitigations=off", true, 0, "off"));
    EXPECT(chosen_are("mitigations=on", false, 1, "plug; left open: hole"));
    EXPECT(chosen_are("mitigations=", false, 0, "none needed"));
    EXPECT(chosen_are("mitigations=nonsense", true, 1, "plug; left open: hole"));
}

TEST(mitigations_text_is_cut)
{
    char text[8];
    (void)chosen_are("mitigations=on", false, 1, "");
    mitigations_text(text, sizeof(text));
    EXPECT(strcmp(text, "plug; l") == 0);
}
