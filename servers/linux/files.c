/* Tables of descriptors (files.h). */
#include "files.h"
#include "lock.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORD 64 /* descriptors of one word of a bit map */

static bool bit_get(const uint64_t *bits, uint32_t at)
{
    return (bits[at / WORD] >> at % WORD & 1) != 0;
}

static void bit_set(uint64_t *bits, uint32_t at, bool value)
{
    uint64_t bit = UINT64_C(1) << at % WORD;
    bits[at / WORD] = value ? bits[at / WORD] | bit : bits[at / WORD] & ~bit;
}

/* A descriptor is taken or free: both levels. */
static void used_set(struct files *files, uint32_t fd, bool used)
{
    bit_set(files->used, fd, used);
    bit_set(files->full, fd / WORD, files->used[fd / WORD] == UINT64_MAX);
}

/* The lowest clear bit from `low` on, of `count`; `count`: none. */
static uint32_t clear_from(const uint64_t *bits, uint32_t low, uint32_t count)
{
    for (uint32_t word = low / WORD; word * WORD < count; word++) {
        uint64_t free = ~bits[word];
        if (word == low / WORD)
            free &= UINT64_MAX << low % WORD;
        if (free != 0)
            return word * WORD + (uint32_t)__builtin_ctzll(free);
    }
    return count;
}

/* May be `room` or above: not there yet. */
static uint32_t free_from(const struct files *files, uint32_t low)
{
    if (low >= files->room)
        return low;
    uint32_t end = (low / WORD + 1) * WORD;
    uint32_t fd = clear_from(files->used, low, end);
    if (fd < end)
        return fd;
    uint32_t word = clear_from(files->full, low / WORD + 1, FILES_LIMIT_MAX / WORD);
    if (word * WORD >= files->room)
        return files->room;
    return clear_from(files->used, word * WORD, (word + 1) * WORD);
}

/* Zeros behind what was there. */
static void *enlarge(void *old, size_t old_size, size_t size)
{
    char *larger = realloc(old, size);
    if (larger != NULL)
        memset(larger + old_size, 0, size - old_size);
    return larger;
}

static bool files_reserve(struct files *files, uint32_t count)
{
    uint32_t room = files->room != 0 ? files->room : WORD, old = files->room;
    while (room < count)
        room *= 2;
    if (room == old)
        return true;
    struct file **file = enlarge(files->file, old * sizeof(*file), room * sizeof(*file));
    if (file == NULL)
        return false;
    files->file = file;
    uint64_t *used = enlarge(files->used, old / 8, room / 8);
    if (used == NULL)
        return false;
    files->used = used;
    uint64_t *on_exec = enlarge(files->on_exec, old / 8, room / 8);
    if (on_exec == NULL)
        return false;
    files->on_exec = on_exec;
    files->room = room;
    return true;
}

struct files *files_make(void)
{
    struct files *files = calloc(1, sizeof(*files));
    if (files == NULL)
        return NULL;
    files->references = 1;
    files->limit = FILES_LIMIT;
    if (!files_reserve(files, WORD)) {
        files_put(files);
        return NULL;
    }
    return files;
}

struct files *files_get(struct files *files)
{
    files->references++;
    return files;
}

void files_put(struct files *files)
{
    if (files == NULL || --files->references != 0)
        return;
    for (int fd = files_next(files, 0); fd >= 0; fd = files_next(files, fd + 1))
        (void)files_close(files, fd);
    free(files->file);
    free(files->used);
    free(files->on_exec);
    free(files);
}

struct files *files_clone(const struct files *files)
{
    struct files *copy = files_make();
    if (copy == NULL || !files_reserve(copy, files->room)) {
        files_put(copy);
        return NULL;
    }
    copy->limit = files->limit;
    for (int fd = files_next(files, 0); fd >= 0; fd = files_next(files, fd + 1)) {
        copy->file[fd] = file_get(files->file[fd]);
        used_set(copy, (uint32_t)fd, true);
    }
    memcpy(copy->on_exec, files->on_exec, files->room / 8);
    return copy;
}

struct file *files_find(struct files *files, int fd)
{
    return fd >= 0 && (uint32_t)fd < files->room ? files->file[fd] : NULL;
}

static void place(struct files *files, uint32_t fd, struct file *file, bool on_exec)
{
    files->file[fd] = file;
    used_set(files, fd, true);
    bit_set(files->on_exec, fd, on_exec);
}

int64_t files_add(struct files *files, struct file *file, uint32_t low, bool on_exec)
{
    uint32_t fd = free_from(files, low);
    if (fd >= files->limit)
        return -EMFILE;
    if (!files_reserve(files, fd + 1))
        return -ENOMEM;
    place(files, fd, file, on_exec);
    return fd;
}

int64_t files_give(struct files *files, struct file *file, bool on_exec)
{
    int64_t result = files_add(files, file, 0, on_exec);
    if (result < 0)
        file_put(file);
    return result;
}

int64_t files_set(struct files *files, struct file *file, int fd, bool on_exec)
{
    if (fd < 0 || (uint32_t)fd >= files->limit)
        return -EBADF;
    if (!files_reserve(files, (uint32_t)fd + 1))
        return -ENOMEM;
    (void)file_get(file); /* before: it may be the one that is closed */
    (void)files_close(files, fd);
    place(files, (uint32_t)fd, file, on_exec);
    return fd;
}

/* As POSIX has it, a process's locks on a file go with the first descriptor that it closes. */
int64_t files_close(struct files *files, int fd)
{
    struct file *file = files_find(files, fd);
    if (file == NULL)
        return -EBADF;
    files->file[fd] = NULL;
    used_set(files, (uint32_t)fd, false);
    bit_set(files->on_exec, (uint32_t)fd, false);
    locks_forget(file->node, files);
    file_put(file);
    return 0;
}

void files_close_on_exec(struct files *files)
{
    for (uint32_t word = 0; word < files->room / WORD; word++) {
        while (files->on_exec[word] != 0)
            (void)files_close(files, (int)(word * WORD) + __builtin_ctzll(files->on_exec[word]));
    }
}

bool files_on_exec(const struct files *files, int fd)
{
    assert(fd >= 0 && (uint32_t)fd < files->room);
    return bit_get(files->on_exec, (uint32_t)fd);
}

void files_set_on_exec(struct files *files, int fd, bool on_exec)
{
    assert(fd >= 0 && (uint32_t)fd < files->room);
    bit_set(files->on_exec, (uint32_t)fd, on_exec);
}

int files_next(const struct files *files, int fd)
{
    uint32_t from = fd < 0 ? 0 : (uint32_t)fd;
    for (uint32_t word = from / WORD; word < files->room / WORD; word++) {
        uint64_t used = files->used[word];
        if (word == from / WORD)
            used &= UINT64_MAX << from % WORD;
        if (used != 0)
            return (int)(word * WORD + (uint32_t)__builtin_ctzll(used));
    }
    return -1;
}

int64_t files_standard(struct files *files, struct file *in, struct file *out, struct file *err)
{
    struct file *const standard[] = {in, out, err};
    for (int fd = 0; fd < 3; fd++) {
        int64_t result = files_set(files, standard[fd], fd, false);
        if (result < 0)
            return result;
    }
    return 0;
}
