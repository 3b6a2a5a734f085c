/*
 * The log: lines with a level and a time stamp, kept in a ring and printed on the consoles.
 *
 * Any context may log, also with locks held and while panicking.
 */
#pragma once

#include "lib/types.h"
#include <stdarg.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

/* Logs one line (no newline in it) as from `subsystem`, a short word. */
void log_line(enum log_level level, const char *subsystem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* Only lines of this level and more urgent ones reach the consoles; the ring keeps all. */
void log_set_level(enum log_level level);

/* True if lines of this level reach the consoles. */
bool log_shows(enum log_level level);

/* "error", "warn", "info", "debug". */
const char *log_level_name(enum log_level level);

/* Parses "error", "warn", "info" or "debug". */
bool log_level_parse(const char *name, enum log_level *level);

/*
 * Shows the ring's lines to `show`, oldest first, at most the newest `most` of them. Takes no
 * lock: for the monitor and for panics.
 */
void log_show(uint32_t most,
              void (*show)(enum log_level level, uint64_t time_ns, const char *text));
