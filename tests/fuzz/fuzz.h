/*
 * The frame of the fuzz targets: libFuzzer's entry, and what must hold after any input at all.
 *
 * Each target gives the parser memory of exactly the input's size, so that the address sanitizer
 * sees the first byte read beyond it.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "boot/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Normalises the map and aborts if it is not in normal form, or a string has no end. */
void fuzz_check_boot_info(struct boot_info *info);

/* Aborts if a count passes its table or an index points nowhere. For a finished machine. */
void fuzz_check_machine(const struct machine *machine);

#endif
