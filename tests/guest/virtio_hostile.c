/*
 * Native test: what the libraries of virtio make of devices that lie. The device is this test: a
 * transport of its own, which plays the other side of the rings in memory, and configuration pages
 * in memory for PCI.
 */
#include "lib/string.h"
#include "virtio.h"
#include "virtio/block.h"
#include "virtio/console.h"

#define FAKE_DEVICE (UINT64_C(4) << 32 | 1) /* an identity: no such device does any DMA */
#define FAKE_QUEUES 32

/* --- a device with registers in plain variables --- */

static struct {
    uint8_t status;
    bool stays, refuses, changes; /* after a reset; features; its configuration */
    uint64_t features;
    uint32_t generation, most, notified;
    struct virtio_ring rings[FAKE_QUEUES];
    uint8_t config[16];
} fake;

static uint8_t fake_status(struct virtio *virtio)
{
    (void)virtio;
    return fake.status;
}
static void fake_status_set(struct virtio *virtio, uint8_t status)
{
    (void)virtio;
    fake.status = fake.stays && status == 0 ? fake.status : status;
    if (fake.refuses)
        fake.status &= (uint8_t)~VIRTIO_FEATURES_OK;
}
static uint32_t fake_features(struct virtio *virtio, uint32_t word)
{
    (void)virtio;
    return (uint32_t)(fake.features >> 32 * word);
}
static void fake_features_set(struct virtio *virtio, uint32_t word, uint32_t bits)
{
    (void)virtio;
    EXPECT((bits & ~(uint32_t)(fake.features >> 32 * word)) == 0);
}
static uint32_t fake_generation(struct virtio *virtio)
{
    (void)virtio;
    fake.generation += fake.changes;
    return fake.generation;
}
static uint32_t fake_queue_size(struct virtio *virtio, uint16_t queue)
{
    (void)virtio;
    return queue < FAKE_QUEUES ? fake.most : 0;
}
static error_t fake_queue_set(struct virtio *virtio, uint16_t queue, const struct virtio_ring *ring)
{
    (void)virtio;
    fake.rings[queue] = *ring;
    return OK;
}
static void fake_notify(struct virtio *virtio, uint16_t queue)
{
    (void)virtio;
    fake.notified |= 1u << queue;
}
static error_t fake_interrupts_set(struct virtio *virtio)
{
    (void)virtio;
    return OK;
}

static const struct virtio_transport fake_transport = {
    .status = fake_status,
    .status_set = fake_status_set,
    .features = fake_features,
    .features_set = fake_features_set,
    .generation = fake_generation,
    .queue_size = fake_queue_size,
    .queue_set = fake_queue_set,
    .queue_notify = fake_notify,
    .interrupts_set = fake_interrupts_set,
};

static struct virtio virtio;
static slot_t device;

/* A new one, honest until told otherwise. */
static void fake_begin(uint32_t most)
{
    const struct abi_device_range none[2] = {{0}};
    if (device.value == 0)
        EXPECT(device_create(FAKE_DEVICE, none, &device) == OK);
    memset(&fake, 0, sizeof(fake));
    fake.features = UINT64_MAX;
    fake.most = most;
    virtio = (struct virtio){.transport = &fake_transport,
                             .home = test_home(),
                             .device = device,
                             .config = fake.config,
                             .config_bytes = sizeof(fake.config)};
}

/* --- the device's side of a ring: 16-bit words of its page --- */

static volatile uint16_t *ring_half(const struct virtio_queue *queue, uint64_t address, unsigned n)
{
    const struct virtio_ring *ring = &fake.rings[queue->index];
    return (volatile uint16_t *)(queue->ring.bytes + (address - ring->descriptors)) + n;
}

static volatile uint16_t *used_count(const struct virtio_queue *queue)
{
    return ring_half(queue, fake.rings[queue->index].used, 1);
}

