/* Monitor: the log's ring. */
#include "trace/log.h"
#include "lib/print.h"
#include "monitor/monitor.h"
#include "trace/console.h"

#define LOG_LINES_SHOWN 40

static void log_run(const char *arguments)
{
    uint64_t most = LOG_LINES_SHOWN;
    if (arguments[0] != 0 && (!parse_u64(arguments, &most) || most > UINT32_MAX)) {
        console_print("log: \"%s\" is not a number of lines\n", arguments);
        return;
    }
    log_show((uint32_t)most, console_line);
}

MONITOR_COMMAND(log, "shows the newest lines of the log; \"log N\" shows N", log_run)
