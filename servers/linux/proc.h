/*
 * /proc (proc(5)): what programs may know of processes and the system, as files made when they are
 * read.
 *
 * A node of it is made by each look at its name and knows which process it is about by number
 * alone; if that is gone, reading says ESRCH. The text of a file is made by the read from its
 * beginning.
 */
#ifndef LINUX_PROC_H
#define LINUX_PROC_H

#include "node.h"

struct group;

/* A text that grows. What finds no memory is lost, and the reader is told. */
struct proc_text {
    char *bytes;
    uint64_t size, room;
    bool failed;
};

void proc_add(struct proc_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void proc_add_bytes(struct proc_text *text, const void *bytes, uint64_t size);

/* Makes /proc in the tree. -ENOMEM. */
int64_t proc_start(void);

/* --- what a name in a folder of it is; NULL: not so --- */

struct proc_item {
    const char *name;
    uint32_t mode;
    void (*text)(struct proc_text *text, struct call *call, struct group *group);
    /* Links: their text, and what they lead to if the text does not say it. -ENOENT: nothing. */
    int64_t (*link)(struct task *task, struct group *group, char *to, uint64_t size);
    int64_t (*follow)(struct group *group, struct node **found);
    const struct proc_item *items; /* folders: ended by one without a name */
};

extern const struct proc_item proc_root_items[];    /* proc_system.c */
extern const struct proc_item proc_process_items[]; /* proc_process.c */
extern const struct proc_item proc_fd_item;         /* of each descriptor: proc_fd.c */

/* A process's first task; NULL: it has ended. */
struct task *proc_task(const struct group *group);

/* A node's path as the task sees it, or a name that says what it is: its length. */
int64_t proc_path(struct task *task, const struct node *node, char *to, uint64_t size);

/* --- what only the kernel knows (proc_kernel.c) --- */

uint64_t proc_cpu(const struct call *call, const struct group *group); /* nanoseconds */
uint64_t proc_mapped(const struct group *group);                       /* bytes */
void proc_maps(struct proc_text *text, struct call *call, struct group *group);

#endif
