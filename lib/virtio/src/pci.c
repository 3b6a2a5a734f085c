/* Virtio over PCI (virtio/pci.h). */
#include "virtio/pci.h"
#include "lib/string.h"
#include "sys/call.h"

/* Ids (section 4.1.2): modern ones by type, transitional ones with the type as subsystem. */
enum { ID_VENDOR = 0x1af4, ID_TRANSITIONAL = 0x1000, ID_MODERN = 0x1040, ID_END = 0x1080 };

/* A vendor capability (section 4.1.4). */
enum {
    CAP_LENGTH = 2,
    CAP_TYPE = 3,
    CAP_BAR = 4,
    CAP_OFFSET = 8,
    CAP_SIZE = 12,
    CAP_BYTES = 16,
    CAP_NOTIFY_STEP = 16,
    CAP_NOTIFY_BYTES = 20,
    CAP_END = 256, /* of where capabilities are */
};
enum structure { STRUCTURE_COMMON = 1, STRUCTURE_NOTIFY, STRUCTURE_ISR, STRUCTURE_DEVICE };

/* The common structure (section 4.1.4.3). */
enum {
    COMMON_OFFERED_WORD = 0x00,
    COMMON_OFFERED = 0x04,
    COMMON_AGREED_WORD = 0x08,
    COMMON_AGREED = 0x0c,
    COMMON_CONFIG_VECTOR = 0x10,
    COMMON_STATUS = 0x14,
    COMMON_GENERATION = 0x15,
    COMMON_QUEUE = 0x16,
    COMMON_QUEUE_SIZE = 0x18,
    COMMON_QUEUE_VECTOR = 0x1a,
    COMMON_QUEUE_ENABLE = 0x1c,
    COMMON_QUEUE_NOTIFY = 0x1e,
    COMMON_DESCRIPTORS = 0x20,
    COMMON_AVAILABLE = 0x28,
    COMMON_USED = 0x30,
    COMMON_BYTES = 0x38,
};

static volatile uint32_t *word_at(struct virtio *virtio, unsigned at)
{
    return (volatile uint32_t *)(virtio->registers + at);
}

static volatile uint16_t *half_at(struct virtio *virtio, unsigned at)
{
    return (volatile uint16_t *)(virtio->registers + at);
}

/* 64 bits, in two halves (section 4.1.3.1). */
static void address_set(struct virtio *virtio, unsigned at, uint64_t address)
{
    *word_at(virtio, at) = (uint32_t)address;
    *word_at(virtio, at + 4) = (uint32_t)(address >> 32);
}

static uint8_t status(struct virtio *virtio)
{
    return virtio->registers[COMMON_STATUS];
}

static void status_set(struct virtio *virtio, uint8_t value)
{
    virtio->registers[COMMON_STATUS] = value;
}

static uint32_t features(struct virtio *virtio, uint32_t word)
{
    *word_at(virtio, COMMON_OFFERED_WORD) = word;
    return *word_at(virtio, COMMON_OFFERED);
}

static void features_set(struct virtio *virtio, uint32_t word, uint32_t bits)
{
    *word_at(virtio, COMMON_AGREED_WORD) = word;
    *word_at(virtio, COMMON_AGREED) = bits;
}

static uint32_t generation(struct virtio *virtio)
{
    return virtio->registers[COMMON_GENERATION];
}

static uint32_t queue_size(struct virtio *virtio, uint16_t queue)
{
    *half_at(virtio, COMMON_QUEUE) = queue;
    return *half_at(virtio, COMMON_QUEUE_SIZE);
}

static uint16_t vector_of(const struct virtio *virtio, uint16_t queue)
{
    uint32_t others = virtio->interrupt_count - 1;
    return others == 0 ? 0 : (uint16_t)(1 + queue % others);
}

/* The register for a vector keeps it if the device has what it needs for it. */
static error_t vector_set(struct virtio *virtio, unsigned at, uint16_t vector)
{
    *half_at(virtio, at) = vector;
    return *half_at(virtio, at) == vector ? OK : ERR_full;
}

/* Where the chosen queue is told of requests, within the structure for that. */
static error_t notify_find(struct virtio *virtio, uint16_t queue)
{
    uint64_t offset = (uint64_t)*half_at(virtio, COMMON_QUEUE_NOTIFY) * virtio->notify_step;
    if (queue >= VIRTIO_QUEUES_MAX)
        return ERR_full;
    if (!is_aligned(offset, sizeof(uint16_t)) || virtio->notify_bytes < sizeof(uint16_t) ||
        offset > virtio->notify_bytes - sizeof(uint16_t))
        return ERR_malformed;
    virtio->notify[queue] = (volatile uint16_t *)(virtio->notify_base + offset);
    return OK;
}

static error_t queue_set(struct virtio *virtio, uint16_t queue, const struct virtio_ring *ring)
{
    error_t error = notify_find(virtio, queue);
    if (error == OK)
        error = vector_set(virtio, COMMON_QUEUE_VECTOR, vector_of(virtio, queue));
    if (error != OK)
        return error;
    *half_at(virtio, COMMON_QUEUE_SIZE) = ring->size;
    address_set(virtio, COMMON_DESCRIPTORS, ring->descriptors);
    address_set(virtio, COMMON_AVAILABLE, ring->available);
    address_set(virtio, COMMON_USED, ring->used);
    *half_at(virtio, COMMON_QUEUE_ENABLE) = 1;
    return OK;
}

