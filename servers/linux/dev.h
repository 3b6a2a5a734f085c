/* Devices of /dev that have no state: null, zero, full, random; and which driver opens the others.
 */
#ifndef LINUX_DEV_H
#define LINUX_DEV_H

#include "file.h"

/* Opens the character device of this number. -ENXIO: there is none. */
int64_t dev_open(struct call *call, uint64_t rdev, struct file *file);

/* Makes /dev with its devices. -ENOMEM. */
int64_t dev_start(void);

#endif
