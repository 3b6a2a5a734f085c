/* The names of the log levels. */
#include "lib/assert.h"
#include "lib/string.h"
#include "trace/log.h"

static const char *const level_names[LOG_LEVELS] = {"error", "warn", "info", "debug"};

const char *log_level_name(enum log_level level)
{
    assert((unsigned)level < LOG_LEVELS);
    return level_names[level];
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (int i = 0; i < LOG_LEVELS; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}
