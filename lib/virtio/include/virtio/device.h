/*
 * A virtio device (virtio 1.1; "modern" ones only), over whichever transport it is reached:
 *
 *     opened (virtio/pci.h, virtio/mmio.h) --> begin: reset, features --> queues (virtio/queue.h)
 *         --> ready <--> interrupts --> reset
 *
 * What waits on a port for the device gets its signal bits, gives them to virtio_acknowledge, and
 * then looks at its queues until they are empty.
 *
 * What the device says is checked where it is used as a place, a number or a length. One that lies
 * is broken: its driver resets it, and says so.
 */
#ifndef VIRTIO_DEVICE_H
#define VIRTIO_DEVICE_H

#include "device/home.h"
#include "lib/error.h"
#include "lib/types.h"

/* Device types (section 5). */
enum { VIRTIO_NET = 1, VIRTIO_BLOCK = 2, VIRTIO_CONSOLE = 3, VIRTIO_ENTROPY = 4 };

/* Device status (section 2.1). */
enum virtio_status {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128,
};

#define VIRTIO_FEATURE(bit) (UINT64_C(1) << (bit))
#define VIRTIO_VERSION_1    VIRTIO_FEATURE(32) /* section 6; needed of every device */

#define VIRTIO_QUEUE_MAX      128 /* entries: as many as have all their parts in one page */
#define VIRTIO_QUEUES_MAX     64
#define VIRTIO_INTERRUPTS_MAX 8
#define VIRTIO_RESET_NS       UINT64_C(1000000000) /* as long a device may take to reset */

/* What came with an interrupt; queues: look at all of them. */
enum virtio_event { VIRTIO_EVENT_QUEUES = 1, VIRTIO_EVENT_CONFIG = 2 };

/* An interrupt that the driver holds, and the bits of its port that are to tell it. */
struct virtio_interrupt {
    slot_t irq;
    uint64_t bits;
};

struct virtio;

/* Where the parts of a queue are, for the device. */
struct virtio_ring {
    uint16_t size; /* entries */
    uint64_t descriptors, available, used;
};

struct virtio_transport {
    uint8_t (*status)(struct virtio *virtio);
    void (*status_set)(struct virtio *virtio, uint8_t status);
    uint32_t (*features)(struct virtio *virtio, uint32_t word);
    void (*features_set)(struct virtio *virtio, uint32_t word, uint32_t bits);
    uint32_t (*generation)(struct virtio *virtio);
    /* Entries that a queue may have; 0: there is none. Chooses the queue for queue_set. */
    uint32_t (*queue_size)(struct virtio *virtio, uint16_t queue);
    error_t (*queue_set)(struct virtio *virtio, uint16_t queue, const struct virtio_ring *ring);
    void (*queue_notify)(struct virtio *virtio, uint16_t queue);
    /* After a reset, before queues: where interrupts go. */
    error_t (*interrupts_set)(struct virtio *virtio);
    /* Of the n-th interrupt: what it was for, told to the device as seen; events. */
    uint32_t (*interrupt)(struct virtio *virtio, uint32_t n);
};

struct virtio {
    const struct virtio_transport *transport;
    struct device_home *home;
    slot_t device;
    uint32_t type;
    uint64_t features; /* agreed on */
    struct virtio_interrupt interrupts[VIRTIO_INTERRUPTS_MAX];
    uint32_t interrupt_count;
    volatile uint8_t *config; /* the type's own */
    uint64_t config_bytes;
    volatile uint8_t *registers; /* PCI: the common structure */
    /* Of PCI: where the device is told of requests, and for each queue that was set. */
    volatile uint8_t *notify_base;
    uint64_t notify_bytes;
    uint32_t notify_step;
    volatile uint16_t *notify[VIRTIO_QUEUES_MAX];
};

/*
 * Resets the device and agrees on features: of `wanted` those that it has, all of `needed`.
 * unsupported: it lacks one, or does not agree; timeout: it does not get through its reset.
 */
error_t virtio_begin(struct virtio *virtio, uint64_t wanted, uint64_t needed);

/* The queues are set: it may work. */
void virtio_ready(struct virtio *virtio);

/* It stops, and knows of no queue any more. timeout: it says that it has not. */
error_t virtio_reset(struct virtio *virtio);

/* It will not be used again before a reset: what the driver found was wrong. */
void virtio_fail(struct virtio *virtio);

/* It says that only a reset helps. */
bool virtio_is_broken(struct virtio *virtio);

/*
 * Serves the interrupts whose bits came: they may come again. The events that came with them
 * (enum virtio_event).
 */
uint32_t virtio_acknowledge(struct virtio *virtio, uint64_t bits);

/*
 * Reads `size` bytes of its configuration at once, as they stood at one time. malformed: there are
 * not so many; timeout: they change all the time.
 */
error_t virtio_config_read(struct virtio *virtio, uint64_t offset, void *to, uint64_t size);

static inline bool virtio_has(const struct virtio *virtio, uint64_t feature)
{
    return (virtio->features & feature) != 0;
}

#endif