/* The first descriptor of the n-th request that was given. */
static uint16_t given(const struct virtio_queue *queue, unsigned n)
{
    return *ring_half(queue, fake.rings[queue->index].available, 2 + n % queue->size);
}

/* Gives back something. */
static void give_back(const struct virtio_queue *queue, uint32_t id, uint32_t size)
{
    volatile uint32_t *entry = (volatile uint32_t *)ring_half(
        queue, fake.rings[queue->index].used, 2 + (unsigned)(*used_count(queue) % queue->size) * 4);
    entry[0] = id;
    entry[1] = size;
    ++*used_count(queue);
}

/* Where a descriptor leads, in a driver's memory. */
static uint8_t *buffer_of(const struct virtio_queue *queue, uint16_t descriptor,
                          const struct dma_memory *memory)
{
    uint64_t address = *(volatile uint64_t *)(queue->ring.bytes + descriptor * UINT64_C(16));
    for (uint64_t page = 0; page < memory->pages; page++)
        if (memory->address[page] == align_down(address, PAGE))
            return memory->bytes + page * PAGE + address % PAGE;
    EXPECT(false);
    return NULL;
}

/* --- the beginning --- */

TEST(begin_with_liars)
{
    uint8_t bytes[16] = {0};
    fake_begin(8);
    fake.features = VIRTIO_FEATURE(5);
    EXPECT(virtio_begin(&virtio, 0, 0) == ERR_unsupported); /* not of version 1 */
    EXPECT((fake.status & VIRTIO_FAILED) != 0);
    fake_begin(8);
    fake.features = VIRTIO_VERSION_1 | 1;
    EXPECT(virtio_begin(&virtio, 2, 4) == ERR_unsupported);
    EXPECT(virtio_begin(&virtio, 3, 0) == OK && virtio.features == (VIRTIO_VERSION_1 | 1));
    fake.refuses = true;
    EXPECT(virtio_begin(&virtio, 0, 0) == ERR_unsupported);
    fake.status = VIRTIO_NEEDS_RESET;
    fake.stays = true;
    EXPECT(virtio_is_broken(&virtio));
    EXPECT(virtio_begin(&virtio, 0, 0) == ERR_timeout);
    EXPECT(virtio_config_read(&virtio, 8, bytes, 8) == OK);
    EXPECT(virtio_config_read(&virtio, 8, bytes, 9) == ERR_malformed);
    EXPECT(virtio_config_read(&virtio, UINT64_MAX, bytes, 2) == ERR_malformed);
    fake.changes = true;
    EXPECT(virtio_config_read(&virtio, 0, bytes, 8) == ERR_timeout);
}

/* --- queues --- */

#define TAG(n) (0x1000u + (n))

/* Requests of one part to read and `in` to write, `bytes` each. */
static unsigned fill(struct virtio_queue *queue, uint32_t in, uint32_t bytes)
{
    struct virtio_part parts[4] = {{PAGE, bytes}, {PAGE, bytes}, {PAGE, bytes}, {PAGE, bytes}};
    unsigned count = 0;
    while (virtio_queue_add(queue, parts, 1, in, TAG(count)) == OK)
        count++;
    virtio_queue_notify(queue);
    return count;
}

TEST(queue_gives_each_back_once)
{
    static struct virtio_queue queue;
    uint64_t tag = 0, seed = 7;
    uint32_t size = 0;
    fake_begin(64);
    REQUIRE(virtio_begin(&virtio, 0, 0) == OK);
    REQUIRE(virtio_queue_open(&queue, &virtio, 3, 1000) == OK && queue.size == 64);
    EXPECT(virtio_queue_open(&queue, &virtio, FAKE_QUEUES, 1) == ERR_not_found);
    for (unsigned round = 0; round < 2000; round++) { /* the counts go round, too */
        uint32_t in = round % 4;
        unsigned first = queue.added, count = fill(&queue, in, 10);
        uint64_t seen = 0;
        EXPECT(count == 64 / (1 + in) && queue.free_count == 64 % (1 + in));
        EXPECT(virtio_queue_take(&queue, &tag, &size) == ERR_would_block);
        for (unsigned i = 0, at = 0; i < count; i++) { /* in another order */
            seed = seed * 6364136223846793005 + 1;
            for (at = (unsigned)(seed >> 33) % count; (seen >> at & 1) != 0; at = (at + 1) % count)
                ;
            seen |= UINT64_C(1) << at;
            give_back(&queue, given(&queue, first + at), 10 * in);
            EXPECT(virtio_queue_take(&queue, &tag, &size) == OK);
            EXPECT(tag == TAG(at) && size == 10 * in);
        }
        EXPECT(queue.free_count == 64);
    }
    virtio_queue_close(&queue);
}

