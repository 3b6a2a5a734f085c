/*
 * Consoles: where log lines and the monitor's output go.
 *
 * Life cycle: a driver fills a struct console and adds it; from then on it gets all that is
 * printed, the log's ring first (so nothing from before is lost). Never removed.
 * Lock: one for all consoles (rank console), so that lines do not mix.
 */
#pragma once

#include "lib/types.h"
#include "trace/log.h"

struct console {
    const char *name;
    /* Prints bytes; '\n' is a new line (the driver adds what its device needs). */
    void (*write)(struct console *console, enum log_level level, const char *text, size_t size);
    struct console *next;
};

/* Adds it and shows it the ring. */
void console_add(struct console *console);

/* Prints on all consoles, bypassing log and ring: the monitor and the closing screen. */
void console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints bytes with the colour of `level`. */
void console_write(enum log_level level, const char *text, size_t size);

/* Prints a line of the log with its time stamp and a new line: for log.c alone. */
void console_line(enum log_level level, uint64_t time_ns, const char *text);

/* The names of all consoles, joined by ", ". */
void console_names(char *text, size_t size);

/*
 * Input: drivers put bytes in (interrupt, boot CPU), the monitor takes them. 256 bytes; more are
 * dropped and counted.
 */
void console_input(char byte);
bool console_take(char *byte);
uint32_t console_dropped(void);
