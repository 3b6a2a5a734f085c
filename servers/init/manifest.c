/* The manifest (manifest.h). */
#include "manifest.h"
#include "device.h"
#include "lib/print.h"
#include "lib/string.h"

#define LINE_MOST      160
#define MEMORY_DEFAULT (16 * MIB)

static error_t wrong(struct manifest *manifest, error_t error, const char *why)
{
    manifest->why = why;
    return error;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* "KEY VALUE" without what surrounds them; value "" if there is none. */
static char *words_split(char *line)
{
    char *comment = strchr(line, '#');
    if (comment != NULL)
        *comment = 0;
    size_t end = strlen(line);
    while (end > 0 && is_space(line[end - 1]))
        line[--end] = 0;
    char *at = line;
    while (*at != 0 && !is_space(*at))
        at++;
    if (*at != 0)
        *at++ = 0;
    while (is_space(*at))
        at++;
    return at;
}

/* A number with K, M or G behind it. */
static bool size_read(const char *text, uint64_t *size)
{
    char digits[24];
    size_t length = strlen(text);
    unsigned shift = 0;
    if (length == 0 || length >= sizeof(digits))
        return false;
    memcpy(digits, text, length + 1);
    switch (digits[length - 1]) {
    case 'K':
        shift = 10;
        break;
    case 'M':
        shift = 20;
        break;
    case 'G':
        shift = 30;
        break;
    default:
        break;
    }
    if (shift != 0)
        digits[length - 1] = 0;
    if (!parse_u64(digits, size) || *size > UINT64_MAX >> shift)
        return false;
    *size <<= shift;
    return true;
}

static error_t copy(struct manifest *manifest, char *to, size_t room, const char *value)
{
    if (*value == 0)
        return wrong(manifest, ERR_malformed, "a value is missing");
    return string_copy(to, room, value) ? OK : wrong(manifest, ERR_full, "the value is too long");
}

static error_t give_add(struct manifest *manifest, struct entry *entry, const char *value)
{
    static const struct {
        const char *name;
        enum give give;
    } gives[] = {
        {"archive", GIVE_ARCHIVE}, {"console", GIVE_CONSOLE}, {"wx", GIVE_WX}, {"cpus", GIVE_CPUS}};
    for (unsigned i = 0; i < COUNT_OF(gives); i++)
        if (strcmp(value, gives[i].name) == 0) {
            entry->gives |= gives[i].give;
            return OK;
        }
    return wrong(manifest, ERR_malformed, "there is nothing of that name to give");
}

static error_t program_add(struct manifest *manifest, const char *name)
{
    for (uint32_t i = 0; i < manifest->count; i++)
        if (strcmp(manifest->entries[i].name, name) == 0)
            return wrong(manifest, ERR_exists, "there is a program of that name already");
    if (manifest->count == PROGRAMS_MOST)
        return wrong(manifest, ERR_full, "too many programs");
    struct entry *entry = &manifest->entries[manifest->count++];
    *entry = (struct entry){.memory = MEMORY_DEFAULT};
    struct text file = text_in(entry->file, sizeof(entry->file));
    text_add(&file, "tern/bin/%s", name);
    return copy(manifest, entry->name, sizeof(entry->name), name);
}

/* Keys that take one of two words. */
static error_t choice_set(struct manifest *manifest, const char *value, const char *yes,
                          const char *no, bool *choice)
{
    *choice = strcmp(value, yes) == 0;
    if (*choice || (no != NULL && strcmp(value, no) == 0))
        return OK;
    return wrong(manifest, ERR_malformed, "that word is not one of those possible here");
}

static error_t device_set(struct manifest *manifest, const char *value, uint32_t *type)
{
    static const char bus[] = "virtio ";
    *type = strncmp(value, bus, sizeof(bus) - 1) == 0 ? device_type(value + sizeof(bus) - 1) : 0;
    return *type != 0 ? OK : wrong(manifest, ERR_malformed, "there are no such devices");
}

static error_t size_set(struct manifest *manifest, const char *value, uint64_t *size)
{
    return size_read(value, size) ? OK : wrong(manifest, ERR_malformed, "that is not a size");
}

static error_t key_take(struct manifest *manifest, struct entry *entry, const char *key,
                        const char *value)
{
    if (strcmp(key, "file") == 0)
        return copy(manifest, entry->file, sizeof(entry->file), value);
    if (strcmp(key, "memory") == 0)
        return size_set(manifest, value, &entry->memory);
    if (strcmp(key, "reserve") == 0)
        return size_set(manifest, value, &entry->reserve);
    if (strcmp(key, "device") == 0)
        return device_set(manifest, value, &entry->device);
    if (strcmp(key, "give") == 0)
        return give_add(manifest, entry, value);
    if (strcmp(key, "provides") == 0)
        return copy(manifest, entry->provides, sizeof(entry->provides), value);
    if (strcmp(key, "restart") == 0)
        return choice_set(manifest, value, "always", "never", &entry->restarts);
    if (strcmp(key, "end") == 0)
        return choice_set(manifest, value, "system", NULL, &entry->ends_system);
    if (strcmp(key, "arg") == 0)
        return entry->arg_count < ARGS_MOST
                   ? copy(manifest, entry->args[entry->arg_count++], ARG_MOST, value)
                   : wrong(manifest, ERR_full, "too many arguments");
    if (strcmp(key, "uses") == 0)
        return entry->use_count < NEEDS_MOST
                   ? copy(manifest, entry->uses[entry->use_count++], NAME_MOST, value)
                   : wrong(manifest, ERR_full, "too many uses");
    if (strcmp(key, "needs") == 0)
        return entry->need_count < NEEDS_MOST
                   ? copy(manifest, entry->needs[entry->need_count++], NAME_MOST, value)
                   : wrong(manifest, ERR_full, "too many needs");
    return wrong(manifest, ERR_malformed, "there is no such key");
}

static error_t line_take(struct manifest *manifest, char *line)
{
    while (is_space(*line))
        line++;
    const char *value = words_split(line);
    if (*line == 0)
        return OK;
    if (strcmp(line, "program") == 0)
        return program_add(manifest, value);
    if (manifest->count == 0)
        return wrong(manifest, ERR_malformed, "it belongs to no program");
    return key_take(manifest, &manifest->entries[manifest->count - 1], line, value);
}

static error_t lines_take(struct manifest *manifest, const char *text, uint64_t size)
{
    char line[LINE_MOST];
    for (uint64_t at = 0; at < size;) {
        uint64_t length = 0;
        while (at + length < size && text[at + length] != '\n')
            length++;
        manifest->line++;
        if (length >= sizeof(line))
            return wrong(manifest, ERR_full, "the line is too long");
        memcpy(line, text + at, length);
        line[length] = 0;
        error_t error = line_take(manifest, line);
        if (error != OK)
            return error;
        at += length + 1;
    }
    manifest->line = 0;
    return OK;
}

/* --- the order --- */

enum mark { NOT_YET, UNDER_WAY, DONE };

static uint32_t entry_find(const struct manifest *manifest, const char *name)
{
    uint32_t i = 0;
    while (i < manifest->count && strcmp(manifest->entries[i].name, name) != 0)
        i++;
    return i;
}

/* Puts the entry behind all that it needs. Depth is bounded by PROGRAMS_MOST. */
static error_t order_visit(struct manifest *manifest, uint32_t which, enum mark *marks,
                           uint32_t *ordered)
{
    const struct entry *entry = &manifest->entries[which];
    if (marks[which] == DONE)
        return OK;
    if (marks[which] == UNDER_WAY)
        return wrong(manifest, ERR_cycle, "programs need each other in a circle");
    marks[which] = UNDER_WAY;
    for (uint32_t i = 0; i < entry->need_count; i++) {
        uint32_t need = entry_find(manifest, entry->needs[i]);
        if (need == manifest->count)
            return wrong(manifest, ERR_not_found, "a program needs one that there is not");
        error_t error = order_visit(manifest, need, marks, ordered);
        if (error != OK)
            return error;
    }
    marks[which] = DONE;
    manifest->order[(*ordered)++] = which;
    return OK;
}

error_t manifest_read(struct manifest *manifest, const char *text, uint64_t size)
{
    enum mark marks[PROGRAMS_MOST] = {NOT_YET};
    uint32_t ordered = 0;
    manifest->count = manifest->line = 0;
    manifest->why = "";
    error_t error = lines_take(manifest, text, size);
    for (uint32_t i = 0; error == OK && i < manifest->count; i++)
        error = order_visit(manifest, i, marks, &ordered);
    return error;
}
