/* On the host, log lines go to standard error when a test asks for them. */
#include "trace/log.h"
#include "host.h"

#include <stdio.h>

static uint64_t host_lines;
static bool host_loud;

uint64_t host_log_count(void)
{
    return host_lines;
}

void host_log_loud(bool loud)
{
    host_loud = loud;
}

void log_line(enum log_level level, const char *subsystem, const char *format, ...)
{
    host_lines++;
    if (!host_loud)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%d %s: ", (int)level, subsystem);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

bool log_shows(enum log_level level)
{
    return level <= LOG_INFO;
}
