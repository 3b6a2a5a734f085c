/* Native test: the entropy device of virtio: its bytes differ, and come by its interrupts. */
#include "lib/string.h"
#include "virtio.h"
#include "virtio/entropy.h"

#define BYTES UINT64_C(3000)

static struct entropy entropy;

/* Exactly BYTES, waiting for interrupts. */
static bool gather(struct virtio_found *found, uint8_t *to)
{
    uint64_t have = 0, done = 0;
    while (have < BYTES) {
        error_t error = entropy_read(&entropy, to + have, BYTES - have, &done);
        if (error == OK)
            have += done;
        else if (error != ERR_would_block || !virtio_wait(found))
            return false;
    }
    return true;
}

/* How many of the 256 values there are. */
static unsigned values(const uint8_t *bytes)
{
    bool seen[256] = {0};
    unsigned count = 0;
    for (uint64_t i = 0; i < BYTES; i++) {
        count += !seen[bytes[i]];
        seen[bytes[i]] = true;
    }
    return count;
}

VIRTIO_TEST(entropy_differs, VIRTIO_ENTROPY)
{
    static uint8_t first[BYTES], second[BYTES];
    REQUIRE(entropy_open(&entropy, &found->virtio) == OK);
    EXPECT(virtio_wait(found) &&
           found->events == VIRTIO_EVENT_QUEUES); /* the page that is asked for ahead */
    for (unsigned i = 0; i < 10; i++) {
        EXPECT(gather(found, i % 2 == 0 ? first : second));
        EXPECT(values(i % 2 == 0 ? first : second) > 200);
        EXPECT(i == 0 || memcmp(first, second, BYTES) != 0);
    }
    EXPECT(found->bits == QUEUE_BIT);
    entropy_close(&entropy);
}

/* It can be had again after a reset. */
VIRTIO_TEST(entropy_again, VIRTIO_ENTROPY)
{
    static uint8_t bytes[BYTES];
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE(entropy_open(&entropy, &found->virtio) == OK);
        EXPECT(gather(found, bytes));
        entropy_close(&entropy);
    }
}

/* The messages are MSI-X's: the device keeps what a masked entry would say. */
VIRTIO_TEST(entropy_masked, VIRTIO_ENTROPY)
{
    static uint8_t bytes[BYTES];
    if (!found->messages.extended)
        return; /* a wire */
    REQUIRE(entropy_open(&entropy, &found->virtio) == OK);
    EXPECT(gather(found, bytes));
    while (bits_within(found->port, 3) != 0)
        (void)virtio_acknowledge(&found->virtio, QUEUE_BIT);
    (void)virtio_acknowledge(&found->virtio, QUEUE_BIT);
    pci_message_mask(&found->messages, 1, true);
    EXPECT(!pci_message_pending(&found->messages, 1));
    uint64_t done = 0, end = clock_now() + LONG_MS * MS;
    while (!pci_message_pending(&found->messages, 1) && clock_now() < end)
        (void)entropy_read(&entropy, bytes, BYTES, &done);
    EXPECT(bits_within(found->port, 3) == 0);
    EXPECT(pci_message_pending(&found->messages, 1));
    pci_message_mask(&found->messages, 1, false);
    EXPECT(bits_within(found->port, LONG_MS) == QUEUE_BIT);
    EXPECT(!pci_message_pending(&found->messages, 1));
    entropy_close(&entropy);
}
