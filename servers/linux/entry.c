/*
 * The table of names (entry.h): chains in buckets, doubled when there are more entries than
 * buckets. Hashes begin with a secret, so that no program can choose names that collide.
 */
#include "entry.h"
#include "node.h"
#include "random.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 256

static struct entry **buckets;
static uint64_t bucket_count, entry_count; /* a power of two, or 0 */
static uint64_t secret;

static uint64_t hash_of(const struct node *folder, const char *name, uint64_t length)
{
    uint64_t hash = (secret ^ folder->ino ^ folder->dev << 56) * UINT64_C(0x9e3779b97f4a7c15);
    for (uint64_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    return hash;
}

static struct entry **bucket_of(uint64_t hash)
{
    return &buckets[hash & (bucket_count - 1)];
}

/* Without memory for more the chains only get longer; without any, nothing can be named. */
static bool buckets_grow(void)
{
    if (entry_count < bucket_count)
        return true;
    uint64_t old_count = bucket_count;
    uint64_t count = old_count == 0 ? BUCKETS_FIRST : old_count * 2;
    struct entry **old = buckets, **larger = calloc(count, sizeof(struct entry *));
    if (larger == NULL)
        return old != NULL;
    if (old == NULL)
        random_bytes(&secret, sizeof(secret));
    buckets = larger;
    bucket_count = count;
    for (uint64_t i = 0; i < old_count; i++) {
        for (struct entry *entry = old[i], *next; entry != NULL; entry = next) {
            next = entry->chain;
            entry->chain = *bucket_of(entry->hash);
            *bucket_of(entry->hash) = entry;
        }
    }
    free(old);
    return true;
}

struct entry *entry_make(struct node *folder, const char *name, uint64_t length, struct node *node)
{
    assert(length > 0 && length <= NAME_SIZE_MAX);
    struct entry *entry = buckets_grow() ? malloc(sizeof(*entry) + length) : NULL;
    if (entry == NULL)
        return NULL;
    uint64_t hash = hash_of(folder, name, length);
    *entry = (struct entry){.chain = *bucket_of(hash),
                            .folder = folder,
                            .node = node_get(node),
                            .hash = hash,
                            .length = (uint32_t)length};
    memcpy(entry->name, name, length);
    *bucket_of(hash) = entry;
    list_add_last(&node->entries, &entry->of_node);
    entry_count++;
    return entry;
}

struct entry *entry_find(const struct node *folder, const char *name, uint64_t length)
{
    if (bucket_count == 0)
        return NULL;
    uint64_t hash = hash_of(folder, name, length);
    struct entry *entry = *bucket_of(hash);
    while (entry != NULL && (entry->hash != hash || entry->folder != folder ||
                             entry->length != length || memcmp(entry->name, name, length) != 0))
        entry = entry->chain;
    return entry;
}

void entry_free(struct entry *entry)
{
    struct entry **link = bucket_of(entry->hash);
    while (*link != entry) {
        assert(*link != NULL);
        link = &(*link)->chain;
    }
    *link = entry->chain;
    entry_count--;
    list_remove(&entry->of_node);
    node_put(entry->node);
    free(entry);
}
