/* The tree that an archive makes. */
#include "fake.h"
#include "tmpfs.h"
#include "tree.h"
#include <stdio.h>

#define BLOCK 512

static uint8_t archive[64 * KIB] __attribute__((aligned(4096)));
static uint64_t used;

static void octal(uint8_t *at, unsigned digits, uint64_t value)
{
    for (unsigned i = digits; i-- != 0; value >>= 3)
        at[i] = (uint8_t)('0' + (value & 7));
}

/* A member as POSIX's ustar has it. */
static void member(const char *name, char type, uint32_t mode, const char *link, const char *data)
{
    uint8_t *header = archive + used;
    uint64_t size = strlen(data), sum = 0;
    memset(header, 0, BLOCK);
    memcpy(header, name, strlen(name));
    octal(header + 100, 7, mode);
    octal(header + 108, 7, 3);
    octal(header + 116, 7, 4);
    octal(header + 124, 11, size);
    octal(header + 136, 11, 1000000000);
    memset(header + 148, ' ', 8);
    header[156] = (uint8_t)type;
    memcpy(header + 157, link, strlen(link));
    memcpy(header + 257, "ustar\00000", 8);
    octal(header + 329, 7, 1);
    octal(header + 337, 7, 7);
    for (unsigned i = 0; i < BLOCK; i++)
        sum += header[i];
    octal(header + 148, 6, sum);
    header[154] = 0;
    memcpy(header + BLOCK, data, size);
    used += BLOCK + align_up(size, BLOCK);
}

static bool reads(struct program *p, const char *path, const char *text)
{
    char *buffer = fake_memory(100);
    int64_t fd = DO(p, open, P(fake_text(path)), O_RDONLY, 0);
    int64_t got = fd >= 0 ? DO(p, read, (uint64_t)fd, P(buffer), 100) : fd;
    EXPECT(fd < 0 || DO(p, close, (uint64_t)fd) == 0);
    return got == (int64_t)strlen(text) && memcmp(buffer, text, strlen(text)) == 0;
}

static void archive_make(void)
{
    member("tern/init.conf", '0', 0644, "", "not a program's");
    member("root/", '5', 0755, "", "");
    member("root/bin/", '5', 0750, "", "");
    member("root/bin/sh", '0', 04755, "", "a program");
    member("root/bin/ls", '1', 0755, "root/bin/sh", "");
    member("root/lib", '2', 0777, "usr/lib", "");
    member("root/usr/lib/deep/er/file", '0', 0600, "", "deep");
    member("root/./dev/null2", '3', 0666, "", "");
    member("root/empty", '0', 0644, "", "");
    member("root/bin/sh", '0', 0755, "", "a newer one");
    memset(archive + used, 0, 2 * BLOCK);
}

TEST(linux_tree_of_an_archive)
{
    archive_make();
    REQUIRE(tree_start((slot_t){77}, archive, used + (uint64_t)2 * BLOCK) == 0);
    struct program *p = fake_start();
    struct stat *told = fake_memory(sizeof(*told));
    EXPECT(reads(p, "/bin/sh", "a newer one") && reads(p, "/bin/ls", "a program"));
    EXPECT(reads(p, "/lib/deep/er/file", "deep") && reads(p, "/empty", ""));
    EXPECT(DO(p, access, P(fake_text("/init.conf")), 0) == -ENOENT);
    EXPECT(DO(p, access, P(fake_text("/tern")), 0) == -ENOENT);
    EXPECT(DO(p, stat, P(fake_text("/bin/ls")), P(told)) == 0 &&
           told->st_mode == (S_IFREG | 04755));
    EXPECT(told->st_uid == 3 && told->st_gid == 4 && told->st_mtim.tv_sec == 1000000000);
    EXPECT(told->st_nlink == 1); /* its other name was replaced */
    EXPECT(DO(p, stat, P(fake_text("/bin")), P(told)) == 0 && told->st_mode == (S_IFDIR | 0750));
    EXPECT(DO(p, stat, P(fake_text("/dev/null2")), P(told)) == 0 && S_ISCHR(told->st_mode));
    EXPECT(told->st_rdev == 0x107);
    /* What is written is the file's alone, and the archive stays as it was. */
    uint64_t fd = (uint64_t)DO(p, open, P(fake_text("/bin/ls")), O_RDWR, 0);
    EXPECT(DO(p, pwrite64, fd, P(fake_text("THE")), 3, 0) == 3);
    EXPECT(reads(p, "/bin/ls", "THErogram") && DO(p, ftruncate, fd, 20) == 0);
    EXPECT(DO(p, pread64, fd, P(told), 100, 9) == 11 && *(uint8_t *)told == 0);
    fd = (uint64_t)DO(p, open, P(fake_text("/bin/sh")), O_RDWR | O_TRUNC, 0);
    EXPECT(reads(p, "/bin/sh", "") && DO(p, write, fd, P(fake_text("x")), 1) == 1);
    EXPECT(reads(p, "/bin/sh", "x"));
    const void *base;
    uint64_t size;
    struct node *node;
    REQUIRE(path_open_program(&p->task, "/bin/ls", &node) == 0);
    EXPECT(node_content(node, &base, &size) == 0 && size == 20 && memcmp(base, "THE", 3) == 0);
    node_put(node);
    EXPECT(path_open_program(&p->task, "/empty", &node) == -EACCES);
    EXPECT(path_open_program(&p->task, "/bin", &node) == -EACCES);
    EXPECT(path_open_program(&p->task, "/none", &node) == -ENOENT);
}

TEST(linux_tree_of_no_archive)
{
    archive_make();
    archive[3 * BLOCK] ^= 1; /* a header's sum is wrong */
    EXPECT(tree_start((slot_t){77}, archive, used + (uint64_t)2 * BLOCK) == -EINVAL);
    archive_make();
    EXPECT(tree_start((slot_t){77}, archive, 3 * BLOCK + 100) == -EINVAL);
}
