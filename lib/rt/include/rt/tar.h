/*
 * Reads a tar archive in memory: POSIX ustar (IEEE 1003.1, pax "ustar Interchange Format") with pax
 * extended headers for path, linkpath and size, and GNU's long names (types L and K).
 *
 * The archive may come from anybody: whatever does not fit ends the reading with an error.
 */
#ifndef RT_TAR_H
#define RT_TAR_H

#include "lib/error.h"
#include "lib/types.h"

#define TAR_NAME_MAX 1024 /* bytes of a path, its end included; longer ones are `full` */

enum tar_type {
    TAR_FILE = '0',
    TAR_LINK = '1', /* hard: `link` is a member before */
    TAR_SYMLINK = '2',
    TAR_CHARACTER = '3',
    TAR_BLOCK = '4',
    TAR_FOLDER = '5',
    TAR_FIFO = '6',
};

struct rt_tar {
    const uint8_t *base;
    uint64_t size, at; /* of the archive; of the next header */
    error_t error;     /* why rt_tar_next ended: OK at the archive's end */
    /* The member: */
    enum tar_type type;
    uint32_t mode, uid, gid, major, minor;
    uint64_t mtime;
    const uint8_t *data;
    uint64_t data_size;
    uint64_t offset; /* of the data in the archive */
    char name[TAR_NAME_MAX], link[TAR_NAME_MAX];
};

void rt_tar_open(struct rt_tar *tar, const void *base, uint64_t size);

/* Goes to the next member. False: the end, or an error (malformed, truncated, bad_checksum, full).
 */
bool rt_tar_next(struct rt_tar *tar);

/* Looks for a file from the beginning. not_found, or why the archive cannot be read. */
error_t rt_tar_find(struct rt_tar *tar, const char *name);

#endif
