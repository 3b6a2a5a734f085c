/* Tar archives (rt/tar.h). */
#include "rt/tar.h"
#include "lib/string.h"

#define BLOCK 512

struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == BLOCK, "a header is a block");

/* What extended headers said of the member that follows. */
struct tar_extended {
    bool has_name, has_link, has_size;
    uint64_t size;
};

void rt_tar_open(struct rt_tar *tar, const void *base, uint64_t size)
{
    *tar = (struct rt_tar){.base = base, .size = size};
}

static bool fail(struct rt_tar *tar, error_t error)
{
    tar->error = error;
    return false;
}

/* An octal number, or GNU's binary one (first byte 0x80). */
static bool number_read(const char *field, size_t size, uint64_t *value)
{
    uint64_t n = 0;
    if ((field[0] & 0x80) != 0) {
        for (size_t i = 1; i < size; i++) {
            if (n >> 56 != 0)
                return false;
            n = n << 8 | (uint8_t)field[i];
        }
        *value = n;
        return (uint8_t)field[0] == 0x80;
    }
    size_t i = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        n = n << 3 | (uint64_t)(field[i] - '0'); /* 12 digits at most: 36 bits */
    *value = n;
    return i == size || field[i] == 0 || field[i] == ' ';
}

/* The sum of all bytes, those of the sum itself taken for spaces. */
static bool sum_fits(const struct tar_header *header)
{
    uint64_t sum = 0, said;
    for (size_t i = 0; i < BLOCK; i++) {
        bool own = i >= offsetof(struct tar_header, sum) && i < offsetof(struct tar_header, type);
        sum += own ? ' ' : ((const uint8_t *)header)[i];
    }
    return number_read(header->sum, sizeof(header->sum), &said) && sum == said;
}

