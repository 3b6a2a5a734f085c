/* What the files of handlers share (call_*.c). */
#ifndef LINUX_CALL_FILE_H
#define LINUX_CALL_FILE_H

#include "files.h"
#include "fs.h"
#include "path.h"
#include "task.h"

/* An open file by its descriptor, or NULL: -EBADF. */
static inline struct file *call_find(struct call *call, int fd)
{
    return files_find(call->task->files, fd);
}

/* The same for calls that want more than a name: not those opened with O_PATH. */
static inline struct file *call_file(struct call *call, int fd)
{
    struct file *file = call_find(call, fd);
    return file != NULL && (file->flags & O_PATH) == 0 ? file : NULL;
}

/* A new special or regular file where a walk that may miss it ended: leaves it in walk->node. As
 * mknod's errors (call_open.c). */
int64_t walk_special(struct walk *walk, uint32_t mode, uint64_t rdev);

#endif
