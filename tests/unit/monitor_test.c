/* The monitor's line editor and dispatcher, typed at. */
#include "boot/boot_info.h"
#include "fake_machine.h"
#include "lib/string.h"
#include "monitor/monitor.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static struct fake_console screen;
static char ran[256];

static void alpha_run(const char *arguments)
{
    strcat(ran, "alpha(");
    strcat(ran, arguments);
    strcat(ran, ")");
}

static void alphabet_run(const char *arguments)
{
    (void)arguments;
    strcat(ran, "alphabet");
    console_print("abc\n");
}

MONITOR_COMMAND(alphabet, "prints the alphabet", alphabet_run)
MONITOR_COMMAND(alpha, "is the first", alpha_run)

static void start(void)
{
    fake_console_init(&screen, "screen");
    console_add(&screen.console);
}

static void type(const char *text)
{
    while (*text != 0)
        console_input(*text++);
    monitor_poll();
}

static bool is(const char *text, const char *expected)
{
    if (strcmp(text, expected) == 0)
        return true;
    fprintf(stderr, "got: %s\n", text);
    return false;
}

TEST(monitor_echoes_and_runs)
{
    start();
    monitor_start();
    EXPECT(is(screen.text, "tern> "));
    fake_console_clear(&screen);
    type("alphabet\r");
    EXPECT(is(screen.text, "alphabet\nabc\ntern> "));
    EXPECT(is(ran, "alphabet"));
}

TEST(monitor_passes_arguments)
{
    start();
    type("  alpha   one two \n");
    EXPECT(is(ran, "alpha(one two )"));
    monitor_run("alpha");
    EXPECT(is(ran, "alpha(one two )alpha()"));
}

TEST(monitor_knows_no_prefix_and_no_unknown)
{
    start();
    type("alph\n");
    EXPECT(is(screen.text, "alph\nthere is no command \"alph\"; \"help\" lists them\ntern> "));
    EXPECT(is(ran, ""));
}

TEST(monitor_empty_line)
{
    start();
    type("\r\n \n");
    EXPECT(is(screen.text, "\ntern>  \ntern> "));
}

TEST(monitor_edits)
{
    start();
    type("x\b\balphq\x7f"
         "a\n");
    EXPECT(is(screen.text, "x\b \balphq\b \ba\ntern> "));
    EXPECT(is(ran, "alpha()"));
    ran[0] = 0;
    type("nonsense\x15"
         "alpha 1\n");
    EXPECT(is(ran, "alpha(1)"));
    fake_console_clear(&screen);
    type("alpha 2\x03");
    EXPECT(is(screen.text, "alpha 2^C\ntern> "));
    type("\n");
    EXPECT(is(ran, "alpha(1)"));
}

TEST(monitor_recalls_the_last_line)
{
    start();
    type("alpha 1\n\n");
    type("zz\x1b[A!\n");
    type("\x10\n");
    EXPECT(is(ran, "alpha(1)alpha(1!)alpha(1!)"));
}

TEST(monitor_swallows_escapes)
{
    start();
    type("al\x1b[3~\x1b[C\x1bOP\x1bqpha\n");
    EXPECT(is(ran, "alpha()"));
}

/* A line has room for 127 letters; the rest is not taken, and nothing is overwritten. */
TEST(monitor_bounds_the_line)
{
    start();
    type("alpha ");
    for (int i = 0; i < 300; i++)
        type("y");
    type("\n");
    EXPECT(strlen(ran) == sizeof("alpha()") - 1 + 127 - 6);
}

TEST(monitor_runs_the_command_line)
{
    start();
    string_copy(the_boot_info.command_line, sizeof(the_boot_info.command_line),
                "exit=debug run=alpha,alphabet,alpha log=info");
    monitor_start();
    EXPECT(is(ran, "alpha()alphabetalpha()"));
    EXPECT(is(screen.text, "tern> alpha\ntern> alphabet\nabc\ntern> alpha\ntern> "));
}

static char listed[256];

static void list(const struct monitor_command *command)
{
    strcat(listed, command->name);
    strcat(listed, " ");
}

TEST(monitor_lists_by_name)
{
    monitor_each(list);
    EXPECT(is(listed, "alpha alphabet "));
}