static bool is_zero(const struct tar_header *header)
{
    const uint8_t *bytes = (const uint8_t *)header;
    for (size_t i = 0; i < BLOCK; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Appends at most `size` bytes of a field that may not be ended. */
static bool append(char *to, const char *field, size_t size)
{
    size_t length = strlen(to), more = string_length(field, size);
    if (length + more >= TAR_NAME_MAX)
        return false;
    memcpy(to + length, field, more);
    to[length + more] = 0;
    return true;
}

static bool name_make(struct rt_tar *tar, const struct tar_header *header)
{
    tar->name[0] = 0;
    bool ustar = memcmp(header->magic, "ustar", 6) == 0;
    if (ustar && header->prefix[0] != 0 &&
        !(append(tar->name, header->prefix, sizeof(header->prefix)) && append(tar->name, "/", 1)))
        return false;
    return append(tar->name, header->name, sizeof(header->name));
}

/* A long name of GNU's: the data of a member of type L or K. */
static bool long_take(char *to, bool *has, const uint8_t *data, uint64_t size)
{
    to[0] = 0;
    *has = true;
    return append(to, (const char *)data, size);
}

static bool record_take(struct rt_tar *tar, struct tar_extended *extended, const char *key,
                        size_t key_size, const char *value, size_t size)
{
    if (key_size == 4 && memcmp(key, "path", 4) == 0)
        return long_take(tar->name, &extended->has_name, (const uint8_t *)value, size);
    if (key_size == 8 && memcmp(key, "linkpath", 8) == 0)
        return long_take(tar->link, &extended->has_link, (const uint8_t *)value, size);
    if (key_size != 4 || memcmp(key, "size", 4) != 0)
        return true;
    extended->size = 0;
    extended->has_size = true;
    for (size_t i = 0; i < size; i++) {
        if (value[i] < '0' || value[i] > '9' || extended->size > UINT64_MAX / 16)
            return false;
        extended->size = extended->size * 10 + (uint64_t)(value[i] - '0');
    }
    return true;
}

/* Records "LENGTH KEY=VALUE\n" of a pax header. */
static bool pax_take(struct rt_tar *tar, struct tar_extended *extended, const char *data,
                     uint64_t size)
{
    for (uint64_t at = 0; at < size;) {
        uint64_t length = 0, i = at;
        for (; i < size && data[i] >= '0' && data[i] <= '9' && length < size; i++)
            length = length * 10 + (uint64_t)(data[i] - '0');
        uint64_t end = at + length;
        if (i == size || data[i] != ' ' || length > size - at || end <= i + 1 ||
            data[end - 1] != '\n')
            return false;
        const char *key = data + i + 1;
        uint64_t k = 0, rest = end - 1 - (i + 1);
        while (k < rest && key[k] != '=')
            k++;
        if (k == rest || !record_take(tar, extended, key, k, key + k + 1, rest - k - 1))
            return false;
        at = end;
    }
    return true;
}

/* False: no member that describes the next one. */
static bool extended_take(struct rt_tar *tar, struct tar_extended *extended, char type,
                          const uint8_t *data, uint64_t size, bool *fine)
{
    switch (type) {
    case 'L':
        *fine = long_take(tar->name, &extended->has_name, data, size);
        return true;
    case 'K':
        *fine = long_take(tar->link, &extended->has_link, data, size);
        return true;
    case 'x':
        *fine = pax_take(tar, extended, (const char *)data, size);
        return true;
    case 'g':
        return true;
    default:
        return false;
    }
}

static bool numbers_take(struct rt_tar *tar, const struct tar_header *header)
{
    uint64_t mode = 0, uid = 0, gid = 0, major = 0, minor = 0;
    bool device = header->type == TAR_CHARACTER || header->type == TAR_BLOCK;
    bool fine = number_read(header->mode, sizeof(header->mode), &mode) &&
                number_read(header->uid, sizeof(header->uid), &uid) &&
                number_read(header->gid, sizeof(header->gid), &gid) &&
                number_read(header->mtime, sizeof(header->mtime), &tar->mtime);
    if (fine && device)
        fine = number_read(header->major, sizeof(header->major), &major) &&
               number_read(header->minor, sizeof(header->minor), &minor);
    tar->mode = (uint32_t)mode & 07777;
    tar->uid = (uint32_t)uid;
    tar->gid = (uint32_t)gid;
    tar->major = (uint32_t)major;
    tar->minor = (uint32_t)minor;
    return fine;
}

static bool member_take(struct rt_tar *tar, const struct tar_header *header,
                        const struct tar_extended *extended)
{
    tar->type = header->type == 0 || header->type == '7' ? TAR_FILE : (enum tar_type)header->type;
    if (!extended->has_link) {
        tar->link[0] = 0;
        if (!append(tar->link, header->link, sizeof(header->link)))
            return fail(tar, ERR_full);
    }
    if (!extended->has_name && !name_make(tar, header))
        return fail(tar, ERR_full);
    return numbers_take(tar, header) ? true : fail(tar, ERR_malformed);
}

/* The header at `at`, checked; NULL: the end or an error. */
static const struct tar_header *header_read(struct rt_tar *tar)
{
    tar->error = OK;
    if (tar->at == tar->size)
        return NULL;
    const struct tar_header *header = (const void *)(tar->base + tar->at);
    if (tar->size - tar->at < BLOCK) {
        tar->error = ERR_truncated;
        return NULL;
    }
    if (is_zero(header))
        return NULL;
    if (!sum_fits(header)) {
        tar->error = ERR_bad_checksum;
        return NULL;
    }
    return header;
}

bool rt_tar_next(struct rt_tar *tar)
{
    struct tar_extended extended = {0};
    for (const struct tar_header *header; (header = header_read(tar)) != NULL;) {
        uint64_t size, rest = tar->size - tar->at - BLOCK;
        if (!number_read(header->size, sizeof(header->size), &size))
            return fail(tar, ERR_malformed);
        bool special = header->type == 'x' || header->type == 'g' || header->type == 'L' ||
                       header->type == 'K';
        if (extended.has_size && !special)
            size = extended.size;
        if (header->type >= TAR_LINK && header->type <= TAR_FIFO)
            size = 0; /* they have no data, whatever is said */
        if (size > rest)
            return fail(tar, ERR_truncated);
        tar->offset = tar->at + BLOCK;
        tar->data = tar->base + tar->offset;
        tar->data_size = size;
        uint64_t step = BLOCK + align_up(size, BLOCK);
        tar->at = step <= tar->size - tar->at ? tar->at + step : tar->size;
        bool fine = true;
        if (!extended_take(tar, &extended, header->type, tar->data, size, &fine))
            return member_take(tar, header, &extended);
        if (!fine)
            return fail(tar, ERR_malformed);
    }
    return false;
}

error_t rt_tar_find(struct rt_tar *tar, const char *name)
{
    rt_tar_open(tar, tar->base, tar->size);
    while (rt_tar_next(tar))
        if (tar->type == TAR_FILE && strcmp(tar->name, name) == 0)
            return OK;
    return tar->error != OK ? tar->error : ERR_not_found;
}
