/* Devices (device.h). */
#include "obj/device.h"
#include "arch/irq.h"
#include "boot/boot_info.h"
#include "boot/machine.h"
#include "lib/assert.h"
#include "mem/memory.h"
#include "obj/job.h"
#include "sched/cpu.h"

/* A mapping for DMA. */
struct dma {
    struct list link;      /* in the device's list */
    struct device *device; /* a reference */
    struct memory *memory; /* a reference; its pages of the range are pinned */
    struct job *job;       /* a reference; pays for this struct */
    uint64_t offset, size;
};

static struct spinlock devices_lock = SPINLOCK_INIT(device);
static struct list devices = {&devices, &devices}; /* of struct device.all */

/* --- what may be a register range --- */

static bool overlap(const struct abi_device_range *range, uint64_t base, uint64_t size)
{
    return range->base < base + size && base < range->base + range->size;
}

/* Whatever the memory map names, but what is not ours: holes and reserved ranges are devices. */
static bool is_memory(const struct abi_device_range *range)
{
    for (uint32_t i = 0; i < the_boot_info.range_count; i++) {
        const struct boot_range *known = &the_boot_info.ranges[i];
        if (known->kind != RANGE_RESERVED && known->kind != RANGE_FRAMEBUFFER &&
            overlap(range, known->base.pa, known->size))
            return true;
    }
    for (uint32_t i = 0; i < the_machine.memory_count; i++) {
        const struct machine_memory *memory = &the_machine.memory[i];
        if (overlap(range, memory->base.pa, memory->size))
            return true;
    }
    return false;
}

/* The page of each register, and the regions, of interrupt controllers, timers and consoles. */
static bool is_kernel_device(const struct abi_device_range *range)
{
    const struct machine *m = &the_machine;
    const struct machine_region own[] = {
        {m->lapic, PAGE_SIZE},
        {m->hpet, PAGE_SIZE},
        {m->gic_distributor, 64 * KIB},
        {m->gic_cpu_interface, 128 * KIB},
        {m->gic_its, 128 * KIB},
        m->gic_v2m,
        {PHYS(m->uart_register.space == SPACE_MEMORY ? m->uart_register.address : 0), PAGE_SIZE},
    };
    bool found = false;
    for (uint32_t i = 0; i < COUNT_OF(own); i++)
        found |= own[i].base.pa != 0 && overlap(range, own[i].base.pa, own[i].size);
    for (uint32_t i = 0; i < m->ioapic_count; i++)
        found |= overlap(range, m->ioapics[i].base.pa, PAGE_SIZE);
    for (uint32_t i = 0; i < m->gic_redist_count; i++)
        found |= overlap(range, m->gic_redist[i].base.pa, m->gic_redist[i].size);
    for (uint32_t i = 0; i < m->cpu_count; i++)
        found |= m->cpus[i].redistributor.pa != 0 &&
                 overlap(range, m->cpus[i].redistributor.pa, 256 * KIB);
    return found;
}

static error_t range_check(const struct abi_device_range *range)
{
    if (range->size == 0)
        return OK;
    const uint64_t end = arch_physical_end();
    if (!is_aligned(range->base | range->size, PAGE_SIZE) || range->base >= end ||
        range->size > end - range->base || (range->flags & ~(uint64_t)DEVICE_COMBINE) != 0)
        return ERR_bad_argument;
    return is_memory(range) || is_kernel_device(range) ? ERR_denied : OK;
}

/* --- their life --- */

/* The device with that identity, with a reference; NULL if there is none. */
static struct device *device_find_locked(uint64_t identity)
{
    debug_assert(spinlock_held(&devices_lock));
    LIST_EACH(node, &devices)
    {
        struct device *device = CONTAINER_OF(node, struct device, all);
        if (device->description.identity == identity && object_try_get(&device->object))
            return device;
    }
    return NULL;
}

static bool device_held(struct device *device)
{
    irq_state_t irq = spinlock_lock(&device->object.lock);
    bool held = !list_empty(&device->object.caps);
    spinlock_unlock(&device->object.lock, irq);
    return held;
}

/* Adds `made`, unless there is one: that is returned, with a reference. */
static struct device *device_add(struct device *made)
{
    irq_state_t irq = spinlock_lock(&devices_lock);
    struct device *there = device_find_locked(made->description.identity);
    if (there == NULL)
        list_add_last(&devices, &made->all);
    spinlock_unlock(&devices_lock, irq);
    return there;
}

error_t device_create(struct job *job, const struct abi_device *description, struct device **result)
{
    struct object *object;
    error_t error = description->identity == 0 ? ERR_bad_argument : OK;
    for (uint32_t i = 0; i < DEVICE_RANGES && error == OK; i++)
        error = range_check(&description->ranges[i]);
    if (error == OK)
        error = object_make(job, OBJECT_device, sizeof(struct device), &object);
    if (error != OK)
        return error;
    struct device *device = CONTAINER_OF(object, struct device, object);
    device->description = *description;
    list_init(&device->dma);
    list_init(&device->all);
    struct device *there = device_add(device);
    *result = there != NULL ? there : device;
    if (there == NULL)
        return OK;
    object_put(object);
    if (!device_held(there)) {
        there->description = *description;
        return OK;
    }
    object_put(&there->object);
    return ERR_exists;
}

error_t device_registers(const struct device *device, struct job *job, uint64_t range,
                         struct memory **result)
{
    if (range >= DEVICE_RANGES || device->description.ranges[range].size == 0)
        return ERR_bad_argument;
    const struct abi_device_range *found = &device->description.ranges[range];
    return memory_create_physical(job, PHYS(found->base), found->size,
                                  found->flags & DEVICE_COMBINE ? MAP_COMBINE : MAP_DEVICE, result);
}