/* Each lie of its own, to a queue with a request of three parts and 20 bytes of room. */
TEST(queue_with_liars)
{
    enum lie { TOO_LONG, OUT_OF_RING, NOT_GIVEN, IN_THE_MIDDLE, TWICE, TOO_MANY, LIES };
    for (enum lie lie = 0; lie < LIES; lie++) {
        static struct virtio_queue queue;
        const struct virtio_part parts[3] = {{PAGE, 10}, {PAGE, 10}, {PAGE, 10}};
        uint64_t tag = 0;
        uint32_t size = 0;
        fake_begin(8);
        REQUIRE(virtio_begin(&virtio, 0, 0) == OK);
        REQUIRE(virtio_queue_open(&queue, &virtio, 0, 8) == OK);
        EXPECT(virtio_queue_add(&queue, parts, 0, 0, 0) == ERR_bad_argument);
        EXPECT(virtio_queue_add(&queue, parts, UINT32_MAX, 2, 0) == ERR_bad_argument);
        EXPECT(virtio_queue_add(&queue, parts, 1, 2, 5) == OK);
        EXPECT(virtio_queue_add(&queue, parts, 1, 0, 6) == OK);
        virtio_queue_notify(&queue);
        uint16_t first = given(&queue, 0), second = given(&queue, 1);
        const uint32_t ids[LIES] = {first, 8, 7, queue.requests[first].next, first, first};
        if (lie == TWICE) {
            give_back(&queue, first, 20);
            EXPECT(virtio_queue_take(&queue, &tag, &size) == OK && tag == 5 && size == 20);
        }
        give_back(&queue, ids[lie], lie == TOO_LONG ? 21 : 0);
        if (lie == TOO_MANY)
            *used_count(&queue) = 3;
        EXPECT(virtio_queue_take(&queue, &tag, &size) == ERR_malformed);
        *used_count(&queue) = queue.taken; /* what it says later helps no more */
        give_back(&queue, second, 0);
        EXPECT(virtio_queue_take(&queue, &tag, &size) == ERR_malformed);
        EXPECT(virtio_queue_add(&queue, parts, 1, 0, 7) == ERR_full);
        virtio_queue_close(&queue);
    }
}

/* --- classes --- */

TEST(block_with_liars)
{
    static struct block block;
    static const struct {
        uint64_t sectors;
        uint32_t part_bytes, parts, block_bytes;
    } cases[] = {{1, 511, 1, 512},
                 {1, 512, 0, 512},
                 {1, 512, 1, 0},
                 {1, 512, 1, 1000},
                 {UINT64_MAX, 512, 1, 512}};
    uint8_t config[24] = {0};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        fake_begin(8);
        virtio.config = config;
        virtio.config_bytes = sizeof(config);
        memcpy(config, &cases[i], 16);
        memcpy(config + 20, &cases[i].block_bytes, 4);
        EXPECT(block_open(&block, &virtio) == ERR_malformed);
        EXPECT((fake.status & VIRTIO_FAILED) != 0);
    }
    fake_begin(2); /* no room for header, data and result */
    memset(config, 0, sizeof(config));
    fake.features = VIRTIO_VERSION_1;
    virtio.config = config;
    virtio.config_bytes = sizeof(config);
    EXPECT(block_open(&block, &virtio) == ERR_malformed);
}

