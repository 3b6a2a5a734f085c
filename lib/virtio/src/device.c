/* What is the same for all virtio devices and transports (virtio/device.h). */
#include "virtio/device.h"
#include "lib/string.h"
#include "sys/call.h"

#define CONFIG_TRIES 100

static void status_add(struct virtio *virtio, uint8_t bits)
{
    uint8_t status = virtio->transport->status(virtio);
    virtio->transport->status_set(virtio, status | bits);
}

error_t virtio_reset(struct virtio *virtio)
{
    uint64_t now = 0, end = 0;
    virtio->transport->status_set(virtio, 0);
    (void)tern_clock_read(&end);
    end += VIRTIO_RESET_NS;
    while (virtio->transport->status(virtio) != 0) {
        (void)tern_clock_read(&now);
        if (now > end)
            return ERR_timeout;
        (void)tern_yield();
    }
    return OK;
}

void virtio_fail(struct virtio *virtio)
{
    status_add(virtio, VIRTIO_FAILED);
}

bool virtio_is_broken(struct virtio *virtio)
{
    return (virtio->transport->status(virtio) & VIRTIO_NEEDS_RESET) != 0;
}

/* Section 3.1.1, steps 4 to 6. */
static error_t features_agree(struct virtio *virtio, uint64_t wanted, uint64_t needed)
{
    uint64_t offered = 0;
    for (uint32_t word = 0; word < 2; word++)
        offered |= (uint64_t)virtio->transport->features(virtio, word) << 32 * word;
    if ((offered & needed) != needed)
        return ERR_unsupported;
    virtio->features = offered & (wanted | needed);
    for (uint32_t word = 0; word < 2; word++)
        virtio->transport->features_set(virtio, word, (uint32_t)(virtio->features >> 32 * word));
    status_add(virtio, VIRTIO_FEATURES_OK);
    return (virtio->transport->status(virtio) & VIRTIO_FEATURES_OK) != 0 ? OK : ERR_unsupported;
}

error_t virtio_begin(struct virtio *virtio, uint64_t wanted, uint64_t needed)
{
    error_t error = virtio_reset(virtio);
    if (error != OK)
        return error;
    status_add(virtio, VIRTIO_ACKNOWLEDGE);
    status_add(virtio, VIRTIO_DRIVER);
    error = features_agree(virtio, wanted, needed | VIRTIO_VERSION_1);
    if (error == OK)
        error = virtio->transport->interrupts_set(virtio);
    if (error != OK)
        virtio_fail(virtio);
    return error;
}

void virtio_ready(struct virtio *virtio)
{
    status_add(virtio, VIRTIO_DRIVER_OK);
}

uint32_t virtio_acknowledge(struct virtio *virtio, uint64_t bits)
{
    uint32_t events = 0;
    for (uint32_t n = 0; n < virtio->interrupt_count; n++) {
        if ((virtio->interrupts[n].bits & bits) == 0)
            continue;
        events |= virtio->transport->interrupt(virtio, n);
        (void)tern_irq_acknowledge(virtio->interrupts[n].irq);
    }
    return events;
}

/* Fields are read as wide as they can be: theirs are at multiples of their sizes. */
static void config_copy(const struct virtio *virtio, uint64_t offset, uint8_t *to, uint64_t size)
{
    volatile uint8_t *from = virtio->config + offset;
    uint64_t done = 0;
    for (; done + 4 <= size && is_aligned(offset + done, 4); done += 4) {
        uint32_t word = *(volatile uint32_t *)(from + done);
        memcpy(to + done, &word, sizeof(word));
    }
    if (done + 2 <= size && is_aligned(offset + done, 2)) {
        uint16_t half = *(volatile uint16_t *)(from + done);
        memcpy(to + done, &half, sizeof(half));
        done += 2;
    }
    for (; done < size; done++)
        to[done] = from[done];
}

error_t virtio_config_read(struct virtio *virtio, uint64_t offset, void *to, uint64_t size)
{
    if (offset > virtio->config_bytes || size > virtio->config_bytes - offset)
        return ERR_malformed;
    for (unsigned i = 0; i < CONFIG_TRIES; i++) {
        uint32_t before = virtio->transport->generation(virtio);
        config_copy(virtio, offset, to, size);
        if (virtio->transport->generation(virtio) == before)
            return OK;
    }
    return ERR_timeout;
}
