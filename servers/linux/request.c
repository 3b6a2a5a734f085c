/* What is to be run (request.h). */
#include "request.h"
#include "lib/print.h"
#include <string.h>

static int64_t number_set(uint32_t *to, const char *value)
{
    uint64_t number;
    if (!parse_u64(value, &number) || number > UINT16_MAX)
        return -EINVAL;
    *to = (uint32_t)number;
    return 0;
}

static bool is_key(const char *line, const char *key, const char **value)
{
    size_t length = strlen(key);
    *value = line + length + 1;
    return strncmp(line, key, length) == 0 && line[length] == '=';
}

static int64_t line_take(struct request *request, const char *line)
{
    const char *value;
    if (is_key(line, "arg", &value))
        return strings_add(&request->arguments, value, strlen(value));
    if (is_key(line, "env", &value))
        return strings_add(&request->environment, value, strlen(value));
    if (is_key(line, "rows", &value))
        return number_set(&request->rows, value);
    if (is_key(line, "cols", &value))
        return number_set(&request->columns, value);
    if (is_key(line, "time", &value))
        return parse_u64(value, &request->time) ? 0 : -EINVAL;
    if (is_key(line, "cwd", &value))
        request->folder = value;
    else if (is_key(line, "tty", &value))
        request->tty = strcmp(value, "1") == 0;
    else if (is_key(line, "missing", &value))
        request->missing = strcmp(value, "1") == 0;
    else
        return -EINVAL;
    return 0;
}

int64_t request_read(struct request *request, const char *bytes, uint64_t size)
{
    *request = (struct request){.rows = 24, .columns = 80};
    for (uint64_t at = 0; at < size;) {
        const char *end = memchr(bytes + at, 0, size - at);
        int64_t error = end != NULL ? line_take(request, bytes + at) : -EINVAL;
        if (error != 0)
            return error;
        at = (uint64_t)(end - bytes) + 1;
    }
    return request->arguments.count > 0 ? 0 : -EINVAL;
}
