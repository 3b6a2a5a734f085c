/* Writers of flattened device trees (blobs.h). */
#include "blobs.h"

#include <string.h>

void fdt_write_start(struct fdt_writer *writer)
{
    blob_init(&writer->structs);
    blob_init(&writer->strings);
    writer->reserved_base = writer->reserved_size = 0;
}

void fdt_write_begin(struct fdt_writer *writer, const char *name)
{
    (void)blob_big(&writer->structs, 1, 4);
    (void)blob_text(&writer->structs, name);
    blob_align(&writer->structs, 4);
}

void fdt_write_end(struct fdt_writer *writer)
{
    (void)blob_big(&writer->structs, 2, 4);
}

/* Each name once, as real trees have them. */
static uint32_t fdt_string(struct fdt_writer *writer, const char *name)
{
    uint32_t at = 0;
    while (at < writer->strings.size) {
        const char *text = (const char *)writer->strings.bytes + at;
        if (strcmp(text, name) == 0)
            return at;
        at += (uint32_t)strlen(text) + 1;
    }
    return blob_text(&writer->strings, name);
}

void fdt_write_bytes(struct fdt_writer *writer, const char *name, const void *bytes, uint32_t size)
{
    (void)blob_big(&writer->structs, 3, 4);
    (void)blob_big(&writer->structs, size, 4);
    (void)blob_big(&writer->structs, fdt_string(writer, name), 4);
    (void)blob_put(&writer->structs, bytes, size);
    blob_align(&writer->structs, 4);
}

void fdt_write_text(struct fdt_writer *writer, const char *name, const char *text)
{
    fdt_write_bytes(writer, name, text, (uint32_t)strlen(text) + 1);
}

void fdt_write_cells(struct fdt_writer *writer, const char *name, const uint32_t *cells,
                     uint32_t count)
{
    struct blob value;
    blob_init(&value);
    for (uint32_t i = 0; i < count; i++)
        (void)blob_big(&value, cells[i], 4);
    fdt_write_bytes(writer, name, value.bytes, value.size);
}

void fdt_write_finish(struct fdt_writer *writer, struct blob *blob)
{
    const uint32_t header = 40, reservations = header, structs = reservations + 32;
    (void)blob_big(&writer->structs, 9, 4);
    uint32_t strings = structs + writer->structs.size;
    const uint32_t fields[] = {0xd00dfeed,
                               strings + writer->strings.size,
                               structs,
                               strings,
                               reservations,
                               17,
                               16,
                               0,
                               writer->strings.size,
                               writer->structs.size};
    blob_init(blob);
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        (void)blob_big(blob, fields[i], 4);
    (void)blob_big(blob, writer->reserved_base, 8);
    (void)blob_big(blob, writer->reserved_size, 8);
    (void)blob_zero(blob, 16);
    (void)blob_put(blob, writer->structs.bytes, writer->structs.size);
    (void)blob_put(blob, writer->strings.bytes, writer->strings.size);
}

static void put_cpu(struct fdt_writer *w, const char *name, uint32_t id, uint32_t node,
                    const char *status)
{
    fdt_write_begin(w, name);
    fdt_write_text(w, "device_type", "cpu");
    fdt_write_text(w, "compatible", "arm,cortex-a57");
    FDT_CELLS(w, "reg", id);
    FDT_CELLS(w, "numa-node-id", node);
    if (status != NULL)
        fdt_write_text(w, "status", status);
    fdt_write_text(w, "enable-method", "psci");
    fdt_write_end(w);
}

static void put_cpus(struct fdt_writer *w)
{
    fdt_write_begin(w, "cpus");
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 0);
    put_cpu(w, "cpu@0", 0x80000000, 0, NULL);
    put_cpu(w, "cpu@1", 1, 1, "disabled");
    put_cpu(w, "cpu@2", 2, 1, "fail-broken");
    put_cpu(w, "cpu@100", 0x100, 1, "okay");
    fdt_write_begin(w, "cpu-map");
    fdt_write_end(w);
    fdt_write_end(w);
}

