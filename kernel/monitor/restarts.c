/* Monitor: what restart mode covered (syscall/restart.h). */
#include "monitor/monitor.h"
#include "syscall/restart.h"

static void restarts_run(const char *arguments)
{
    (void)arguments;
    restart_report();
}

MONITOR_COMMAND(restarts, "shows which calls were aborted and made again (restart=all)",
                restarts_run)
