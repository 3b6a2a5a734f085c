/*
 * The model keeps, for each deadline, whether it is queued, its time, and a number that counts
 * insertions; the first is found by looking at all (deadline_model.h).
 */
#include "deadline_model.h"
#include "lib/assert.h"
#include "sched/deadline.h"

#define DEADLINES 96

struct model_entry {
    struct deadline deadline;
    bool queued;
    uint64_t time_ns, inserted;
    int32_t again; /* when it fires, it queues itself this much later (or earlier); 0: not */
};

static struct deadline_queue queue;
static struct model_entry entries[DEADLINES];
static uint64_t insertions, now;
static uint64_t count;
static uint64_t newest_due; /* while firing: only what was inserted before may fire */
static uint32_t fired;

uint32_t deadline_fire_due(struct deadline_queue *due_queue, uint64_t now_ns)
{
    uint32_t fired_now = 0;
    uint64_t newest = due_queue->sequence;
    struct deadline *due;
    for (; (due = deadline_due(due_queue, now_ns, newest)) != NULL; fired_now++) {
        (void)deadline_remove(due_queue, due);
        due->fire(due);
    }
    return fired_now;
}

static struct model_entry *model_first(void)
{
    struct model_entry *first = NULL;
    for (struct model_entry *entry = entries; entry < entries + DEADLINES; entry++) {
        if (!entry->queued)
            continue;
        if (first == NULL || entry->time_ns < first->time_ns ||
            (entry->time_ns == first->time_ns && entry->inserted < first->inserted))
            first = entry;
    }
    return first;
}

static void model_check(void)
{
    const struct model_entry *first = model_first();
    assert(deadline_first(&queue) == (first != NULL ? &first->deadline : NULL));
    assert(queue.count == count);
}

static void model_insert(struct model_entry *entry, uint64_t time_ns)
{
    entry->queued = true;
    entry->time_ns = time_ns;
    entry->inserted = insertions++;
    count++;
    bool earliest = deadline_insert(&queue, &entry->deadline, time_ns);
    assert(earliest == (model_first() == entry));
}

static void model_fire(struct deadline *deadline)
{
    struct model_entry *entry = (struct model_entry *)deadline;
    assert(model_first() == entry && entry->time_ns <= now && entry->inserted < newest_due);
    assert(!deadline->queued);
    entry->queued = false;
    count--;
    fired++;
    if (entry->again != 0)
        model_insert(entry, now + (uint64_t)(int64_t)entry->again);
}

static void model_remove(struct model_entry *entry)
{
    bool removed = deadline_remove(&queue, &entry->deadline);
    assert(removed == entry->queued);
    count -= entry->queued;
    entry->queued = false;
}

static void model_fire_due(void)
{
    newest_due = insertions;
    fired = 0;
    uint32_t count_fired = deadline_fire_due(&queue, now);
    assert(count_fired == fired);
    const struct model_entry *first = model_first();
    assert(first == NULL || first->time_ns > now || first->inserted >= newest_due);
}

static void model_step(uint8_t what, uint8_t operand)
{
    struct model_entry *entry = &entries[operand % DEADLINES];
    switch (what & 3) {
    case 0:
    case 1:
        entry->again = (what & 0xc0) == 0xc0 ? (what >> 3 & 7) - 3 : 0;
        if (!entry->queued)
            model_insert(entry, now + (what >> 2) * (1u + operand % 3));
        break;
    case 2:
        model_remove(entry);
        break;
    default:
        now += operand % 24;
        model_fire_due();
        break;
    }
    model_check();
}

void deadline_model_run(const uint8_t *bytes, size_t size)
{
    queue = (struct deadline_queue){0};
    insertions = count = 0;
    now = 1000;
    for (uint32_t i = 0; i < DEADLINES; i++) {
        entries[i] = (struct model_entry){0};
        deadline_init(&entries[i].deadline, model_fire);
    }
    for (size_t i = 0; i + 1 < size; i += 2)
        model_step(bytes[i], bytes[i + 1]);
    while (count != 0)
        model_remove(model_first());
    model_check();
}
