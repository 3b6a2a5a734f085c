/* Access to device registers in memory and behind ports (register.h). */
#include "chip/register.h"
#include "arch/boot.h"
#include "arch/mmu.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "mem/vmap.h"

error_t register_open(struct register_block *block, const struct machine_register *where,
                      uint64_t size)
{
    *block = (struct register_block){0};
    if (where->space == SPACE_PORT) {
        if (where->address > UINT16_MAX || size > UINT16_MAX + UINT64_C(1) - where->address)
            return ERR_bad_argument;
        block->port = (uint16_t)where->address;
        return OK;
    }
    if (where->space != SPACE_MEMORY)
        return ERR_unsupported;
    if (where->address == 0 || size > UINT64_MAX - where->address)
        return ERR_bad_argument;
    void *window;
    error_t error = vmap_device(PHYS(where->address), size, MAP_DEVICE | MAP_WRITE, &window);
    if (error == OK)
        block->memory = window;
    return error;
}

uint32_t register_read(const struct register_block *block, uint32_t offset, uint32_t bytes)
{
    if (block->memory == NULL)
        return arch_port_read((uint16_t)(block->port + offset), bytes);
    volatile char *at = (volatile char *)block->memory + offset;
    switch (bytes) {
    case 1:
        return *(volatile uint8_t *)at;
    case 2:
        return *(volatile uint16_t *)at;
    default:
        assert(bytes == 4);
        return *(volatile uint32_t *)at;
    }
}

void register_write(const struct register_block *block, uint32_t offset, uint32_t bytes,
                    uint32_t value)
{
    if (block->memory == NULL) {
        arch_port_write((uint16_t)(block->port + offset), bytes, value);
        return;
    }
    volatile char *at = (volatile char *)block->memory + offset;
    switch (bytes) {
    case 1:
        *(volatile uint8_t *)at = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    default:
        assert(bytes == 4);
        *(volatile uint32_t *)at = value;
        break;
    }
}

void register_text(const struct machine_register *where, char *text, size_t size)
{
    print_buffer(text, size, "%s0x%lx", where->space == SPACE_PORT ? "port " : "",
                 (unsigned long)where->address);
}
