/*
 * Writes the seed corpus of the fuzz targets: seeds <directory> makes <directory>/<target>/<name>
 * from the blobs of the unit tests.
 */
#include "blobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Some hundred system calls (tests/unit/calls_run.c), as a generator of Lehmer's chooses them. */
static void blob_calls(struct blob *blob)
{
    uint64_t state = 42;
    blob->size = 0;
    for (uint32_t i = 0; i < 2400; i++) {
        state = state * 48271 % 2147483647;
        blob->bytes[blob->size++] = (uint8_t)(state >> 8);
    }
}

static const struct seed {
    const char *target, *name;
    void (*make)(struct blob *blob);
    bool flagged; /* a byte of flags comes first: checksums are set right */
} seeds[] = {
    {"acpi", "pc", blob_acpi_pc, true},
    {"acpi", "old", blob_acpi_old, true},
    {"acpi", "gic", blob_acpi_gic, true},
    {"fdt", "gic3", blob_fdt_gic3, false},
    {"fdt", "gic2", blob_fdt_gic2, false},
    {"pvh", "all", blob_pvh, false},
    {"multiboot2", "all", blob_multiboot2, false},
    {"limine", "all", blob_limine, false},
    {"calls", "random", blob_calls, false},
};

static void write_seed(const char *directory, const struct seed *seed)
{
    static struct blob blob;
    char path[4096];
    seed->make(&blob);
    (void)snprintf(path, sizeof(path), "%s/%s", directory, seed->target);
    (void)mkdir(path, 0777); /* it may be there */
    (void)snprintf(path, sizeof(path), "%s/%s/%s", directory, seed->target, seed->name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    if (seed->flagged)
        (void)fputc(1, file);
    bool written = fwrite(blob.bytes, 1, blob.size, file) == blob.size;
    if (fclose(file) != 0 || !written) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: seeds <directory>\n");
        return 2;
    }
    (void)mkdir(argv[1], 0777);
    for (size_t i = 0; i < COUNT_OF(seeds); i++)
        write_seed(argv[1], &seeds[i]);
    return 0;
}