static struct console console;

/* The device says something on the control queue. */
static void say(uint32_t id, uint16_t event, uint16_t value, const void *more, uint32_t size)
{
    const struct virtio_queue *queue = &console.control_in;
    uint16_t descriptor = given(queue, *used_count(queue));
    uint8_t *to = buffer_of(queue, descriptor, &console.control);
    memcpy(to, &id, 4);
    memcpy(to + 4, &event, 2);
    memcpy(to + 6, &value, 2);
    memcpy(to + 8, more, size);
    give_back(queue, descriptor, 8 + size);
}

static bool console_begin(uint32_t ports)
{
    fake_begin(16);
    memcpy(fake.config + 4, &ports, sizeof(ports));
    return console_open(&console, &virtio) == OK;
}

enum { ADD = 1, REMOVE = 2, RESIZE = 5, OPEN = 6, NAME = 7 };

TEST(console_with_liars)
{
    uint32_t changed = 0;
    uint64_t done = 0;
    static const uint16_t size[2] = {132, 43}; /* columns, rows */
    REQUIRE(console_begin(UINT32_MAX) && console.port_count == CONSOLE_PORTS_MAX);
    say(CONSOLE_PORTS_MAX, ADD, 1, "", 0);
    say(UINT32_MAX, NAME, 1, "x", 1);
    say(1, NAME, 1, "early", 5);
    say(1, OPEN, 1, "", 0);
    EXPECT(console_progress(&console, &changed) == OK && changed == 2);
    EXPECT(console_find(&console, "early") == NULL);
    say(1, ADD, 1, "", 0);
    say(1, ADD, 1, "", 0);
    say(1, NAME, 1, "a b", 3);
    say(1, 77, 1, "", 0);
    say(1, RESIZE, 0, size, 3);
    EXPECT(console_progress(&console, &changed) == OK && console_find(&console, "a b") == NULL);
    EXPECT(console.ports[1].cols == 0 && console.ports[1].state == CONSOLE_NEW);
    say(1, NAME, 1, "0123456789012345678901234567890123456789", 40);
    EXPECT(console_progress(&console, &changed) == OK && console.ports[1].name[0] == 0);
    say(1, NAME, 1, "good\0", 5);
    say(1, RESIZE, 0, size, 4);
    say(1, OPEN, 1, "", 0);
    EXPECT(console_progress(&console, &changed) == OK);
    struct console_port *port = console_find(&console, "good");
    REQUIRE(port != NULL && port->state == CONSOLE_OPEN);
    EXPECT(port->cols == 132 && port->rows == 43);
    EXPECT(console_write(port, "text", 4, &done) == OK && done == 4);
    EXPECT(!console_drained(port) && fake.notified >> port->out.index & 1);
    say(1, REMOVE, 0, "", 0);
    EXPECT(console_progress(&console, &changed) == OK && console_find(&console, "good") == NULL);
    EXPECT(console_write(port, "text", 4, &done) == ERR_dead);
    give_back(&console.control_in, given(&console.control_in, *used_count(&console.control_in)), 7);
    EXPECT(console_progress(&console, &changed) == ERR_malformed); /* half a message */
    console_close(&console);
}

/* Pages of a port: one without bytes, one with more than there is room for. */
TEST(console_port_with_liars)
{
    uint32_t changed = 0;
    uint64_t done = 0;
    uint8_t bytes[8];
    for (uint32_t size = 0; size <= PAGE + 1; size += PAGE + 1) {
        REQUIRE(console_begin(1));
        say(0, ADD, 1, "", 0);
        EXPECT(console_progress(&console, &changed) == OK);
        struct console_port *port = &console.ports[0];
        EXPECT(console_read(port, bytes, 8, &done) == ERR_would_block);
        give_back(&port->in, given(&port->in, 0), size);
        EXPECT(console_read(port, bytes, 8, &done) == ERR_malformed && done == 0);
        console_close(&console);
    }
}