static void put_memory(struct fdt_writer *w, const char *name, uint32_t base, uint32_t size,
                       uint32_t node, const char *status)
{
    fdt_write_begin(w, name);
    fdt_write_text(w, "device_type", "memory");
    FDT_CELLS(w, "reg", 0, base, 0, size, 8, base, 0, size);
    FDT_CELLS(w, "numa-node-id", node);
    if (status != NULL)
        fdt_write_text(w, "status", status);
    fdt_write_end(w);
}

static void put_chosen(struct fdt_writer *w, const char *stdout_path)
{
    fdt_write_begin(w, "chosen");
    fdt_write_text(w, "bootargs", "console=serial log=debug");
    fdt_write_text(w, "stdout-path", stdout_path);
    FDT_CELLS(w, "linux,initrd-start", 0x48000000);
    FDT_CELLS(w, "linux,initrd-end", 0, 0x48001800);
    fdt_write_end(w);
}

static void put_uart(struct fdt_writer *w, const char *name, const char *compatible, uint32_t base,
                     uint32_t spi)
{
    fdt_write_begin(w, name);
    fdt_write_bytes(w, "compatible", compatible, (uint32_t)strlen(compatible) + 1);
    FDT_CELLS(w, "reg", 0, base, 0, 0x1000);
    FDT_CELLS(w, "interrupts", 0, spi, 4);
    fdt_write_end(w);
}

static void put_root(struct fdt_writer *w)
{
    fdt_write_start(w);
    fdt_write_begin(w, "");
    FDT_CELLS(w, "#address-cells", 2);
    FDT_CELLS(w, "#size-cells", 2);
}

static void put_psci(struct fdt_writer *w, const char *method)
{
    static const char versions[] = "arm,psci-1.0\0arm,psci-0.2\0arm,psci";
    fdt_write_begin(w, "psci");
    fdt_write_bytes(w, "compatible", versions, sizeof(versions));
    fdt_write_text(w, "method", method);
    fdt_write_end(w);
}