error_t device_messages(struct device *device)
{
    struct job *job = device->object.job;
    error_t error = OK;
    phys_t frame;
    irq_state_t irq = spinlock_lock(&device->object.lock);
    if (device->messages.pa == 0)
        error = job_frame_alloc(job, cpu_self()->node, &frame);
    if (device->messages.pa == 0 && error == OK) {
        error = arch_irq_devices()->add(device_bus_id(device), frame);
        if (error == OK)
            device->messages = frame;
        else
            job_frame_free(job, frame);
    }
    spinlock_unlock(&device->object.lock, irq);
    return error;
}

/* Its mappings and lines refer to it, so there are none. */
static bool device_retire(struct object *object)
{
    struct device *device = CONTAINER_OF(object, struct device, object);
    assert(list_empty(&device->dma));
    if (device->messages.pa != 0) {
        assert(arch_irq_devices() != NULL);
        arch_irq_devices()->remove(device_bus_id(device));
        job_frame_free(object->job, device->messages);
    }
    irq_state_t irq = spinlock_lock(&devices_lock);
    list_remove(&device->all);
    spinlock_unlock(&devices_lock, irq);
    return true;
}

const struct object_ops device_ops = {
    .name = "device", .retire = device_retire, .free = object_free};

/* --- memory for DMA --- */

static void dma_free(struct dma *dma, uint64_t pinned)
{
    for (uint64_t at = 0; at < pinned; at += PAGE_SIZE)
        memory_unpin(dma->memory, dma->offset + at);
    object_put(&dma->memory->object);
    object_put(&dma->device->object);
    struct job *job = dma->job;
    job_release(job, dma, sizeof(*dma));
    object_put(&job->object);
}

static error_t dma_pin(struct dma *dma, uint64_t *addresses, uint64_t *pinned)
{
    const uint64_t end = dma->device->description.dma_end;
    struct page_request request;
    phys_t frame;
    for (*pinned = 0; *pinned < dma->size; *pinned += PAGE_SIZE) {
        error_t error = memory_pin(dma->memory, dma->offset + *pinned, &request, &frame);
        if (error != OK)
            return error;
        *addresses++ = frame.pa;
        if (frame.pa >= end || end - frame.pa < PAGE_SIZE) {
            memory_unpin(dma->memory, dma->offset + *pinned);
            return ERR_denied;
        }
    }
    return OK;
}

/* The record, with its references; NULL without memory for it, or if one of the two is going. */
static struct dma *dma_make(struct device *device, struct job *job, struct memory *memory)
{
    struct dma *dma = job_alloc(job, sizeof(*dma));
    if (dma == NULL)
        return NULL;
    bool live = object_try_get(&device->object);
    if (live && object_try_get(&memory->object)) {
        object_get(&job->object);
        *dma = (struct dma){.device = device, .memory = memory, .job = job};
        return dma;
    }
    if (live)
        object_put(&device->object);
    job_release(job, dma, sizeof(*dma));
    return NULL;
}

error_t device_dma_map(struct device *device, struct job *job, struct memory *memory,
                       uint64_t offset, uint64_t size, uint64_t *addresses)
{
    if (!is_aligned(offset | size, PAGE_SIZE) || size == 0 || size > DMA_PAGES_MAX * PAGE_SIZE ||
        offset > MEMORY_SIZE_MAX)
        return ERR_bad_argument;
    if (memory->physical)
        return ERR_unsupported;
    struct dma *dma = dma_make(device, job, memory);
    if (dma == NULL)
        return ERR_no_memory;
    dma->offset = offset;
    dma->size = size;
    uint64_t pinned;
    error_t error = dma_pin(dma, addresses, &pinned);
    if (error != OK) {
        dma_free(dma, pinned);
        return error;
    }
    irq_state_t irq = spinlock_lock(&device->object.lock);
    bool room = device->dma_count < DMA_MAPS_MAX;
    if (room) {
        device->dma_count++;
        list_add_last(&device->dma, &dma->link);
    }
    spinlock_unlock(&device->object.lock, irq);
    if (!room)
        dma_free(dma, size);
    return room ? OK : ERR_full;
}

/* Takes the mapping out, or any one if `memory` is NULL. */
static struct dma *dma_take(struct device *device, const struct memory *memory, uint64_t offset,
                            uint64_t size)
{
    struct dma *found = NULL;
    irq_state_t irq = spinlock_lock(&device->object.lock);
    LIST_EACH(node, &device->dma)
    {
        struct dma *dma = CONTAINER_OF(node, struct dma, link);
        if (memory != NULL && (dma->memory != memory || dma->offset != offset || dma->size != size))
            continue;
        list_unlink(node);
        device->dma_count--;
        found = dma;
        break;
    }
    spinlock_unlock(&device->object.lock, irq);
    return found;
}

error_t device_dma_unmap(struct device *device, struct memory *memory, uint64_t offset,
                         uint64_t size)
{
    struct dma *dma = dma_take(device, memory, offset, size);
    if (dma != NULL)
        dma_free(dma, dma->size);
    return dma != NULL ? OK : ERR_not_found;
}

bool device_reset_step(struct device *device)
{
    struct dma *dma = dma_take(device, NULL, 0, 0);
    if (dma != NULL)
        dma_free(dma, dma->size);
    return dma != NULL;
}
