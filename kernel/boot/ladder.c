/*
 * The start-up ladder (subsystem.h): computes the order, climbs it, descends it.
 *
 * Life cycle: ladder_climb once on the boot CPU, ladder_descend once when power goes off.
 * The order is found by picking, again and again, the first subsystem by level and name whose
 * needs have all been picked; with some twenty subsystems nothing cleverer pays.
 * No lock: the fields of a subsystem are written by the boot CPU, in these two calls.
 */
#include "boot/subsystem.h"
#include "lib/assert.h"
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

static uint32_t ladder_count(void)
{
    return (uint32_t)(__stop_subsystems - __start_subsystems);
}

/* The next word of `*rest`, which moves behind it; its length, 0 at the end. */
static size_t need_next(const char **rest, const char **word)
{
    const char *s = *rest != NULL ? *rest : "";
    while (*s == ' ')
        s++;
    *word = s;
    while (*s != 0 && *s != ' ')
        s++;
    *rest = s;
    return (size_t)(s - *word);
}

static struct subsystem *subsystem_find(struct subsystem *all, uint32_t count, const char *name,
                                        size_t length)
{
    for (uint32_t i = 0; i < count; i++)
        if (strncmp(all[i].name, name, length) == 0 && all[i].name[length] == 0)
            return &all[i];
    return NULL;
}

/* The first need of `subsystem` that has no place in the order yet; NULL if all have. */
static struct subsystem *need_missing(struct subsystem *all, uint32_t count,
                                      const struct subsystem *subsystem)
{
    const char *rest = subsystem->needs, *word;
    for (size_t length; (length = need_next(&rest, &word)) != 0;) {
        struct subsystem *need = subsystem_find(all, count, word, length);
        if (need->order == 0)
            return need;
    }
    return NULL;
}

static error_t need_check(const struct subsystem *subsystem, const struct subsystem *need,
                          const char *word, size_t length, char *why, size_t why_size)
{
    if (need == NULL) {
        print_buffer(why, why_size, "%s needs %.*s, which is not in this kernel", subsystem->name,
                     (int)length, word);
        return ERR_not_found;
    }
    if (need->level > subsystem->level) {
        print_buffer(why, why_size, "%s (level %s) needs %s of the higher level %s",
                     subsystem->name, subsystem_level_name(subsystem->level), need->name,
                     subsystem_level_name(need->level));
        return ERR_bad_argument;
    }
    return OK;
}

static error_t needs_check(struct subsystem *all, uint32_t count, const struct subsystem *subsystem,
                           char *why, size_t why_size)
{
    const char *rest = subsystem->needs, *word;
    for (size_t length; (length = need_next(&rest, &word)) != 0;) {
        const struct subsystem *need = subsystem_find(all, count, word, length);
        error_t error = need_check(subsystem, need, word, length, why, why_size);
        if (error != OK)
            return error;
    }
    return OK;
}

/* Everything but circles: two of one name, a level that does not exist, impossible needs. */
static error_t ladder_check(struct subsystem *all, uint32_t count, char *why, size_t why_size)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((uint32_t)all[i].level >= LEVEL_COUNT) {
            print_buffer(why, why_size, "%s has no level", all[i].name);
            return ERR_bad_argument;
        }
        if (subsystem_find(all, i, all[i].name, strlen(all[i].name)) != NULL) {
            print_buffer(why, why_size, "two subsystems are called %s", all[i].name);
            return ERR_exists;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        error_t error = needs_check(all, count, &all[i], why, why_size);
        if (error != OK)
            return error;
    }
    return OK;
}

static bool subsystem_before(const struct subsystem *a, const struct subsystem *b)
{
    return a->level != b->level ? a->level < b->level : strcmp(a->name, b->name) < 0;
}

