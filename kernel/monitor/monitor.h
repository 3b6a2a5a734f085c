/*
 * The kernel monitor: a command line on the consoles, for looking and for tests.
 *
 * It has no thread: monitor_start prints the prompt, and the boot CPU's idle loop calls
 * monitor_poll after each wake-up, which takes the bytes that came in and runs what is asked.
 * A command registers itself in the linker section "monitor_commands"; it runs on the boot CPU
 * and reaches the rest of the kernel with PRIVILEGE_TOOL.
 * No lock: all state belongs to the boot CPU outside of interrupts.
 */
#pragma once

#include "lib/types.h"

struct monitor_command {
    const char *name;
    const char *text;                   /* what it does, a sentence */
    void (*run)(const char *arguments); /* what stood behind the name, without leading spaces */
};

#define MONITOR_COMMAND(identifier, sentence, function)                                            \
    static const struct monitor_command monitor_command_##identifier                               \
        __attribute__((used, section("monitor_commands"), aligned(8))) = {#identifier, sentence,   \
                                                                          function};

/* Runs the commands of `run=cmd,cmd` on the kernel's command line, then prints the prompt. */
void monitor_start(void);

/* Takes what was typed since the last call. */
void monitor_poll(void);

/* Runs one command line, as if typed. */
void monitor_run(const char *line);

/* Calls `each` with all commands, by name. */
void monitor_each(void (*each)(const struct monitor_command *command));
