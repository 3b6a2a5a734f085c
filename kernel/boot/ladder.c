/*
 * The start-up ladder (subsystem.h): computes the order, climbs it, descends it.
 *
 * Life cycle: ladder_climb once on the boot CPU, ladder_descend once when power goes off.
 * The order is found by picking, again and again, the first subsystem by level and name whose
 * needs have all been picked; with some twenty subsystems nothing cleverer pays.
 * No lock: the fields of a subsystem are written by the boot CPU, in these two calls.
 */
#include "boot/subsystem.h"
#include "lib/print.h"
#include "lib/string.h"
#include "sched/clock.h"
#include "trace/log.h"
#include "trace/panic.h"

/* The bounds of the linker section "subsystems". */
extern struct subsystem __start_subsystems[];
extern struct subsystem __stop_subsystems[];

static const char *const level_names[LEVEL_COUNT] = {
#define LEVEL(name, what) [LEVEL_##name] = #name,
#include "boot/level.def"
#undef LEVEL
};

const char *subsystem_level_name(enum subsystem_level level)
{
    return (uint32_t)level < LEVEL_COUNT ? level_names[level] : "none";
}

/* The subsystems that are put in order, and why they cannot be. */
struct ladder {
    struct subsystem *all;
    uint32_t count;
    struct text why;
};

/* A word of `needs`, and the subsystem of that name, NULL if there is none. */
struct need {
    const char *word;
    size_t length;
    struct subsystem *is;
};

static struct subsystem *subsystem_find(const struct ladder *ladder, const char *name,
                                        size_t length)
{
    for (struct subsystem *one = ladder->all; one < ladder->all + ladder->count; one++)
        if (strncmp(one->name, name, length) == 0 && one->name[length] == 0)
            return one;
    return NULL;
}

/* The next word of `*rest`, which moves behind it; false at the end. */
static bool need_next(const struct ladder *ladder, const char **rest, struct need *need)
{
    const char *s = *rest != NULL ? *rest : "";
    while (*s == ' ')
        s++;
    need->word = s;
    while (*s != 0 && *s != ' ')
        s++;
    *rest = s;
    need->length = (size_t)(s - need->word);
    need->is = subsystem_find(ladder, need->word, need->length);
    return need->length != 0;
}

/* The first need of `subsystem` that has no place in the order yet; NULL if all have. */
static struct subsystem *need_missing(const struct ladder *ladder,
                                      const struct subsystem *subsystem)
{
    struct need need;
    for (const char *rest = subsystem->needs; need_next(ladder, &rest, &need);)
        if (need.is->order == 0)
            return need.is;
    return NULL;
}

static error_t needs_check(struct ladder *ladder, const struct subsystem *subsystem)
{
    struct need need;
    for (const char *rest = subsystem->needs; need_next(ladder, &rest, &need);) {
        if (need.is == NULL) {
            text_add(&ladder->why, "%s needs %.*s, which is not in this kernel", subsystem->name,
                     (int)need.length, need.word);
            return ERR_not_found;
        }
        if (need.is->level > subsystem->level) {
            text_add(&ladder->why, "%s (level %s) needs %s of the higher level %s", subsystem->name,
                     subsystem_level_name(subsystem->level), need.is->name,
                     subsystem_level_name(need.is->level));
            return ERR_bad_argument;
        }
    }
    return OK;
}

/* Everything but circles: two of one name, a level that does not exist, impossible needs. */
static error_t subsystem_check(struct ladder *ladder, const struct subsystem *subsystem)
{
    if ((uint32_t)subsystem->level >= LEVEL_COUNT) {
        text_add(&ladder->why, "%s has no level", subsystem->name);
        return ERR_bad_argument;
    }
    if (subsystem_find(ladder, subsystem->name, strlen(subsystem->name)) != subsystem) {
        text_add(&ladder->why, "two subsystems are called %s", subsystem->name);
        return ERR_exists;
    }
    return needs_check(ladder, subsystem);
}

static bool subsystem_before(const struct subsystem *a, const struct subsystem *b)
{
    return a->level != b->level ? a->level < b->level : strcmp(a->name, b->name) < 0;
}

/* The first by level and name that has no place yet and whose needs all have one. */
static struct subsystem *ladder_pick(const struct ladder *ladder)
{
    struct subsystem *best = NULL;
    for (struct subsystem *one = ladder->all; one < ladder->all + ladder->count; one++) {
        if (one->order != 0 || (best != NULL && subsystem_before(best, one)))
            continue;
        if (need_missing(ladder, one) == NULL)
            best = one;
    }
    return best;
}

