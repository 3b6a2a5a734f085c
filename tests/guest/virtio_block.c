/*
 * Native test: the block device of virtio, on an image of DISK_SECTORS sectors whose n-th 8 bytes
 * are n. It leaves in the image what tests/boot/devices.py looks for: the second half written with
 * the complements.
 */
#include "virtio.h"
#include "virtio/block.h"

#define DISK_SECTORS UINT64_C(4096)
#define PAGE_SECTORS (PAGE / BLOCK_SECTOR)
#define PAGE_WORDS   (PAGE / 8)
#define PAGES        8 /* of data that are with the device at a time */
#define DISK_PAGES   (DISK_SECTORS / PAGE_SECTORS)

static struct block block;
static struct dma_memory data;

static bool begin(struct virtio_found *found)
{
    return block_open(&block, &found->virtio) == OK &&
           dma_memory_make(test_home(), found->device, PAGES, &data) == OK;
}

static void end(void)
{
    block_close(&block);
    dma_memory_free(test_home(), &data);
}

/* Waits until `count` requests are done, by interrupts; the bits of their tags. */
static uint64_t taken(struct virtio_found *found, unsigned count)
{
    uint64_t tag = 0, tags = 0;
    enum block_result result = BLOCK_FAILED;
    while (count > 0) {
        error_t error = block_take(&block, &tag, &result);
        if (error == OK) {
            EXPECT(result == BLOCK_DONE && (tags >> tag & 1) == 0);
            tags |= UINT64_C(1) << tag;
            count--;
        } else if (error != ERR_would_block || !virtio_wait(found)) {
            EXPECT(error == ERR_would_block);
            return 0;
        }
    }
    return tags;
}

static struct virtio_part part_of(unsigned page)
{
    return (struct virtio_part){dma_address(&data, page * PAGE), PAGE};
}

static volatile uint64_t *words_of(unsigned page)
{
    return (volatile uint64_t *)(data.bytes + page * PAGE);
}

/* Pages of the disk from one on, a request each. */
static void pages_move(struct virtio_found *found, enum block_kind kind, uint64_t first)
{
    for (unsigned i = 0; i < PAGES; i++) {
        const struct virtio_part part = part_of(i);
        EXPECT(block_submit(&block, kind, (first + i) * PAGE_SECTORS, &part, 1, i) == OK);
    }
    block_notify(&block);
    EXPECT(taken(found, PAGES) == (UINT64_C(1) << PAGES) - 1);
}

/* How many words of the data are those of the disk at its beginning, from a page on. */
static uint64_t words_right(uint64_t first)
{
    uint64_t right = 0;
    for (unsigned i = 0; i < PAGES; i++)
        for (uint64_t k = 0; k < PAGE_WORDS; k++)
            right += words_of(i)[k] == (first + i) * PAGE_WORDS + k;
    return right;
}

/* Before anything is written. */
VIRTIO_TEST(block_reads, VIRTIO_BLOCK)
{
    REQUIRE(begin(found));
    EXPECT(block.sectors == DISK_SECTORS && block.block_bytes == BLOCK_SECTOR);
    EXPECT(!block.read_only && block.flushes);
    const struct virtio_part part = part_of(0);
    EXPECT(block_submit(&block, BLOCK_READ, 0, &part, 1, 3) == OK);
    block_notify(&block);
    EXPECT(virtio_wait(found) && found->bits == QUEUE_BIT); /* it comes whether we look or not */
    EXPECT(taken(found, 1) == 1u << 3);
    for (uint64_t first = 0; first < DISK_PAGES; first += PAGES) {
        for (unsigned i = 0; i < PAGES; i++)
            words_of(i)[0] = UINT64_MAX;
        pages_move(found, BLOCK_READ, first);
        EXPECT(words_right(first) == PAGES * PAGE_WORDS);
    }
    end();
}

