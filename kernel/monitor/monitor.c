/*
 * The monitor's line editor and dispatcher (monitor.h).
 *
 * Keys: Backspace takes a letter back, Ctrl-U the line, Ctrl-C gives up, Up and Ctrl-P bring the
 * last line again. Other escape sequences are swallowed.
 */
#include "monitor/monitor.h"
#include "boot/boot_info.h"
#include "boot/root.h"
#include "lib/string.h"
#include "trace/console.h"

#define LINE_MAX 128
#define PROMPT   "tern> "

#define KEY_CTRL_C    0x03
#define KEY_BACKSPACE 0x08
#define KEY_CTRL_P    0x10
#define KEY_CTRL_U    0x15
#define KEY_ESCAPE    0x1b
#define KEY_DELETE    0x7f

/* The bounds of the linker section "monitor_commands". */
extern const struct monitor_command __start_monitor_commands[];
extern const struct monitor_command __stop_monitor_commands[];

/* Where a terminal's escape sequence stands: ESC [ parameters letter. */
enum escape {
    ESCAPE_NONE,
    ESCAPE_BEGUN,
    ESCAPE_INSIDE,
};

static char line[LINE_MAX]; /* what is being typed, not ended */
static size_t line_length;
static char last_line[LINE_MAX];
static enum escape escape;
static bool commands_due; /* `run=` was not typed yet */
static bool after_return; /* the last byte was \r: a \n that follows is part of it */

static void prompt_print(void)
{
    console_write(LOG_INFO, PROMPT, sizeof(PROMPT) - 1);
}

static const struct monitor_command *command_find(const char *name, size_t length)
{
    const struct monitor_command *command = __start_monitor_commands;
    for (; command < __stop_monitor_commands; command++)
        if (strncmp(command->name, name, length) == 0 && command->name[length] == 0)
            return command;
    return NULL;
}

void monitor_run(const char *text)
{
    while (*text == ' ')
        text++;
    size_t length = 0;
    while (text[length] != 0 && text[length] != ' ')
        length++;
    if (length == 0)
        return;
    const struct monitor_command *command = command_find(text, length);
    if (command == NULL) {
        console_print("there is no command \"%.*s\"; \"help\" lists them\n", (int)length, text);
        return;
    }
    const char *arguments = text + length;
    while (*arguments == ' ')
        arguments++;
    command->run(arguments);
}

/* The first command by name that comes after `after`; NULL: the first of all. */
static const struct monitor_command *command_next(const struct monitor_command *after)
{
    const struct monitor_command *best = NULL;
    const struct monitor_command *command = __start_monitor_commands;
    for (; command < __stop_monitor_commands; command++) {
        if (after != NULL && strcmp(command->name, after->name) <= 0)
            continue;
        if (best == NULL || strcmp(command->name, best->name) < 0)
            best = command;
    }
    return best;
}

void monitor_each(void (*each)(const struct monitor_command *command))
{
    const struct monitor_command *command = command_next(NULL);
    for (; command != NULL; command = command_next(command))
        each(command);
}

static void line_erase(size_t count)
{
    for (; count > 0 && line_length > 0; count--) {
        line_length--;
        console_write(LOG_INFO, "\b \b", 3);
    }
}

static void line_add(char byte)
{
    if (line_length + 1 >= sizeof(line))
        return;
    line[line_length++] = byte;
    console_write(LOG_INFO, &byte, 1);
}

static void line_recall(void)
{
    line_erase(line_length);
    for (const char *s = last_line; *s != 0; s++)
        line_add(*s);
}

static void line_enter(void)
{
    line[line_length] = 0;
    line_length = 0;
    console_write(LOG_INFO, "\n", 1);
    if (line[0] != 0)
        string_copy(last_line, sizeof(last_line), line);
    monitor_run(line);
    prompt_print();
}

static void line_abandon(void)
{
    line_length = 0;
    console_write(LOG_INFO, "^C\n", 3);
    prompt_print();
}

/* True if `byte` belongs to an escape sequence. */
static bool escape_take(char byte)
{
    switch (escape) {
    case ESCAPE_NONE:
        escape = byte == KEY_ESCAPE ? ESCAPE_BEGUN : ESCAPE_NONE;
        return escape != ESCAPE_NONE;
    case ESCAPE_BEGUN:
        escape = byte == '[' || byte == 'O' ? ESCAPE_INSIDE : ESCAPE_NONE;
        return true;
    case ESCAPE_INSIDE:
        if (byte >= '@' && byte <= '~')
            escape = ESCAPE_NONE;
        if (byte == 'A')
            line_recall();
        return true;
    }
    return false;
}

static void monitor_key(char byte)
{
    bool second = after_return && byte == '\n';
    after_return = byte == '\r';
    if (second || escape_take(byte))
        return;
    switch (byte) {
    case '\r':
    case '\n':
        line_enter();
        break;
    case KEY_BACKSPACE:
    case KEY_DELETE:
        line_erase(1);
        break;
    case KEY_CTRL_U:
        line_erase(line_length);
        break;
    case KEY_CTRL_C:
        line_abandon();
        break;
    case KEY_CTRL_P:
        line_recall();
        break;
    default:
        if (byte >= ' ' && byte <= '~')
            line_add(byte);
        break;
    }
}

/* `run=COMMAND,COMMAND`: typed when no root program runs, or when it has ended. */
static void type_commands(void)
{
    char commands[512];
    commands_due = false;
    if (!boot_option(&the_boot_info, "run", commands, sizeof(commands)))
        return;
    for (const char *s = commands; *s != 0; s++)
        monitor_key((char)(*s == ',' ? '\n' : *s));
    if (commands[0] != 0)
        monitor_key('\n');
}

void monitor_poll(void)
{
    char byte;
    if (commands_due && !root_runs())
        type_commands();
    while (console_take(&byte))
        monitor_key(byte);
}

void monitor_start(void)
{
    prompt_print();
    commands_due = true;
    if (!root_runs())
        type_commands();
}
