/*
 * What the job's first program is: `tern/request` of the system archive (decision 0022), strings
 * KEY=VALUE ended by 0.
 */
#ifndef LINUX_REQUEST_H
#define LINUX_REQUEST_H

#include "image.h"

struct request {
    struct strings arguments, environment;
    const char *folder; /* where it begins: cwd=; NULL: / */
    bool tty, missing;
    uint32_t rows, columns;
    uint64_t time; /* nanoseconds since 1970 when the run began; 0: not said */
};

/* -EINVAL: not a request, or nothing to run. The bytes must stay. */
int64_t request_read(struct request *request, const char *bytes, uint64_t size);

#endif
