/* Devices that programs of the manifest drive (device.h). */
#include "device.h"
#include "device/home.h"
#include "lib/print.h"
#include "lib/string.h"
#include "sys/call.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "virtio/pci.h"

#define BUSES_MOST 4 /* windows; more are left out */
#define HOME_BEGIN UINT64_C(0x200000000000)
#define HOME_END   UINT64_C(0x210000000000)

/* Identities of devices (abi/device.h): functions have the number of their window, from 1, above
 * their own. What is made only to map registers has this one, for a moment. */
#define IDENTITY_MAP    UINT64_MAX
#define IRQ_ANY_MESSAGE UINT64_MAX

/* A window of the configuration space, as the kernel tells of it. */
struct window {
    uint64_t base, first, last, memory, memory_size;
};

static struct device_home home = {.next = HOME_BEGIN, .end = HOME_END};
static struct pci_tree trees[BUSES_MOST];
static uint64_t bases[BUSES_MOST]; /* physical, of bus trees[i].first */
static uint32_t tree_count;
static bool taken[BUSES_MOST][PCI_FUNCTIONS_MAX];

static error_t create(enum object_kind kind, slot_t parent, uint64_t value, slot_t *created)
{
    return tern_object_create(home.job, (uint64_t)kind, parent, value, created);
}

/* Memory that shows [base, base + size) of physical registers. */
static error_t registers_make(uint64_t base, uint64_t size, slot_t *memory)
{
    slot_t device;
    *(struct abi_device *)sys_page =
        (struct abi_device){.identity = IDENTITY_MAP, .ranges[0] = {.base = base, .size = size}};
    error_t error = create(OBJECT_device, (slot_t){0}, 0, &device);
    if (error != OK)
        return error;
    error = create(OBJECT_memory, device, 0, memory);
    (void)tern_cap_delete(device);
    return error;
}

/* --- what there is --- */

static error_t window_scan(const struct window *window, struct pci_tree *tree)
{
    struct device_range config = {0};
    slot_t memory;
    uint64_t size = (window->last + 1 - window->first) * 256 * PCI_CONFIG_BYTES;
    error_t error = registers_make(window->base, size, &memory);
    if (error != OK)
        return error;
    error = device_map(&home, memory, true, &config);
    (void)tern_cap_delete(memory);
    if (error == OK)
        error = pci_tree_scan(tree, config.at, (uint8_t)window->first, (uint8_t)window->last);
    if (error != OK)
        return error;
    error = pci_tree_assign(tree, window->memory, window->memory_size);
    return error == ERR_full ? OK : error; /* who takes one without an address is told */
}

/* Numbers with a space between them; false: there are fewer. */
static bool numbers_read(const char *text, uint64_t *numbers, unsigned count)
{
    char digits[24];
    for (unsigned n = 0; n < count; n++) {
        size_t size = 0;
        while (text[size] != 0 && text[size] != ' ' && text[size] != '\n')
            size++;
        if (size >= sizeof(digits))
            return false;
        memcpy(digits, text, size);
        digits[size] = 0;
        if (!parse_u64(digits, &numbers[n]))
            return false;
        text += size + (text[size] == ' ');
    }
    return true;
}

static void window_take(const char *line)
{
    struct window window;
    uint64_t numbers[5];
    if (!numbers_read(line, numbers, 5) || numbers[1] > numbers[2] || numbers[2] > UINT8_MAX)
        return;
    window = (struct window){numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
    error_t error = tree_count < BUSES_MOST ? window_scan(&window, &trees[tree_count]) : ERR_full;
    if (error != OK)
        sys_print("init: the PCI buses at 0x%lx: %s\n", window.base, error_text(error));
    else
        bases[tree_count++] = window.base;
}

void devices_find(const char *lines)
{
    static const char word[] = "machine pcie ";
    static char copy[MESSAGE_PAGE]; /* the page is used meanwhile */
    home.process = root_slot(ROOT_SLOT_PROCESS);
    home.job = root_slot(ROOT_SLOT_JOB);
    home.page = sys_page;
    (void)string_copy(copy, sizeof(copy), lines);
    for (const char *line = copy; *line != 0;) {
        if (strncmp(line, word, sizeof(word) - 1) == 0)
            window_take(line + sizeof(word) - 1);
        const char *end = strchr(line, '\n');
        if (end == NULL)
            break;
        line = end + 1;
    }
}

uint32_t device_type(const char *word)
{
    static const struct {
        const char *word;
        uint32_t type;
    } types[] = {{"net", VIRTIO_NET},
                 {"block", VIRTIO_BLOCK},
                 {"console", VIRTIO_CONSOLE},
                 {"entropy", VIRTIO_ENTROPY}};
    for (unsigned i = 0; i < COUNT_OF(types); i++)
        if (strcmp(word, types[i].word) == 0)
            return types[i].type;
    return 0;
}

/* --- one of them --- */

static void device_drop(struct device *device)
{
    const slot_t slots[] = {device->device, device->config, device->irqs[0], device->irqs[1]};
    for (unsigned i = 0; i < COUNT_OF(slots); i++)
        if (slots[i].value != 0)
            (void)tern_cap_delete(slots[i]);
    *device = (struct device){0};
}

/* Capabilities for what the kernel is to know of a function of tree number `n`. */
static error_t device_make(struct device *device, uint32_t n, struct pci_function *function)
{
    uint64_t offset = (uint64_t)(function->config - trees[n].config);
    *device = (struct device){.tree = &trees[n], .function = function};
    error_t error = registers_make(bases[n] + offset, PCI_CONFIG_BYTES, &device->config);
    if (error == OK)
        error = pci_function_describe(function, n + 1, sys_page);
    if (error == OK)
        error = create(OBJECT_device, (slot_t){0}, 0, &device->device);
    for (unsigned i = 0; i < DEVICE_IRQS && error == OK; i++)
        error = create(OBJECT_irq, device->device, IRQ_ANY_MESSAGE, &device->irqs[i]);
    if (error == OK)
        device_rest(device);
    else
        device_drop(device);
    return error;
}

error_t device_take(struct device *device, uint32_t type)
{
    for (uint32_t n = 0; n < tree_count; n++)
        for (uint32_t i = 0; i < trees[n].count; i++) {
            struct pci_function *f = &trees[n].functions[i];
            if (taken[n][i] || virtio_pci_type(f->vendor, f->device, f->subsystem) != type)
                continue;
            taken[n][i] = true;
            return device_make(device, n, f);
        }
    return ERR_not_found;
}

error_t device_give(struct device *device, struct rt_program *made)
{
    const struct {
        const char *name;
        slot_t slot;
        uint64_t rights;
    } gifts[] = {{"device", device->device, RIGHT_drive},
                 {"config", device->config, RIGHT_read | RIGHT_write | RIGHT_map},
                 {"irq0", device->irqs[0], RIGHT_serve},
                 {"irq1", device->irqs[1], RIGHT_serve}};
    error_t error = OK;
    for (unsigned i = 0; i < COUNT_OF(gifts) && error == OK; i++)
        error = rt_program_give(made, gifts[i].name, gifts[i].slot, (rights_t){gifts[i].rights}, 0);
    if (error == OK)
        pci_function_show(device->tree, device->function);
    return error;
}

void device_rest(struct device *device)
{
    pci_function_disable(device->function);
    (void)tern_device_reset(device->device);
}
