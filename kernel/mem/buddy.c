/*
 * The buddy lists of a NUMA node.
 *
 * A block of order k is 2^k frames, aligned to its size by absolute frame number; its buddy is
 * the other half of the block of order k + 1 around it. Free blocks are in one list per order;
 * a block that is freed joins its buddy for as long as that is free too.
 *
 * Why only heads need valid entries: the frames of a region below its frontier are tiled by
 * aligned blocks. The buddy of a block in the tiling cannot be inside a larger block, for that
 * would hold the block itself as well. So the buddy's first frame is a head, if the buddy lies
 * wholly below the frontier and in the same region; nothing else is ever read.
 *
 * Locks: one per node (rank frame), for its lists, its counts and its regions' frontiers.
 */
#include "mem/buddy.h"
#include "lib/assert.h"
#include "lib/string.h"

struct buddy_region buddy_regions[BUDDY_REGIONS_MAX];
uint32_t buddy_region_count;
struct buddy_node buddy_nodes[CONFIG_NODE_MAX];

error_t buddy_add_region(uint32_t first, uint32_t end, uint32_t node_index)
{
    assert(node_index < CONFIG_NODE_MAX && first < end);
    if (buddy_region_count == BUDDY_REGIONS_MAX)
        return ERR_full;
    for (uint32_t i = 0; i < buddy_region_count; i++)
        assert(end <= buddy_regions[i].first || first >= buddy_regions[i].end);
    buddy_regions[buddy_region_count++] =
        (struct buddy_region){.first = first, .end = end, .frontier = first, .node = node_index};
    struct buddy_node *node = &buddy_nodes[node_index];
    if (node->total == 0)
        spinlock_init(&node->lock, LOCK_RANK_frame);
    node->total += end - first;
    node->untouched += end - first;
    return OK;
}

/* The entry of a block's first frame. */
static struct frame *buddy_head_make(uint32_t number, uint32_t order, uint32_t region,
                                     enum frame_state state)
{
    struct frame *frame = frame_at(number);
    frame->references = 1;
    frame->order = (uint8_t)order;
    frame->node = (uint8_t)buddy_regions[region].node;
    frame->region = (uint8_t)region;
    frame_set_state(frame, state);
    return frame;
}

static void buddy_push_locked(struct buddy_node *node, uint32_t number, uint32_t order,
                              uint32_t region)
{
    uint32_t bit = 1u << order;
    uint32_t next = (node->listed & bit) != 0 ? node->first[order] : FRAME_NONE;
    if (next != FRAME_NONE)
        frame_at(next)->prev = number;
    struct frame *frame = buddy_head_make(number, order, region, FRAME_FREE);
    frame->next = next;
    frame->prev = FRAME_NONE;
    frame->references = 0;
    node->first[order] = number;
    node->listed |= bit;
    node->blocks[order]++;
    node->free += bit;
}

static void buddy_unlink_locked(struct buddy_node *node, const struct frame *frame)
{
    uint32_t order = frame->order;
    debug_assert(frame_state(frame) == FRAME_FREE && node->blocks[order] != 0);
    if (frame->next != FRAME_NONE)
        frame_at(frame->next)->prev = frame->prev;
    if (frame->prev != FRAME_NONE)
        frame_at(frame->prev)->next = frame->next;
    else if (frame->next != FRAME_NONE)
        node->first[order] = frame->next;
    else
        node->listed &= ~(1u << order);
    node->blocks[order]--;
    node->free -= 1u << order;
}

/* Puts a block into the lists, joined with its buddies. */
static void buddy_give_locked(struct buddy_node *node, uint32_t number, uint32_t order,
                              uint32_t region)
{
    while (order < FRAME_ORDER_MAX) {
        uint32_t buddy = number ^ (1u << order);
        if (!buddy_joins(buddy, order, &buddy_regions[region]))
            break;
        buddy_unlink_locked(node, frame_at(buddy));
        frame_set_state(frame_at(number | (1u << order)), FRAME_INNER);
        number &= ~(1u << order);
        order++;
    }
    buddy_push_locked(node, number, order, region);
}

static uint32_t log2_floor(uint32_t value)
{
    return 31u - (uint32_t)__builtin_clz(value);
}

/* The order of the largest block that starts at the frontier, of at most order `most`. */
static uint32_t buddy_piece_order(const struct buddy_region *region, uint32_t most)
{
    uint32_t fits = log2_floor(region->end - region->frontier);
    uint32_t aligned = region->frontier == 0 ? most : (uint32_t)__builtin_ctz(region->frontier);
    return (uint32_t)min_u64(most, min_u64(fits, aligned));
}

