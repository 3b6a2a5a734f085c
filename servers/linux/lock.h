/*
 * Advisory locks of a node: flock's, owned by open files, and fcntl's, owned by processes.
 *
 * Made with the node's first lock, freed with the node. Closing gives locks back (files.c, file.c).
 */
#ifndef LINUX_LOCK_H
#define LINUX_LOCK_H

#include "call.h"

struct file;
struct files;
struct locks;
struct node;

void locks_free(struct locks *locks);

/* flock(2): LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB. May wait. */
int64_t lock_whole(struct call *call, struct file *file, uint32_t operation);

/* fcntl's F_GETLK, F_SETLK, F_SETLKW and F_OFD_*, on the struct flock at `at`. May wait. */
int64_t lock_range(struct call *call, struct file *file, uint32_t command, uaddr_t at);

/* What an owner had is given back: an open file's last reference, a table's descriptor closed. */
void locks_forget(struct node *node, const void *owner);

#endif
