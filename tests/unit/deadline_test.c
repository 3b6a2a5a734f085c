/* The deadline queue: against its model, in order, and with many entries. */
#include "deadline_model.h"
#include "sched/deadline.h"
#include "unit.h"

#include <stdlib.h>

static uint32_t fired_count;
static struct deadline *fired_last;

static void note(struct deadline *deadline)
{
    fired_count++;
    fired_last = deadline;
}

TEST(deadline_agrees_with_an_array)
{
    static uint8_t bytes[4000];
    for (uint32_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)unit_random();
        deadline_model_run(bytes, sizeof(bytes));
    }
}

TEST(deadline_equal_times_keep_their_order)
{
    struct deadline_queue queue = {0};
    struct deadline deadlines[50];
    for (uint32_t i = 0; i < COUNT_OF(deadlines); i++) {
        deadline_init(&deadlines[i], note);
        EXPECT(deadline_insert(&queue, &deadlines[i], 7) == (i == 0));
    }
    EXPECT(deadline_fire_due(&queue, 6) == 0);
    for (uint32_t i = 0; i < COUNT_OF(deadlines); i++) {
        EXPECT(deadline_first(&queue) == &deadlines[i]);
        EXPECT(deadline_remove(&queue, &deadlines[i]));
        EXPECT(!deadline_remove(&queue, &deadlines[i]));
    }
    EXPECT(deadline_first(&queue) == NULL);
}

/* A recursive merge would overflow the stack; a quadratic one would not end. */
TEST(deadline_takes_a_million_in_falling_order)
{
    enum { MANY = 1000000 };
    struct deadline *deadlines = calloc(MANY, sizeof(*deadlines));
    REQUIRE(deadlines != NULL);
    struct deadline_queue queue = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        deadline_init(&deadlines[i], note);
        deadline_insert(&queue, &deadlines[i], i % 2 == 0 ? MANY - i : MANY + i);
    }
    EXPECT(deadline_fire_due(&queue, 3 * (uint64_t)MANY) == MANY);
    EXPECT(fired_count == MANY && fired_last == &deadlines[MANY - 1]);
    EXPECT(queue.count == 0);
    free(deadlines);
}

static struct deadline_queue again_queue;

static void queue_again(struct deadline *deadline)
{
    fired_count++;
    deadline_insert(&again_queue, deadline, 0);
}

TEST(deadline_in_the_past_does_not_fire_for_ever)
{
    struct deadline deadline;
    deadline_init(&deadline, queue_again);
    deadline_insert(&again_queue, &deadline, 5);
    EXPECT(deadline_fire_due(&again_queue, 10) == 1);
    EXPECT(fired_count == 1 && deadline_first(&again_queue) == &deadline);
    EXPECT(deadline_fire_due(&again_queue, 10) == 1);
}

static void insert_twice(void *context)
{
    (void)context;
    struct deadline deadline;
    deadline_init(&deadline, note);
    deadline_insert(&again_queue, &deadline, 1);
    deadline_insert(&again_queue, &deadline, 2);
}

TEST(deadline_asserts_being_queued_once)
{
    EXPECT(unit_panics(insert_twice, NULL));
}
