/*
 * What tests of virtio devices share: a device of a type, by each transport that the machine has
 * it on. The tests run once for each (VIRTIO_TEST), and say which it was: who boots them knows
 * which there must be.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include "bus.h"
#include "sys/print.h"
#include "virtio/mmio.h"
#include "virtio/pci.h"

#define ANY_MESSAGE UINT64_MAX
#define MMIO_WINDOW (UINT64_C(3) << 32 | 1) /* the registers of all, as one device */
#define MMIO_BYTES  align_up(GUEST_MMIO_SLOTS *VIRTIO_MMIO_BYTES, PAGE)

enum { CONFIG_BIT = 0x100, QUEUE_BIT = 0x200 };

struct virtio_found {
    const char *way;
    struct virtio virtio;
    struct pci_device pci;
    struct pci_messages messages;
    slot_t device, port, irqs[2];
    uint64_t bits;   /* of all interrupts that came */
    uint32_t events; /* that came with them */
};

/* The interrupts in the order of struct virtio: changes of the configuration, then queues. */
static inline void interrupts_of(const struct virtio_found *found,
                                 struct virtio_interrupt interrupts[2])
{
    interrupts[0] = (struct virtio_interrupt){found->irqs[0], CONFIG_BIT};
    interrupts[1] = (struct virtio_interrupt){found->irqs[1], QUEUE_BIT};
}

static inline bool found_by_pci(uint32_t type, struct virtio_found *found)
{
    struct virtio_interrupt interrupts[2];
    if (bus_tree.count == 0 && !bus_open())
        return false;
    for (uint32_t i = 0; i < bus_tree.count; i++) {
        struct pci_function *f = &bus_tree.functions[i];
        if (virtio_pci_type(f->vendor, f->device, f->subsystem) != type)
            continue;
        EXPECT(bus_take(f, &found->pci));
        found->device = found->pci.device;
        for (unsigned n = 0; n < 2; n++)
            EXPECT(create(OBJECT_irq, found->device, ANY_MESSAGE, &found->irqs[n]) == OK);
        interrupts_of(found, interrupts);
        EXPECT(virtio_pci_open(&found->virtio, &found->pci, &found->messages, found->port,
                               interrupts, 2) == OK);
        EXPECT(found->messages.extended);
        return true;
    }
    return false;
}

/* The window stays as it is: it is made once. */
static inline volatile uint8_t *mmio_slots(slot_t *device)
{
    static volatile uint8_t *slots;
    static slot_t window;
    const struct abi_device_range range[2] = {{.base = GUEST_MMIO, .size = MMIO_BYTES}};
    if (slots == NULL && device_create(MMIO_WINDOW, range, &window) == OK)
        slots = (volatile uint8_t *)registers_map(window, 0);
    *device = window;
    return slots;
}

static inline bool found_by_mmio(uint32_t type, struct virtio_found *found)
{
    struct virtio_interrupt interrupts[2];
    volatile uint8_t *slots = mmio_slots(&found->device);
    for (uint32_t i = 0; i < GUEST_MMIO_SLOTS && slots != NULL; i++) {
        volatile uint8_t *registers = slots + i * VIRTIO_MMIO_BYTES;
        if (virtio_mmio_type(registers) != type)
            continue;
        EXPECT(create(OBJECT_irq, NO_SLOT, GUEST_MMIO_LINE + i, &found->irqs[1]) == OK);
        interrupts_of(found, interrupts);
        EXPECT(virtio_mmio_open(&found->virtio, test_home(), found->device, registers, found->port,
                                &interrupts[1]) == OK);
        return true;
    }
    return false;
}

/* Until an interrupt comes, which is served; false: none in time. It may be one from before a
 * reset, with nothing to it. */
static inline bool virtio_wait(struct virtio_found *found)
{
    uint64_t bits = bits_within(found->port, LONG_MS);
    found->bits |= bits;
    found->events |= virtio_acknowledge(&found->virtio, bits);
    return bits != 0;
}

static inline void virtio_run(const char *name, uint32_t type, void (*run)(struct virtio_found *))
{
    static const struct {
        const char *name;
        bool (*find)(uint32_t type, struct virtio_found *found);
    } ways[] = {{"pci", found_by_pci}, {"mmio", found_by_mmio}};
    for (unsigned i = 0; i < COUNT_OF(ways); i++) {
        static struct virtio_found found;
        found = (struct virtio_found){.way = ways[i].name};
        EXPECT(sys_port_create(0, &found.port) == OK);
        if (ways[i].find(type, &found)) {
            sys_print("%s over %s\n", name, ways[i].name);
            run(&found);
            EXPECT(virtio_reset(&found.virtio) == OK);
            for (unsigned n = 0; n < 2; n++)
                if (found.irqs[n].value != 0)
                    drop(found.irqs[n]);
            if (found.pci.device.value != 0)
                drop(found.device);
        }
        drop(found.port);
    }
}

#define VIRTIO_TEST(test_name, type)                                                               \
    static void run_##test_name(struct virtio_found *found);                                       \
    TEST(test_name)                                                                                \
    {                                                                                              \
        virtio_run(#test_name, type, run_##test_name);                                             \
    }                                                                                              \
    static void run_##test_name(struct virtio_found *found)

#endif
