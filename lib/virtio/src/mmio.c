/* Virtio over registers in memory (virtio/mmio.h). */
#include "virtio/mmio.h"
#include "sys/call.h"

/* Section 4.2.2. */
enum {
    MMIO_MAGIC = 0x000,
    MMIO_VERSION = 0x004,
    MMIO_TYPE = 0x008,
    MMIO_OFFERED = 0x010,
    MMIO_OFFERED_WORD = 0x014,
    MMIO_AGREED = 0x020,
    MMIO_AGREED_WORD = 0x024,
    MMIO_QUEUE = 0x030,
    MMIO_QUEUE_MOST = 0x034,
    MMIO_QUEUE_SIZE = 0x038,
    MMIO_QUEUE_READY = 0x044,
    MMIO_NOTIFY = 0x050,
    MMIO_INTERRUPT = 0x060,
    MMIO_INTERRUPT_SEEN = 0x064,
    MMIO_STATUS = 0x070,
    MMIO_DESCRIPTORS = 0x080,
    MMIO_AVAILABLE = 0x090,
    MMIO_USED = 0x0a0,
    MMIO_GENERATION = 0x0fc,
    MMIO_CONFIG = 0x100,
};
#define MAGIC   0x74726976u /* "virt" */
#define VERSION 2

static volatile uint32_t *word_at(struct virtio *virtio, unsigned at)
{
    return (volatile uint32_t *)(virtio->registers + at);
}

static uint8_t status(struct virtio *virtio)
{
    return (uint8_t)*word_at(virtio, MMIO_STATUS);
}

static void status_set(struct virtio *virtio, uint8_t value)
{
    *word_at(virtio, MMIO_STATUS) = value;
}

static uint32_t features(struct virtio *virtio, uint32_t word)
{
    *word_at(virtio, MMIO_OFFERED_WORD) = word;
    return *word_at(virtio, MMIO_OFFERED);
}

static void features_set(struct virtio *virtio, uint32_t word, uint32_t bits)
{
    *word_at(virtio, MMIO_AGREED_WORD) = word;
    *word_at(virtio, MMIO_AGREED) = bits;
}

static uint32_t generation(struct virtio *virtio)
{
    return *word_at(virtio, MMIO_GENERATION);
}

static uint32_t queue_size(struct virtio *virtio, uint16_t queue)
{
    *word_at(virtio, MMIO_QUEUE) = queue;
    return *word_at(virtio, MMIO_QUEUE_MOST);
}

static void address_set(struct virtio *virtio, unsigned at, uint64_t address)
{
    *word_at(virtio, at) = (uint32_t)address;
    *word_at(virtio, at + 4) = (uint32_t)(address >> 32);
}

static error_t queue_set(struct virtio *virtio, uint16_t queue, const struct virtio_ring *ring)
{
    (void)queue; /* chosen by queue_size */
    if (*word_at(virtio, MMIO_QUEUE_READY) != 0)
        return ERR_busy;
    *word_at(virtio, MMIO_QUEUE_SIZE) = ring->size;
    address_set(virtio, MMIO_DESCRIPTORS, ring->descriptors);
    address_set(virtio, MMIO_AVAILABLE, ring->available);
    address_set(virtio, MMIO_USED, ring->used);
    *word_at(virtio, MMIO_QUEUE_READY) = 1;
    return OK;
}

static void queue_notify(struct virtio *virtio, uint16_t queue)
{
    *word_at(virtio, MMIO_NOTIFY) = queue;
}

static error_t interrupts_set(struct virtio *virtio)
{
    (void)virtio; /* there is one wire */
    return OK;
}

/* The bits are those of enum virtio_event. */
static uint32_t interrupt(struct virtio *virtio, uint32_t n)
{
    uint32_t events =
        *word_at(virtio, MMIO_INTERRUPT) & (VIRTIO_EVENT_QUEUES | VIRTIO_EVENT_CONFIG);
    (void)n;
    *word_at(virtio, MMIO_INTERRUPT_SEEN) = events;
    return events;
}

static const struct virtio_transport transport = {
    .status = status,
    .status_set = status_set,
    .features = features,
    .features_set = features_set,
    .generation = generation,
    .queue_size = queue_size,
    .queue_set = queue_set,
    .queue_notify = queue_notify,
    .interrupts_set = interrupts_set,
    .interrupt = interrupt,
};

uint32_t virtio_mmio_type(volatile uint8_t *registers)
{
    struct virtio there = {.registers = registers};
    if (*word_at(&there, MMIO_MAGIC) != MAGIC || *word_at(&there, MMIO_VERSION) != VERSION)
        return 0;
    return *word_at(&there, MMIO_TYPE);
}

error_t virtio_mmio_open(struct virtio *virtio, struct device_home *home, slot_t device,
                         volatile uint8_t *registers, slot_t port,
                         const struct virtio_interrupt *wire)
{
    uint64_t address, data;
    *virtio = (struct virtio){
        .transport = &transport,
        .home = home,
        .device = device,
        .type = virtio_mmio_type(registers),
        .interrupts = {*wire},
        .interrupt_count = 1,
        .config = registers + MMIO_CONFIG,
        .config_bytes = VIRTIO_MMIO_BYTES - MMIO_CONFIG,
        .registers = registers,
    };
    if (virtio->type == 0)
        return ERR_unsupported;
    return tern_irq_bind(wire->irq, port, wire->bits, &address, &data);
}
