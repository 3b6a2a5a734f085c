/* The start-up ladder: order, refusals, climbing and descending. */
#include "boot/subsystem.h"
#include "host.h"
#include "lib/string.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define RANDOM_MAX 24

static char why[160];

static bool is(const char *text, const char *expected)
{
    if (strcmp(text, expected) == 0)
        return true;
    fprintf(stderr, "got: %s\n", text);
    return false;
}

static struct subsystem row(const char *name, enum subsystem_level level, const char *needs)
{
    return (struct subsystem){.name = name, .level = level, .needs = needs};
}

TEST(ladder_order_by_level_need_name)
{
    struct subsystem all[] = {
        row("tool", LEVEL_tool, NULL),       row("zebra", LEVEL_time, ""),
        row("beta", LEVEL_memory, "zeta"),   row("alpha", LEVEL_memory, "  beta   zeta "),
        row("zeta", LEVEL_memory, NULL),     row("ape", LEVEL_time, "alpha"),
        row("aardvark", LEVEL_tool, "tool"),
    };
    static const uint32_t expected[] = {6, 5, 2, 3, 1, 4, 7};
    REQUIRE(ladder_order(all, COUNT_OF(all), why, sizeof(why)) == OK);
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        EXPECT(all[i].order == expected[i]);
    EXPECT(is(why, ""));
}

TEST(ladder_order_of_none)
{
    EXPECT(ladder_order(NULL, 0, why, sizeof(why)) == OK);
}

TEST(ladder_order_refuses_unknown_need)
{
    struct subsystem all[] = {row("a", LEVEL_memory, NULL), row("b", LEVEL_time, "a ab")};
    EXPECT(ladder_order(all, 2, why, sizeof(why)) == ERR_not_found);
    EXPECT(is(why, "b needs ab, which is not in this kernel"));
}

/* A name that only begins like the need is not the need. */
TEST(ladder_order_compares_whole_names)
{
    struct subsystem all[] = {row("clockwork", LEVEL_memory, NULL), row("b", LEVEL_time, "clock")};
    EXPECT(ladder_order(all, 2, why, sizeof(why)) == ERR_not_found);
    struct subsystem both[] = {row("clock", LEVEL_memory, "clockwork"),
                               row("clockwork", LEVEL_memory, NULL)};
    EXPECT(ladder_order(both, 2, why, sizeof(why)) == OK);
    EXPECT(both[1].order == 1);
}

TEST(ladder_order_refuses_higher_level)
{
    struct subsystem all[] = {row("a", LEVEL_memory, "b"), row("b", LEVEL_time, NULL)};
    EXPECT(ladder_order(all, 2, why, sizeof(why)) == ERR_bad_argument);
    EXPECT(is(why, "a (level memory) needs b of the higher level time"));
}

TEST(ladder_order_refuses_circle)
{
    struct subsystem all[] = {row("first", LEVEL_memory, NULL), row("a", LEVEL_memory, "first b"),
                              row("b", LEVEL_memory, "c"), row("c", LEVEL_memory, "b"),
                              row("d", LEVEL_time, NULL)};
    EXPECT(ladder_order(all, 5, why, sizeof(why)) == ERR_cycle);
    EXPECT(is(why, "needs in a circle: b needs c needs b") ||
           is(why, "needs in a circle: c needs b needs c"));
    struct subsystem self[] = {row("a", LEVEL_memory, "a")};
    EXPECT(ladder_order(self, 1, why, sizeof(why)) == ERR_cycle);
    EXPECT(is(why, "needs in a circle: a needs a"));
}

/* The sentence is cut to its buffer, not written beyond. */
TEST(ladder_order_cuts_its_sentence)
{
    struct subsystem all[] = {row("long-name-one", LEVEL_memory, "long-name-two"),
                              row("long-name-two", LEVEL_memory, "long-name-one")};
    char small[20];
    EXPECT(ladder_order(all, 2, small, sizeof(small)) == ERR_cycle);
    EXPECT(strlen(small) == sizeof(small) - 1);
}

TEST(ladder_order_refuses_same_name_and_no_level)
{
    struct subsystem all[] = {row("a", LEVEL_memory, NULL), row("a", LEVEL_time, NULL)};
    EXPECT(ladder_order(all, 2, why, sizeof(why)) == ERR_exists);
    EXPECT(is(why, "two subsystems are called a"));
    struct subsystem none[] = {row("a", LEVEL_COUNT, NULL)};
    EXPECT(ladder_order(none, 1, why, sizeof(why)) == ERR_bad_argument);
}

/* A random ladder without circles: needs go to earlier rows of no higher level. */
struct random_ladder {
    struct subsystem rows[RANDOM_MAX];
    char names[RANDOM_MAX][4];
    char needs[RANDOM_MAX][4 * RANDOM_MAX];
    bool need[RANDOM_MAX][RANDOM_MAX];
    uint32_t count;
};

