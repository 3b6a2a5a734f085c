/*
 * The log ring (log.h): fixed-size records, overwritten from the oldest on.
 *
 * Lock: log_lock (rank log) for writing; readers (monitor, panic) take no lock and may see a
 * record change under them, never beyond its bounds.
 */
#include "trace/log.h"
#include "arch/cpu.h"
#include "lib/print.h"
#include "lib/string.h"
#include "sched/clock.h"
#include "sync/spinlock.h"
#include "trace/console.h"
#include "trace/metric.h"

#define LOG_RECORDS 256
#define LOG_TEXT    112

struct log_record {
    uint64_t counter; /* not the time: its rate is not known from the start */
    uint32_t level;
    char text[LOG_TEXT]; /* "subsystem: words" */
};

static struct spinlock log_lock = SPINLOCK_INIT(log);
static struct log_record log_ring[LOG_RECORDS]; /* log_lock to write */
static uint64_t log_count;                      /* records ever written; log_lock to write */
static enum log_level log_console_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    log_console_level = level;
}

bool log_shows(enum log_level level)
{
    return level <= log_console_level;
}

static uint64_t log_store(enum log_level level, const char *text)
{
    uint64_t now = arch_counter();
    irq_state_t state = spinlock_lock(&log_lock);
    struct log_record *record = &log_ring[log_count++ % LOG_RECORDS];
    record->counter = now;
    record->level = level;
    string_copy(record->text, sizeof(record->text), text);
    spinlock_unlock(&log_lock, state);
    metric_add(METRIC_log_lines, 1);
    return now;
}

void log_line(enum log_level level, const char *subsystem, const char *format, ...)
{
    char text[LOG_TEXT];
    size_t at = print_buffer(text, sizeof(text), "%s: ", subsystem);
    va_list args;
    va_start(args, format);
    if (at < sizeof(text))
        vprint_buffer(text + at, sizeof(text) - at, format, args);
    va_end(args);
    uint64_t now = log_store(level, text);
    if (log_shows(level))
        console_line(level, clock_at(now), text);
}

void log_show(uint32_t most, void (*show)(enum log_level level, uint64_t time_ns, const char *text))
{
    uint64_t end = log_count;
    uint64_t kept = end < LOG_RECORDS ? end : LOG_RECORDS;
    for (uint64_t i = end - (kept < most ? kept : most); i < end; i++) {
        const struct log_record *record = &log_ring[i % LOG_RECORDS];
        show((enum log_level)(record->level % LOG_LEVELS), clock_at(record->counter), record->text);
    }
}