/* --- PCI --- */

enum { COMMON = 0x40, NOTIFY = 0x50, MSIX = 0x68 };

static void structure(pci_config_t config, unsigned at, uint8_t next, uint8_t type, uint8_t bar,
                      uint32_t offset, uint32_t size)
{
    pci_write32(config, at,
                PCI_CAP_VENDOR | (uint32_t)next << 8 | 20u << 16 | (uint32_t)type << 24);
    pci_write8(config, at + 4, bar);
    pci_write32(config, at + 8, offset);
    pci_write32(config, at + 12, size);
}

static error_t pci_open(pci_config_t config, volatile uint8_t *bar)
{
    const struct virtio_interrupt none = {{0}, 1};
    struct pci_device pci;
    struct pci_messages messages;
    error_t error = pci_device_open(&pci, test_home(), device, config);
    pci.bars[0] = (struct device_range){bar, PAGE}; /* as if it were mapped */
    return error == OK ? virtio_pci_open(&virtio, &pci, &messages, NO_SLOT, &none, 1) : error;
}

TEST(structures_of_liars)
{
    static const struct {
        uint8_t bar;
        uint32_t offset, size;
        error_t error;
    } cases[] = {
        {0, 0, 0x37, ERR_malformed},           {0, 2, 0x38, ERR_malformed},
        {0, PAGE - 0x34, 0x38, ERR_malformed}, {0, 0, PAGE + 4, ERR_malformed},
        {0, 0xfffffff0, 0x38, ERR_malformed},  {0, 4, UINT32_MAX, ERR_malformed},
        {1, 0, 0x38, ERR_malformed},           {6, 0, 0x38, ERR_malformed},
        {255, 0, 0x38, ERR_malformed},         {0, 0, 0x38, ERR_unsupported}, /* no MSI-X */
    };
    static uint8_t page[PAGE] __attribute__((aligned(4096))),
        bar[PAGE] __attribute__((aligned(4096)));
    pci_config_t config = page;
    fake_begin(8);
    pci_write32(config, PCI_VENDOR, 0x10441af4);
    EXPECT(pci_open(config, bar) == ERR_unsupported); /* no structure at all */
    pci_write16(config, PCI_STATUS, PCI_STATUS_CAPABILITIES);
    pci_write8(config, PCI_CAPABILITIES, COMMON);
    for (unsigned other = 0; other < 2; other++) /* the common one, then where it is told */
        for (unsigned i = 0; i < COUNT_OF(cases); i++) {
            structure(config, COMMON, NOTIFY, 1, 0, 0, 0x38);
            structure(config, NOTIFY, 0, 2, 0, 0x40, 0x40);
            unsigned at = other == 0 ? COMMON : NOTIFY;
            pci_write8(config, at + 4, cases[i].bar);
            pci_write32(config, at + 8, cases[i].offset);
            pci_write32(config, at + 12, i == 0 ? cases[i].size - 0x36 * other : cases[i].size);
            EXPECT(pci_open(config, bar) == cases[i].error);
        }
    pci_write8(config, NOTIFY + 2, 16); /* without how far apart the queues' places are */
    EXPECT(pci_open(config, bar) == ERR_malformed);
    structure(config, NOTIFY, MSIX, 2, 0, 0x40, 0x40);
    pci_write32(config, MSIX, PCI_CAP_MSIX | 0x07ffu << 16); /* 2048 entries */
    EXPECT(pci_open(config, bar) == ERR_malformed);
    pci_write32(config, MSIX, PCI_CAP_MSIX);
    pci_write32(config, MSIX + 8, PAGE); /* where they are pending */
    EXPECT(pci_open(config, bar) == ERR_malformed);
    pci_write16(config, PCI_DEVICE, 0x1234);
    EXPECT(pci_open(config, bar) == ERR_unsupported);
}
