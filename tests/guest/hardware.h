/* What tests of devices share: making them, and seeing their registers (objects: pages.h). */
#ifndef HARDWARE_H
#define HARDWARE_H

#include "device/home.h"
#include "pages.h"
#include "sys/message.h"
#include <device.h>

#define MS      UINT64_C(1000000)
#define JOB     root_slot(ROOT_SLOT_JOB)
#define NO_SLOT ((slot_t){0})
#define LONG_MS 5000 /* what comes, comes by then */

static inline error_t create(enum object_kind kind, slot_t parent, uint64_t value, slot_t *created)
{
    return tern_object_create(JOB, (uint64_t)kind, parent, value, created);
}

/* With up to two ranges of registers; size 0: none. */
static inline error_t device_create(uint64_t identity, const struct abi_device_range *ranges,
                                    slot_t *created)
{
    struct abi_device *description = sys_page;
    *description = (struct abi_device){.identity = identity, .dma_end = UINT64_MAX};
    description->ranges[0] = ranges[0];
    description->ranges[1] = ranges[1];
    return create(OBJECT_device, NO_SLOT, 0, created);
}

/* Where the tests' registers and DMA memory are mapped. */
static inline struct device_home *test_home(void)
{
    static struct device_home home = {.next = AREA(40), .end = AREA(60)};
    home.process = self_process();
    home.job = JOB;
    home.page = sys_page;
    return &home;
}

/* A range of a device, whole. */
static inline volatile uint32_t *registers_map(slot_t device, uint64_t range)
{
    struct device_range mapped = {0};
    EXPECT(device_range_map(test_home(), device, range, &mapped) == OK);
    return (volatile uint32_t *)mapped.at;
}

/* The bits that a port gets by the deadline (DEADLINE_POLL: that it has); 0: none. */
static inline uint64_t bits_until(slot_t port, uint64_t deadline)
{
    struct message message = {0};
    error_t error = tern_port_receive(port, NO_SLOT, &message, deadline);
    EXPECT(error == OK || error == ERR_timeout || error == ERR_would_block);
    return error == OK ? message.word[0] : 0;
}

static inline uint64_t bits_within(slot_t port, uint64_t ms)
{
    return bits_until(port, clock_now() + ms * MS);
}

#endif
