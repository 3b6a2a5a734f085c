/* What the tests of the loaders' protocols share: the blobs of blobs.h all tell the same map. */
#ifndef LOADERS_H
#define LOADERS_H

#include "boot/boot_info.h"

/* Expects the map, the command line and the modules of the blobs in `info`. */
void expect_loader_map(const struct boot_info *info);
void expect_command_line(const struct boot_info *info);

/* The number of ranges of `kind` that begin at `base`. */
unsigned ranges_at(const struct boot_info *info, uint64_t base, enum range_kind kind);

#endif