static void put_timer(struct fdt_writer *w)
{
    fdt_write_begin(w, "timer");
    fdt_write_text(w, "compatible", "arm,armv8-timer");
    FDT_CELLS(w, "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
    fdt_write_end(w);
}

static void put_gic3(struct fdt_writer *w)
{
    fdt_write_begin(w, "intc@8000000");
    fdt_write_text(w, "compatible", "arm,gic-v3");
    FDT_CELLS(w, "#address-cells", 2);
    FDT_CELLS(w, "#size-cells", 2);
    fdt_write_bytes(w, "ranges", "", 0);
    FDT_CELLS(w, "#redistributor-regions", 2);
    FDT_CELLS(w, "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0xf60000, 0x40, 0, 0, 0x2000000);
    fdt_write_begin(w, "its@8080000");
    fdt_write_text(w, "compatible", "arm,gic-v3-its");
    FDT_CELLS(w, "reg", 0, 0x8080000, 0, 0x20000);
    fdt_write_end(w);
    fdt_write_end(w);
}

static void put_reserved(struct fdt_writer *w)
{
    fdt_write_begin(w, "reserved-memory");
    FDT_CELLS(w, "#address-cells", 2);
    FDT_CELLS(w, "#size-cells", 2);
    fdt_write_bytes(w, "ranges", "", 0);
    fdt_write_begin(w, "secure@4e000000");
    FDT_CELLS(w, "reg", 0, 0x4e000000, 0, 0x3000, 0, 0x4f000000, 0, 0x1000);
    fdt_write_end(w);
    fdt_write_begin(w, "pool");
    FDT_CELLS(w, "size", 0, 0x100000);
    fdt_write_end(w);
    fdt_write_end(w);
}

static void put_pcie(struct fdt_writer *w)
{
    fdt_write_begin(w, "pcie@10000000");
    fdt_write_text(w, "compatible", "pci-host-ecam-generic");
    FDT_CELLS(w, "#address-cells", 3);
    FDT_CELLS(w, "#size-cells", 2);
    FDT_CELLS(w, "reg", 0x40, 0x10000000, 0, 0x10000000);
    FDT_CELLS(w, "bus-range", 2, 0xff);
    /* I/O ports, memory that devices see elsewhere, memory, memory above 4 GiB */
    FDT_CELLS(w, "ranges", 0x1000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, /**/
              0x2000000, 0, 0x8000, 0, 0x9000, 0, 0x1000,              /**/
              0x2000000, 0, 0x10000000, 0, 0x10000000, 0, 0x2eff0000,  /**/
              0x3000000, 0x80, 0, 0x80, 0, 0x80, 0);
    fdt_write_end(w);
}

static void put_distances(struct fdt_writer *w)
{
    fdt_write_begin(w, "distance-map");
    fdt_write_text(w, "compatible", "numa-distance-map-v1");
    FDT_CELLS(w, "distance-matrix", 0, 0, 10, 0, 1, 33, 1, 1, 10);
    fdt_write_end(w);
}

void blob_fdt_gic3(struct blob *blob)
{
    struct fdt_writer writer, *w = &writer;
    put_root(w);
    w->reserved_base = 0x4d000000;
    w->reserved_size = 0x2000;
    put_distances(w);
    put_psci(w, "hvc");
    put_memory(w, "memory@40000000", 0x40000000, 0x8000000, 0, NULL);
    put_memory(w, "memory@48000000", 0x48000000, 0x8000000, 1, "okay");
    put_memory(w, "memory@e000000", 0xe000000, 0x1000000, 2, "disabled");
    put_uart(w, "pl011@9000000", "arm,pl011", 0x9000000, 1);
    put_uart(w, "pl011@9040000", "arm,pl011", 0x9040000, 8);
    put_timer(w);
    put_gic3(w);
    put_pcie(w);
    put_cpus(w);
    put_reserved(w);
    put_chosen(w, "serial1:115200n8");
    fdt_write_begin(w, "aliases");
    fdt_write_text(w, "serial0", "/pl011@9000000");
    fdt_write_text(w, "serial1", "/pl011@9040000");
    fdt_write_end(w);
    fdt_write_end(w);
    fdt_write_finish(w, blob);
}

/* A GICv2 and a 16550 behind buses that shift addresses. */
void blob_fdt_gic2(struct blob *blob)
{
    struct fdt_writer writer, *w = &writer;
    put_root(w);
    put_psci(w, "smc");
    put_memory(w, "memory@40000000", 0x40000000, 0x8000000, 0, NULL);
    put_timer(w);
    put_cpus(w);
    fdt_write_begin(w, "soc");
    fdt_write_text(w, "compatible", "simple-bus");
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 1);
    FDT_CELLS(w, "ranges", 0x1000000, 0, 0x5000000, 0x1000, 0, 0, 0x8000000, 0x100000);
    fdt_write_begin(w, "intc@0");
    fdt_write_text(w, "compatible", "arm,gic-400");
    FDT_CELLS(w, "#address-cells", 1);
    FDT_CELLS(w, "#size-cells", 1);
    FDT_CELLS(w, "ranges", 0, 0x20000, 0x1000);
    FDT_CELLS(w, "reg", 0, 0x10000, 0x10000, 0x10000);
    fdt_write_begin(w, "v2m@0");
    fdt_write_text(w, "compatible", "arm,gic-v2m-frame");
    FDT_CELLS(w, "reg", 0, 0x1000);
    fdt_write_end(w);
    fdt_write_end(w);
    fdt_write_begin(w, "serial@1000200");
    fdt_write_text(w, "compatible", "ns16550a");
    FDT_CELLS(w, "reg", 0x1000200, 0x100);
    FDT_CELLS(w, "interrupts", 0, 5, 4);
    fdt_write_end(w);
    fdt_write_end(w);
    put_chosen(w, "/soc/serial@1000200");
    fdt_write_end(w);
    fdt_write_finish(w, blob);
}