/*
 * Puts the next piece of the untouched into the lists; false if there is none. Pieces grow up to
 * what is asked for, so that a few of them reach the next large aligned block. The region added
 * last comes first: low memory, which weak devices need, is kept longest.
 */
static bool buddy_grow_locked(struct buddy_node *node, uint32_t order)
{
    if (node->untouched == 0)
        return false;
    uint32_t index = buddy_region_count;
    struct buddy_region *region;
    do {
        assert(index != 0);
        region = &buddy_regions[--index];
    } while (&buddy_nodes[region->node] != node || region->frontier == region->end);
    uint32_t piece = buddy_piece_order(region, order > FRAME_CHUNK ? order : FRAME_CHUNK);
    uint32_t number = region->frontier;
    region->frontier += 1u << piece;
    node->untouched -= 1u << piece;
    buddy_give_locked(node, number, piece, index);
    return true;
}

/* The order of the smallest block in the lists of at least that; above FRAME_ORDER_MAX: none. */
static uint32_t buddy_find_locked(struct buddy_node *node, uint32_t order)
{
    while ((node->listed >> order) == 0)
        if (!buddy_grow_locked(node, order))
            return FRAME_ORDER_MAX + 1;
    return order + (uint32_t)__builtin_ctz(node->listed >> order);
}

/* A block of order `found` out of the lists, cut to `order`. Its head is the caller's to fill. */
static uint32_t buddy_take_locked(struct buddy_node *node, uint32_t found, uint32_t order)
{
    uint32_t number = node->first[found];
    const struct frame *frame = frame_at(number);
    debug_assert(frame->order == found);
    buddy_unlink_locked(node, frame);
    while (found > order) {
        found--;
        buddy_push_locked(node, number + (1u << found), found, frame->region);
    }
    return number;
}

uint32_t buddy_take(uint32_t node_index, uint32_t order, enum frame_state state, uint32_t *numbers,
                    uint32_t count)
{
    struct buddy_node *node = &buddy_nodes[node_index];
    if (node->total == 0)
        return 0;
    uint32_t taken = 0;
    irq_state_t irq = spinlock_lock(&node->lock);
    while (taken < count) {
        uint32_t found = buddy_find_locked(node, order);
        if (found > FRAME_ORDER_MAX)
            break;
        /* All that is wanted in one piece, cut up then: as if it were taken one by one. */
        uint32_t piece = order + log2_floor(count - taken);
        piece = piece < found ? piece : found;
        uint32_t number = buddy_take_locked(node, found, piece);
        for (uint32_t i = 0; i < 1u << (piece - order); i++) {
            numbers[taken] = number + (i << order);
            (void)buddy_head_make(numbers[taken++], order, frame_at(number)->region, state);
        }
    }
    spinlock_unlock(&node->lock, irq);
    return taken;
}

/* Without the lock: who looks at these entries sees frames that are not free, before and after. */
void buddy_split(uint32_t number, uint32_t order)
{
    uint32_t region = frame_at(number)->region;
    debug_assert(frame_state(frame_at(number)) == FRAME_USED && frame_at(number)->order == order);
    (void)buddy_head_make(number, 0, region, FRAME_USED);
    for (uint32_t i = 0; i < order; i++)
        (void)buddy_head_make(number + (1u << i), i, region, FRAME_USED);
}

void buddy_give(uint32_t node_index, uint32_t order, const uint32_t *numbers, uint32_t count)
{
    struct buddy_node *node = &buddy_nodes[node_index];
    irq_state_t irq = spinlock_lock(&node->lock);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t region = frame_at(numbers[i])->region;
        debug_assert(buddy_regions[region].node == node_index);
        buddy_give_locked(node, numbers[i], order, region);
    }
    spinlock_unlock(&node->lock, irq);
}

void buddy_stats(uint32_t node_index, struct frame_stats *stats)
{
    struct buddy_node *node = &buddy_nodes[node_index];
    memset(stats, 0, sizeof(*stats));
    if (node->total == 0)
        return;
    irq_state_t irq = spinlock_lock(&node->lock);
    stats->total = node->total;
    stats->free = node->free + node->untouched;
    stats->untouched = node->untouched;
    for (uint32_t order = 0; order <= FRAME_ORDER_MAX; order++)
        stats->free_blocks[order] = node->blocks[order];
    spinlock_unlock(&node->lock, irq);
}

void buddy_reset(void)
{
    memset(buddy_nodes, 0, sizeof(buddy_nodes));
    buddy_region_count = 0;
}