static void queue_notify(struct virtio *virtio, uint16_t queue)
{
    *virtio->notify[queue] = queue;
}

static error_t interrupts_set(struct virtio *virtio)
{
    return vector_set(virtio, COMMON_CONFIG_VECTOR, 0);
}

/* A message is for what its entry is for; there is no register to look at. */
static uint32_t interrupt(struct virtio *virtio, uint32_t n)
{
    if (virtio->interrupt_count == 1)
        return VIRTIO_EVENT_QUEUES | VIRTIO_EVENT_CONFIG;
    return n == 0 ? VIRTIO_EVENT_CONFIG : VIRTIO_EVENT_QUEUES;
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

/* --- opening --- */

uint32_t virtio_pci_type(uint16_t vendor, uint16_t device, uint16_t subsystem)
{
    if (vendor != ID_VENDOR || device < ID_TRANSITIONAL || device >= ID_END)
        return 0;
    return device >= ID_MODERN ? device - (uint32_t)ID_MODERN : subsystem;
}

/* The capability of a structure of that type, the first one, which is preferred; 0: none. */
static unsigned structure_capability(const struct pci_device *pci, enum structure type)
{
    uint32_t from = 0;
    for (;;) {
        unsigned cap = pci_capability_next(&pci->capabilities, PCI_CAP_VENDOR, &from);
        if (cap == 0)
            return 0;
        unsigned bytes = pci_read8(pci->config, cap + CAP_LENGTH);
        if (bytes >= CAP_BYTES && cap + bytes <= CAP_END &&
            pci_read8(pci->config, cap + CAP_TYPE) == type)
            return cap;
    }
}

/* Where the structure is. unsupported: there is none; malformed. */
static error_t structure_find(struct pci_device *pci, enum structure type, uint64_t least,
                              volatile uint8_t **at, uint64_t *size)
{
    unsigned cap = structure_capability(pci, type);
    if (cap == 0)
        return ERR_unsupported;
    uint64_t offset = pci_read32(pci->config, cap + CAP_OFFSET);
    *size = pci_read32(pci->config, cap + CAP_SIZE);
    if (*size < least || !is_aligned(offset, sizeof(uint32_t)))
        return ERR_malformed;
    return pci_device_bar(pci, pci_read8(pci->config, cap + CAP_BAR), offset, *size, at);
}

static error_t notify_open(struct virtio *virtio, struct pci_device *pci)
{
    error_t error = structure_find(pci, STRUCTURE_NOTIFY, sizeof(uint16_t), &virtio->notify_base,
                                   &virtio->notify_bytes);
    unsigned cap = structure_capability(pci, STRUCTURE_NOTIFY);
    if (error != OK)
        return error;
    if (cap == 0 || pci_read8(pci->config, cap + CAP_LENGTH) < CAP_NOTIFY_BYTES)
        return ERR_malformed;
    virtio->notify_step = pci_read32(pci->config, cap + CAP_NOTIFY_STEP);
    return OK;
}

static error_t structures_open(struct virtio *virtio, struct pci_device *pci)
{
    uint64_t size = 0;
    error_t error = structure_find(pci, STRUCTURE_COMMON, COMMON_BYTES, &virtio->registers, &size);
    if (error == OK)
        error = notify_open(virtio, pci);
    if (error != OK)
        return error;
    error = structure_find(pci, STRUCTURE_DEVICE, 1, &virtio->config, &virtio->config_bytes);
    return error == ERR_unsupported ? OK : error; /* some types have none */
}

static error_t messages_bind(struct virtio *virtio, struct pci_messages *messages, slot_t port)
{
    error_t error = messages->extended ? OK : ERR_unsupported;
    for (uint32_t n = 0; n < virtio->interrupt_count && error == OK; n++) {
        uint64_t address = 0, data = 0;
        error = tern_irq_bind(virtio->interrupts[n].irq, port, virtio->interrupts[n].bits, &address,
                              &data);
        if (error == OK)
            error = pci_message_set(messages, n, address, data);
    }
    if (error == OK)
        pci_messages_enable(messages, true);
    return error;
}

error_t virtio_pci_open(struct virtio *virtio, struct pci_device *pci,
                        struct pci_messages *messages, slot_t port,
                        const struct virtio_interrupt *interrupts, uint32_t count)
{
    if (count == 0 || count > VIRTIO_INTERRUPTS_MAX)
        return ERR_bad_argument;
    *virtio = (struct virtio){
        .transport = &transport,
        .home = pci->home,
        .device = pci->device,
        .type = virtio_pci_type(pci_read16(pci->config, PCI_VENDOR),
                                pci_read16(pci->config, PCI_DEVICE),
                                pci_read16(pci->config, PCI_SUBSYSTEM)),
        .interrupt_count = count,
    };
    memcpy(virtio->interrupts, interrupts, count * sizeof(interrupts[0]));
    error_t error = virtio->type != 0 ? structures_open(virtio, pci) : ERR_unsupported;
    if (error == OK)
        error = pci_messages_open(messages, pci);
    if (error == OK)
        error = messages_bind(virtio, messages, port);
    return error == ERR_not_found ? ERR_unsupported : error;
}
