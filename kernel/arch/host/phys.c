/* Simulated physical memory: one window of the process (host.h). */
#include "mem/phys.h"
#include "host.h"
#include "lib/assert.h"

static phys_t host_base;
static char *host_memory;
static uint64_t host_size;

void host_phys_set(phys_t base, void *memory, uint64_t size)
{
    host_base = base;
    host_memory = memory;
    host_size = size;
}

void *phys_to_virt(phys_t address)
{
    assert(address.pa >= host_base.pa && address.pa - host_base.pa < host_size);
    return host_memory + (address.pa - host_base.pa);
}

phys_t virt_to_phys(const void *address)
{
    uint64_t offset = (uint64_t)((const char *)address - host_memory);
    assert(offset < host_size);
    return PHYS(host_base.pa + offset);
}

const void *phys_window(phys_t address, uint64_t size)
{
    if (address.pa < host_base.pa)
        return NULL;
    uint64_t offset = address.pa - host_base.pa;
    if (offset > host_size || size > host_size - offset)
        return NULL;
    return host_memory + offset;
}
