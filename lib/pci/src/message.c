/* Interrupts by message: MSI-X and MSI (pci/device.h). */
#include "lib/types.h"
#include "pci/device.h"

/* MSI-X: control behind the header, then where table and pending bits are. */
enum { MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_PENDING = 8 };
#define MSIX_COUNT    0x07ffu
#define MSIX_MASK_ALL 0x4000u
#define MSIX_ENABLE   0x8000u
#define MSIX_BAR      7u

enum { ENTRY_ADDRESS, ENTRY_ADDRESS_HIGH, ENTRY_DATA, ENTRY_CONTROL, ENTRY_WORDS };
#define ENTRY_MASKED 1u
#define ENTRY_BYTES  (UINT64_C(4) * ENTRY_WORDS)

enum { MSI_CONTROL = 2, MSI_ADDRESS = 4 };
#define MSI_ENABLE  0x0001u
#define MSI_SEVERAL 0x0070u /* how many are in use, as a power of two */
#define MSI_WIDE    0x0080u

/* A table in a BAR: of words, `bytes` long. */
static error_t table_find(struct pci_messages *messages, unsigned where, uint64_t bytes,
                          volatile uint32_t **table)
{
    volatile uint8_t *at = NULL;
    uint32_t word = pci_read32(messages->pci->config, messages->at + where);
    error_t error = pci_device_bar(messages->pci, word & MSIX_BAR, word & ~MSIX_BAR, bytes, &at);
    *table = (volatile uint32_t *)at;
    return error;
}

static error_t extended_open(struct pci_messages *messages)
{
    uint16_t control = pci_read16(messages->pci->config, messages->at + MSIX_CONTROL);
    messages->extended = true;
    messages->count = (control & MSIX_COUNT) + 1u;
    error_t error =
        table_find(messages, MSIX_TABLE, messages->count * ENTRY_BYTES, &messages->table);
    if (error == OK)
        error = table_find(messages, MSIX_PENDING, ((uint64_t)messages->count + 63) / 64 * 8,
                           &messages->pending);
    for (uint32_t n = 0; n < messages->count && error == OK; n++)
        pci_message_mask(messages, n, true);
    return error;
}

error_t pci_messages_open(struct pci_messages *messages, struct pci_device *pci)
{
    uint32_t from = 0;
    *messages = (struct pci_messages){.pci = pci};
    messages->at = pci_capability_next(&pci->capabilities, PCI_CAP_MSIX, &from);
    if (messages->at != 0)
        return extended_open(messages);
    from = 0;
    messages->at = pci_capability_next(&pci->capabilities, PCI_CAP_MSI, &from);
    if (messages->at == 0)
        return ERR_not_found;
    messages->count = 1;
    messages->wide = (pci_read16(pci->config, messages->at + MSI_CONTROL) & MSI_WIDE) != 0;
    return OK;
}

void pci_messages_enable(struct pci_messages *messages, bool on)
{
    pci_config_t config = messages->pci->config;
    unsigned at = messages->at + (messages->extended ? MSIX_CONTROL : MSI_CONTROL);
    uint32_t clear = messages->extended ? MSIX_MASK_ALL | MSIX_ENABLE : MSI_ENABLE | MSI_SEVERAL;
    uint32_t set = messages->extended ? MSIX_ENABLE : MSI_ENABLE;
    uint32_t control = pci_read16(config, at) & ~clear;
    pci_write16(config, at, (uint16_t)(control | (on ? set : 0)));
}

static error_t plain_set(struct pci_messages *messages, uint64_t address, uint64_t data)
{
    pci_config_t config = messages->pci->config;
    unsigned at = messages->at + MSI_ADDRESS;
    if (data > UINT16_MAX || (address >> 32 != 0 && !messages->wide))
        return ERR_unsupported;
    pci_write32(config, at, (uint32_t)address);
    if (messages->wide)
        pci_write32(config, at += 4, (uint32_t)(address >> 32));
    pci_write16(config, at + 4, (uint16_t)data);
    return OK;
}

error_t pci_message_set(struct pci_messages *messages, uint32_t n, uint64_t address, uint64_t data)
{
    if (n >= messages->count)
        return ERR_bad_argument;
    if (!messages->extended)
        return plain_set(messages, address, data);
    if (data > UINT32_MAX)
        return ERR_unsupported;
    volatile uint32_t *entry = messages->table + (uint64_t)n * ENTRY_WORDS;
    pci_message_mask(messages, n, true);
    entry[ENTRY_ADDRESS] = (uint32_t)address;
    entry[ENTRY_ADDRESS_HIGH] = (uint32_t)(address >> 32);
    entry[ENTRY_DATA] = (uint32_t)data;
    pci_message_mask(messages, n, false);
    return OK;
}

void pci_message_mask(struct pci_messages *messages, uint32_t n, bool masked)
{
    if (!messages->extended || n >= messages->count)
        return;
    volatile uint32_t *control = messages->table + (uint64_t)n * ENTRY_WORDS + ENTRY_CONTROL;
    *control = (*control & ~ENTRY_MASKED) | (masked ? ENTRY_MASKED : 0);
}

bool pci_message_pending(const struct pci_messages *messages, uint32_t n)
{
    return messages->extended && n < messages->count &&
           (messages->pending[n / 32] >> n % 32 & 1) != 0;
}