VIRTIO_TEST(block_writes, VIRTIO_BLOCK)
{
    REQUIRE(begin(found));
    for (uint64_t first = DISK_PAGES / 2; first < DISK_PAGES; first += PAGES) {
        for (unsigned i = 0; i < PAGES; i++)
            for (uint64_t k = 0; k < PAGE_WORDS; k++)
                words_of(i)[k] = ~((first + i) * PAGE_WORDS + k);
        pages_move(found, BLOCK_WRITE, first);
    }
    EXPECT(block_submit(&block, BLOCK_FLUSH, 0, NULL, 0, 9) == OK);
    block_notify(&block);
    EXPECT(taken(found, 1) == 1u << 9);
    pages_move(found, BLOCK_READ, DISK_PAGES - PAGES);
    EXPECT(words_of(0)[1] == ~((DISK_PAGES - PAGES) * PAGE_WORDS + 1));
    end();
}

/* One request of many parts, in any order and of any size. */
VIRTIO_TEST(block_parts, VIRTIO_BLOCK)
{
    struct virtio_part parts[PAGES];
    REQUIRE(begin(found));
    for (unsigned i = 0; i < PAGES; i++)
        parts[i] = (struct virtio_part){dma_address(&data, (PAGES - 1 - i) * PAGE) + BLOCK_SECTOR,
                                        (1 + i % 3) * BLOCK_SECTOR};
    EXPECT(block_submit(&block, BLOCK_READ, 5, parts, PAGES, 1) == OK);
    block_notify(&block);
    EXPECT(taken(found, 1) == 1u << 1);
    uint64_t word = 5 * BLOCK_SECTOR / 8;
    for (unsigned i = 0; i < PAGES; i++)
        for (uint32_t k = 0; k < parts[i].size / 8; k++, word++)
            EXPECT(words_of(PAGES - 1 - i)[BLOCK_SECTOR / 8 + k] == word);
    end();
}

/* More than the queue has room for: some are taken before more are given. */
VIRTIO_TEST(block_is_full, VIRTIO_BLOCK)
{
    enum { ROUNDS = 200 };
    unsigned given = 0, done = 0, full = 0;
    uint64_t tag;
    enum block_result result;
    REQUIRE(begin(found));
    const struct virtio_part part = part_of(0);
    while (done < ROUNDS) {
        error_t error =
            given < ROUNDS ? block_submit(&block, BLOCK_READ, 0, &part, 1, given) : ERR_full;
        if (error == OK) {
            given++;
            continue;
        }
        EXPECT(error == ERR_full);
        full += given < ROUNDS;
        block_notify(&block);
        while ((error = block_take(&block, &tag, &result)) == OK) {
            EXPECT(result == BLOCK_DONE && tag < given);
            done++;
        }
        if (error != ERR_would_block || (done < given && !virtio_wait(found)))
            break;
    }
    EXPECT(done == ROUNDS && full > 0);
    end();
}

VIRTIO_TEST(block_arguments, VIRTIO_BLOCK)
{
    REQUIRE(begin(found));
    struct virtio_part parts[BLOCK_PARTS_MAX + 1] = {part_of(0)};
    for (unsigned i = 1; i < COUNT_OF(parts); i++)
        parts[i] = part_of(1);
    static const struct {
        uint64_t sector, bytes;
        uint32_t count;
        enum block_kind kind;
    } cases[] = {
        {DISK_SECTORS, 512, 1, BLOCK_READ},
        {DISK_SECTORS - 7, PAGE, 1, BLOCK_WRITE},
        {UINT64_MAX, 512, 1, BLOCK_READ},
        {UINT64_MAX - 6, PAGE, 1, BLOCK_READ},
        {0, 0, 1, BLOCK_READ},
        {0, 513, 1, BLOCK_READ},
        {0, 2 * PAGE, 1, BLOCK_READ},
        {0, 512, 0, BLOCK_WRITE},
        {0, 512, BLOCK_PARTS_MAX + 1, BLOCK_READ},
        {0, 512, 1, BLOCK_FLUSH},
        {0, 512, 1, (enum block_kind)2},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        parts[0].size = (uint32_t)cases[i].bytes;
        EXPECT(block_submit(&block, cases[i].kind, cases[i].sector, parts, cases[i].count, 0) ==
               ERR_bad_argument);
    }
    end();
}
