/* A virtio device as init gives it to its driver (virtio/given.h). */
#include "virtio/given.h"
#include "rt/begin.h"
#include "sys/thread.h"

static error_t pci_open(struct virtio_given *given)
{
    struct device_range config = {0};
    slot_t device = rt_cap("device"), page = rt_cap("config");
    if (device.value == 0 || page.value == 0)
        return ERR_not_found;
    error_t error = device_map(&given->home, page, true, &config);
    if (error != OK)
        return error;
    return pci_device_open(&given->pci, &given->home, device, config.at);
}

error_t virtio_given_open(struct virtio_given *given, uint64_t from, uint64_t to, slot_t port,
                          const uint64_t bits[VIRTIO_GIVEN_IRQS])
{
    const struct virtio_interrupt interrupts[VIRTIO_GIVEN_IRQS] = {{rt_cap("irq0"), bits[0]},
                                                                   {rt_cap("irq1"), bits[1]}};
    *given = (struct virtio_given){.home = {.process = root_slot(ROOT_SLOT_PROCESS),
                                            .job = root_slot(ROOT_SLOT_JOB),
                                            .page = sys_page,
                                            .next = from,
                                            .end = to}};
    error_t error = pci_open(given);
    if (error == OK)
        error = virtio_pci_open(&given->virtio, &given->pci, &given->messages, port, interrupts,
                                VIRTIO_GIVEN_IRQS);
    if (error == OK)
        error = virtio_reset(&given->virtio);
    if (error == OK)
        pci_device_master(&given->pci, true);
    return error;
}
