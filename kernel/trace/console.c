/*
 * The consoles (console.h): a list that only grows, and the ring of input bytes.
 *
 * Whoever prints holds console_lock for the whole text. The input ring has one producer (the
 * receive interrupts, boot CPU) and one consumer (the monitor, boot CPU), and needs no lock.
 */
#include "trace/console.h"
#include "lib/print.h"
#include "sync/spinlock.h"
#include <stdatomic.h>

#define CONSOLE_INPUT_SIZE 256 /* a power of two */
#define CONSOLE_LINE_MAX   224 /* a log line with its time stamp; longer ones are cut */

static struct spinlock console_lock = SPINLOCK_INIT(console);
static struct console *console_first; /* console_lock */
static struct console *console_fresh; /* console_lock: the one that is shown the ring */

static char input_bytes[CONSOLE_INPUT_SIZE];
static _Atomic(uint32_t) input_put;  /* bytes ever put in; written by the producer */
static _Atomic(uint32_t) input_took; /* bytes ever taken; written by the consumer */
static _Atomic(uint32_t) input_dropped;

static void console_write_locked(enum log_level level, const char *text, size_t size)
{
    for (struct console *c = console_first; c != NULL; c = c->next)
        c->write(c, level, text, size);
}

/* A log line as people read it; returns its length in `line`. */
static size_t console_format(char *line, size_t size, enum log_level level, uint64_t time_ns,
                             const char *text)
{
    size_t length =
        print_buffer(line, size, "[%4lu.%06lu] %-5s %s\n", (unsigned long)(time_ns / 1000000000),
                     (unsigned long)(time_ns / 1000 % 1000000), log_level_name(level), text);
    if (length < size)
        return length;
    line[size - 2] = '\n';
    return size - 1;
}

static void console_replay_locked(enum log_level level, uint64_t time_ns, const char *text)
{
    char line[CONSOLE_LINE_MAX];
    if (log_shows(level))
        console_fresh->write(console_fresh, level, line,
                             console_format(line, sizeof(line), level, time_ns, text));
}

void console_add(struct console *console)
{
    irq_state_t state = spinlock_lock(&console_lock);
    console_fresh = console;
    log_show(UINT32_MAX, console_replay_locked);
    struct console **link = &console_first;
    while (*link != NULL)
        link = &(*link)->next;
    console->next = NULL;
    *link = console;
    spinlock_unlock(&console_lock, state);
}

void console_write(enum log_level level, const char *text, size_t size)
{
    irq_state_t state = spinlock_lock(&console_lock);
    console_write_locked(level, text, size);
    spinlock_unlock(&console_lock, state);
}

void console_line(enum log_level level, uint64_t time_ns, const char *text)
{
    char line[CONSOLE_LINE_MAX];
    console_write(level, line, console_format(line, sizeof(line), level, time_ns, text));
}

static void console_sink(void *context, const char *text, size_t size)
{
    (void)context;
    console_write_locked(LOG_INFO, text, size);
}

void console_print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    irq_state_t state = spinlock_lock(&console_lock);
    print_to(console_sink, NULL, format, args);
    spinlock_unlock(&console_lock, state);
    va_end(args);
}

void console_names(char *text, size_t size)
{
    struct text names = text_in(text, size);
    irq_state_t state = spinlock_lock(&console_lock);
    for (struct console *c = console_first; c != NULL; c = c->next)
        text_add(&names, "%s%s", c == console_first ? "" : ", ", c->name);
    spinlock_unlock(&console_lock, state);
}

void console_input(char byte)
{
    uint32_t put = atomic_load_explicit(&input_put, memory_order_relaxed);
    uint32_t took = atomic_load_explicit(&input_took, memory_order_acquire);
    if (put - took == CONSOLE_INPUT_SIZE) {
        atomic_fetch_add_explicit(&input_dropped, 1, memory_order_relaxed);
        return;
    }
    input_bytes[put % CONSOLE_INPUT_SIZE] = byte;
    atomic_store_explicit(&input_put, put + 1, memory_order_release);
}

bool console_take(char *byte)
{
    uint32_t took = atomic_load_explicit(&input_took, memory_order_relaxed);
    if (took == atomic_load_explicit(&input_put, memory_order_acquire))
        return false;
    *byte = input_bytes[took % CONSOLE_INPUT_SIZE];
    atomic_store_explicit(&input_took, took + 1, memory_order_release);
    return true;
}

uint32_t console_dropped(void)
{
    return atomic_load_explicit(&input_dropped, memory_order_relaxed);
}