/*
 * Nothing can be picked: whoever has no place waits for another without place, so following the
 * first such need `count` times ends inside a circle. Names its members in `why`.
 */
static error_t ladder_cycle(struct ladder *ladder)
{
    const struct subsystem *member = ladder->all;
    while (member->order != 0)
        member++;
    for (uint32_t i = 0; i < ladder->count; i++)
        member = need_missing(ladder, member);
    text_add(&ladder->why, "needs in a circle: %s", member->name);
    const struct subsystem *next = member;
    do {
        next = need_missing(ladder, next);
        text_add(&ladder->why, " needs %s", next->name);
    } while (next != member);
    return ERR_cycle;
}

static error_t ladder_make(struct ladder *ladder)
{
    for (uint32_t i = 0; i < ladder->count; i++)
        ladder->all[i].order = 0;
    for (uint32_t i = 0; i < ladder->count; i++) {
        error_t error = subsystem_check(ladder, &ladder->all[i]);
        if (error != OK)
            return error;
    }
    for (uint32_t place = 1; place <= ladder->count; place++) {
        struct subsystem *next = ladder_pick(ladder);
        if (next == NULL)
            return ladder_cycle(ladder);
        next->order = place;
    }
    return OK;
}

error_t ladder_order(struct subsystem *all, uint32_t count, char *why, size_t why_size)
{
    struct ladder ladder = {.all = all, .count = count, .why = text_in(why, why_size)};
    return ladder_make(&ladder);
}

static struct subsystem *ladder_at(uint32_t place)
{
    struct subsystem *one = __start_subsystems;
    while (one < __stop_subsystems && one->order != place)
        one++;
    return one < __stop_subsystems ? one : NULL;
}

static void subsystem_run_start(struct subsystem *subsystem)
{
    uint64_t before = clock_now();
    error_t error = subsystem->start != NULL ? subsystem->start() : OK;
    uint64_t after = clock_now();
    /* The clock itself starts on this ladder: then what was before it is not known. */
    subsystem->start_ns = before != 0 ? after - before : 0;
    subsystem->error = error;
    if (error == OK) {
        subsystem->state = SUBSYSTEM_STARTED;
    } else if (error == ERR_unsupported) {
        subsystem->state = SUBSYSTEM_ABSENT;
    } else {
        subsystem->state = SUBSYSTEM_FAILED;
        log_error("ladder", "%s does not start: %s", subsystem->name, error_text(error));
    }
}

/* Left out if it needs one that failed. */
static void subsystem_start(const struct ladder *ladder, struct subsystem *subsystem)
{
    struct need need;
    for (const char *rest = subsystem->needs; need_next(ladder, &rest, &need);) {
        if (need.is->state != SUBSYSTEM_FAILED)
            continue;
        subsystem->state = SUBSYSTEM_FAILED;
        subsystem->error = need.is->error;
        log_error("ladder", "%s is left out: it needs %s, which failed", subsystem->name,
                  need.is->name);
        return;
    }
    subsystem_run_start(subsystem);
}

void ladder_climb(void)
{
    char why[160];
    struct ladder ladder = {.all = __start_subsystems,
                            .count = (uint32_t)(__stop_subsystems - __start_subsystems),
                            .why = text_in(why, sizeof(why))};
    if (ladder_make(&ladder) != OK)
        panic("the start-up ladder is wrong: %s", why);
    for (uint32_t place = 1; place <= ladder.count; place++)
        subsystem_start(&ladder, ladder_at(place));
}

void ladder_rescue(enum subsystem_level level)
{
    for (struct subsystem *one = __start_subsystems; one < __stop_subsystems; one++)
        if (one->level == level && one->state == SUBSYSTEM_WAITING)
            subsystem_run_start(one);
}

void ladder_descend(void)
{
    for (uint32_t place = (uint32_t)(__stop_subsystems - __start_subsystems); place > 0; place--) {
        struct subsystem *subsystem = ladder_at(place);
        if (subsystem == NULL || subsystem->state != SUBSYSTEM_STARTED)
            continue;
        /* First the state: a stop that ends in another descent must not be called twice. */
        subsystem->state = SUBSYSTEM_STOPPED;
        if (subsystem->stop != NULL)
            subsystem->stop();
    }
}

void ladder_each(void (*each)(const struct subsystem *subsystem))
{
    const struct subsystem *one;
    for (uint32_t place = 1; (one = ladder_at(place)) != NULL; place++)
        each(one);
}