/* The first by level and name that has no place yet and whose needs all have one. */
static struct subsystem *ladder_pick(struct subsystem *all, uint32_t count)
{
    struct subsystem *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct subsystem *candidate = &all[i];
        if (candidate->order != 0 || (best != NULL && subsystem_before(best, candidate)))
            continue;
        if (need_missing(all, count, candidate) == NULL)
            best = candidate;
    }
    return best;
}

/*
 * Nothing can be picked: whoever has no place waits for another without place, so following the
 * first such need `count` times ends inside a circle. Names its members in `why`.
 */
static error_t ladder_cycle(struct subsystem *all, uint32_t count, char *why, size_t why_size)
{
    struct subsystem *member = all;
    while (member->order != 0)
        member++;
    for (uint32_t i = 0; i < count; i++)
        member = need_missing(all, count, member);
    size_t length = print_buffer(why, why_size, "needs in a circle: %s", member->name);
    struct subsystem *next = member;
    do {
        next = need_missing(all, count, next);
        if (length < why_size)
            length += print_buffer(why + length, why_size - length, " needs %s", next->name);
    } while (next != member);
    return ERR_cycle;
}

error_t ladder_order(struct subsystem *all, uint32_t count, char *why, size_t why_size)
{
    assert(why_size > 0);
    why[0] = 0;
    for (uint32_t i = 0; i < count; i++)
        all[i].order = 0;
    error_t error = ladder_check(all, count, why, why_size);
    if (error != OK)
        return error;
    for (uint32_t place = 1; place <= count; place++) {
        struct subsystem *next = ladder_pick(all, count);
        if (next == NULL)
            return ladder_cycle(all, count, why, why_size);
        next->order = place;
    }
    return OK;
}

static struct subsystem *ladder_at(uint32_t place)
{
    for (uint32_t i = 0; i < ladder_count(); i++)
        if (__start_subsystems[i].order == place)
            return &__start_subsystems[i];
    return NULL;
}

/* A need of `subsystem` that failed; NULL if none did. */
static const struct subsystem *need_failed(const struct subsystem *subsystem)
{
    const char *rest = subsystem->needs, *word;
    for (size_t length; (length = need_next(&rest, &word)) != 0;) {
        const struct subsystem *need =
            subsystem_find(__start_subsystems, ladder_count(), word, length);
        if (need->state == SUBSYSTEM_FAILED)
            return need;
    }
    return NULL;
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

static void subsystem_start(struct subsystem *subsystem)
{
    const struct subsystem *culprit = need_failed(subsystem);
    if (culprit == NULL) {
        subsystem_run_start(subsystem);
        return;
    }
    subsystem->state = SUBSYSTEM_FAILED;
    subsystem->error = culprit->error;
    log_error("ladder", "%s is left out: it needs %s, which failed", subsystem->name,
              culprit->name);
}

void ladder_climb(void)
{
    char why[160];
    error_t error = ladder_order(__start_subsystems, ladder_count(), why, sizeof(why));
    if (error != OK)
        panic("the start-up ladder is wrong: %s", why);
    for (uint32_t place = 1; place <= ladder_count(); place++)
        subsystem_start(ladder_at(place));
}

void ladder_rescue(enum subsystem_level level)
{
    for (uint32_t i = 0; i < ladder_count(); i++) {
        struct subsystem *subsystem = &__start_subsystems[i];
        if (subsystem->level == level && subsystem->state == SUBSYSTEM_WAITING)
            subsystem_run_start(subsystem);
    }
}

void ladder_descend(void)
{
    for (uint32_t place = ladder_count(); place > 0; place--) {
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
    for (uint32_t place = 1; place <= ladder_count(); place++)
        if (ladder_at(place) != NULL)
            each(ladder_at(place));
}

bool ladder_started(const char *name)
{
    const struct subsystem *subsystem =
        subsystem_find(__start_subsystems, ladder_count(), name, strlen(name));
    return subsystem != NULL && subsystem->state == SUBSYSTEM_STARTED;
}