static void random_fill(struct random_ladder *ladder)
{
    ladder->count = 1 + (uint32_t)(unit_random() % RANDOM_MAX);
    for (uint32_t i = 0; i < ladder->count; i++) {
        /* Distinct: the last letter is the row's own. */
        ladder->names[i][0] = (char)('a' + unit_random() % 26);
        ladder->names[i][1] = (char)('A' + i);
        ladder->rows[i] = row(ladder->names[i], (enum subsystem_level)(unit_random() % LEVEL_COUNT),
                              ladder->needs[i]);
        for (uint32_t j = 0; j < i; j++) {
            if (unit_random() % 4 != 0 || ladder->rows[j].level > ladder->rows[i].level)
                continue;
            ladder->need[i][j] = true;
            strcat(ladder->needs[i], ladder->names[j]);
            strcat(ladder->needs[i], " ");
        }
    }
}

/* The row that must come at `place`: the least by level and name of those that may. */
static uint32_t model_pick(const struct random_ladder *ladder, uint32_t place)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < ladder->count; i++) {
        bool ready = ladder->rows[i].order >= place;
        for (uint32_t j = 0; j < i; j++)
            ready &= !ladder->need[i][j] || ladder->rows[j].order < place;
        if (!ready)
            continue;
        const struct subsystem *a = &ladder->rows[i];
        const struct subsystem *b = best < RANDOM_MAX ? &ladder->rows[best] : NULL;
        if (b == NULL || a->level < b->level ||
            (a->level == b->level && strcmp(a->name, b->name) < 0))
            best = i;
    }
    return best;
}

TEST(ladder_order_like_model)
{
    for (int round = 0; round < 300; round++) {
        static struct random_ladder ladder;
        memset(&ladder, 0, sizeof(ladder));
        random_fill(&ladder);
        REQUIRE(ladder_order(ladder.rows, ladder.count, why, sizeof(why)) == OK);
        for (uint32_t place = 1; place <= ladder.count; place++) {
            uint32_t wanted = model_pick(&ladder, place);
            REQUIRE(wanted != UINT32_MAX && ladder.rows[wanted].order == place);
        }
    }
}

/* --- climbing what is registered in this program ------------------------------------------- */

static char trail[128];

static error_t note(const char *what, error_t error)
{
    strcat(trail, what);
    return error;
}

static error_t fake_good_start(void)
{
    return note("+good ", OK);
}

static void fake_good_stop(void)
{
    note("-good ", OK);
}

static error_t fake_bad_start(void)
{
    return note("+bad ", ERR_timeout);
}

static error_t fake_child_start(void)
{
    return note("+child ", OK);
}

static error_t fake_absent_start(void)
{
    return note("+absent ", ERR_unsupported);
}

static error_t fake_user_start(void)
{
    return note("+user ", OK);
}

static void fake_user_stop(void)
{
    note("-user ", OK);
}

static void fake_never_stop(void)
{
    note("-never ", OK);
}

SUBSYSTEM(fake_good, .level = LEVEL_memory, .start = fake_good_start, .stop = fake_good_stop)
SUBSYSTEM(fake_bad, .level = LEVEL_tool, .start = fake_bad_start, .stop = fake_never_stop)
SUBSYSTEM(fake_child, .level = LEVEL_tool, .needs = "fake_bad", .start = fake_child_start,
          .stop = fake_never_stop)
SUBSYSTEM(fake_grandchild, .level = LEVEL_tool, .needs = "fake_child", .start = fake_child_start)
SUBSYSTEM(fake_absent, .level = LEVEL_tool, .start = fake_absent_start, .stop = fake_never_stop)
SUBSYSTEM(fake_user, .level = LEVEL_tool, .needs = "fake_absent fake_good",
          .start = fake_user_start, .stop = fake_user_stop)

static uint32_t each_place;

static void each_check(const struct subsystem *subsystem)
{
    each_place++;
    EXPECT(subsystem->order == each_place);
}

TEST(ladder_climb_and_descend)
{
    uint64_t logged = host_log_count();
    ladder_climb();
    EXPECT(is(trail, "+good +absent +bad +user "));
    EXPECT(host_log_count() >= logged + 3); /* the failure and its two dependents */
    EXPECT(subsystem_fake_good.state == SUBSYSTEM_STARTED);
    EXPECT(subsystem_fake_user.state == SUBSYSTEM_STARTED);
    EXPECT(subsystem_fake_bad.state == SUBSYSTEM_FAILED && subsystem_fake_bad.error == ERR_timeout);
    EXPECT(subsystem_fake_child.state == SUBSYSTEM_FAILED);
    EXPECT(subsystem_fake_grandchild.state == SUBSYSTEM_FAILED);
    EXPECT(subsystem_fake_grandchild.error == ERR_timeout);
    EXPECT(subsystem_fake_absent.state == SUBSYSTEM_ABSENT);
    ladder_each(each_check);
    EXPECT(each_place >= 6);
    trail[0] = 0;
    ladder_descend();
    EXPECT(is(trail, "-user -good "));
    EXPECT(subsystem_fake_good.state == SUBSYSTEM_STOPPED);
    ladder_descend();
    EXPECT(is(trail, "-user -good "));
}
