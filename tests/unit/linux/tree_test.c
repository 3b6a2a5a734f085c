/* Names, paths and what is known of files. */
#include "fake.h"
#include "folder.h"
#include "tmpfs.h"
#include "tree.h"
#include <dirent.h>
#include <stdio.h>

static int64_t make_file(struct program *p, const char *path)
{
    int64_t fd = DO(p, open, P(fake_text(path)), O_CREAT | O_RDWR, 0644);
    return fd < 0 ? fd : DO(p, close, (uint64_t)fd);
}

static int64_t make_folder(struct program *p, const char *path)
{
    return DO(p, mkdir, P(fake_text(path)), 0755);
}

static int64_t make_link(struct program *p, const char *text, const char *path)
{
    return DO(p, symlink, P(fake_text(text)), P(fake_text(path)));
}

static int64_t stat_of(struct program *p, const char *path, struct stat *told)
{
    struct stat *at = fake_memory(sizeof(*at));
    int64_t result = DO(p, stat, P(fake_text(path)), P(at));
    *told = *at;
    return result;
}

static int64_t exists(struct program *p, const char *path)
{
    return DO(p, access, P(fake_text(path)), 0);
}

static int64_t move(struct program *p, const char *from, const char *to)
{
    return DO(p, rename, P(fake_text(from)), P(fake_text(to)));
}

TEST(linux_path_walks)
{
    struct program *p = fake_start();
    EXPECT(make_folder(p, "/a") == 0 && make_folder(p, "/a/b") == 0);
    EXPECT(make_file(p, "/a/b/f") == 0);
    EXPECT(exists(p, "/a/b/f") == 0 && exists(p, "//a//b///f") == 0);
    EXPECT(exists(p, "/a/./b/../b/f") == 0 && exists(p, "/../../a/b/f") == 0);
    EXPECT(exists(p, "/a/b/f/") == -ENOTDIR && exists(p, "/a/b/f/.") == -ENOTDIR);
    EXPECT(exists(p, "/a/b/") == 0 && exists(p, "/a/x/f") == -ENOENT && exists(p, "") == -ENOENT);
    EXPECT(DO(p, access, 1, 0) == -EFAULT);
    EXPECT(DO(p, chdir, P(fake_text("/a/b"))) == 0);
    EXPECT(exists(p, "f") == 0 && exists(p, "./f") == 0 && exists(p, "../b/f") == 0);
    EXPECT(exists(p, "../../a/b/f") == 0 && exists(p, ".") == 0 && exists(p, "..") == 0);
    EXPECT(make_folder(p, "/a/b/") == -EEXIST && make_folder(p, "/") == -EEXIST);
    EXPECT(make_folder(p, "new/") == 0 && exists(p, "new") == 0);
    EXPECT(make_file(p, "other/") == -EISDIR);
    char name[NAME_SIZE_MAX + 2];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    EXPECT(make_file(p, name) == -ENAMETOOLONG);
    name[NAME_SIZE_MAX] = 0;
    EXPECT(make_file(p, name) == 0 && exists(p, name) == 0);
    char *path = fake_memory(PATH_SIZE + 10);
    memset(path, '/', PATH_SIZE + 9);
    EXPECT(DO(p, access, P(path), 0) == -ENAMETOOLONG);
    path[PATH_SIZE - 1] = 0;
    EXPECT(DO(p, access, P(path), 0) == 0);
}

TEST(linux_path_symlinks)
{
    struct program *p = fake_start();
    EXPECT(make_folder(p, "/d") == 0 && make_file(p, "/d/f") == 0);
    EXPECT(make_link(p, "d", "/l") == 0 && make_link(p, "/d/f", "/abs") == 0);
    EXPECT(make_link(p, "../d/./f", "/d/rel") == 0 && make_link(p, "d/", "/slash") == 0);
    EXPECT(exists(p, "/l/f") == 0 && exists(p, "/abs") == 0 && exists(p, "/d/rel") == 0);
    EXPECT(exists(p, "/slash/f") == 0 && exists(p, "/slash") == 0);
    EXPECT(make_link(p, "loop2", "/loop1") == 0 && make_link(p, "loop1", "/loop2") == 0);
    EXPECT(exists(p, "/loop1") == -ELOOP && exists(p, "/loop1/x") == -ELOOP);
    EXPECT(make_link(p, "missing", "/dangling") == 0 && exists(p, "/dangling") == -ENOENT);
    struct stat *told = fake_memory(sizeof(*told));
    EXPECT(DO(p, lstat, P(fake_text("/dangling")), P(told)) == 0 && S_ISLNK(told->st_mode));
    EXPECT(told->st_size == 7);
    EXPECT(DO(p, lstat, P(fake_text("/l/")), P(told)) == 0 && S_ISDIR(told->st_mode));
    /* A new file through a link that leads nowhere. */
    EXPECT(make_file(p, "/dangling") == 0 && exists(p, "/missing") == 0);
    EXPECT(DO(p, open, P(fake_text("/dangling")), O_CREAT | O_EXCL | O_RDWR, 0644) == -EEXIST);
    EXPECT(DO(p, open, P(fake_text("/l")), O_NOFOLLOW, 0) == -ELOOP);
    char *text = fake_memory(16);
    EXPECT(DO(p, readlink, P(fake_text("/abs")), P(text), 16) == 4 && memcmp(text, "/d/f", 4) == 0);
    EXPECT(DO(p, readlink, P(fake_text("/abs")), P(text), 2) == 2);
    EXPECT(DO(p, readlink, P(fake_text("/d/f")), P(text), 16) == -EINVAL);
    EXPECT(DO(p, readlink, P(fake_text("/abs")), P(text), 0) == -EINVAL);
    EXPECT(make_link(p, "", "/empty") == -ENOENT);
    /* Forty links are walked, one more is not. */
    EXPECT(make_file(p, "/n0") == 0);
    for (unsigned i = 1; i <= 41; i++) {
        char from[16], to[16];
        snprintf(to, sizeof(to), "/n%u", i);
        snprintf(from, sizeof(from), "n%u", i - 1);
        EXPECT(make_link(p, from, to) == 0);
    }
    EXPECT(exists(p, "/n40") == 0 && exists(p, "/n41") == -ELOOP);
}

TEST(linux_path_openat)
{
    struct program *p = fake_start();
    EXPECT(make_folder(p, "/a") == 0 && make_file(p, "/a/f") == 0);
    int64_t fd = DO(p, open, P(fake_text("/a")), O_DIRECTORY, 0);
    EXPECT(fd == 0);
    EXPECT(DO(p, openat, 0, P(fake_text("f")), O_RDONLY, 0) == 1);
    EXPECT(DO(p, openat, 1, P(fake_text("f")), O_RDONLY, 0) == -ENOTDIR);
    EXPECT(DO(p, openat, 77, P(fake_text("f")), O_RDONLY, 0) == -EBADF);
    EXPECT(DO(p, openat, 77, P(fake_text("/a/f")), O_RDONLY, 0) == 2);
    struct stat *told = fake_memory(sizeof(*told));
    EXPECT(DO(p, newfstatat, 1, P(fake_text("")), P(told), AT_EMPTY_PATH) == 0);
    EXPECT(S_ISREG(told->st_mode));
    EXPECT(DO(p, newfstatat, 1, P(fake_text("")), P(told), 0) == -ENOENT);
    uint64_t *how = fake_memory(24);
    how[0] = O_RDONLY, how[1] = 0, how[2] = 8; /* beneath */
    EXPECT(DO(p, openat2, 0, P(fake_text("f")), P(how), 24) == 3);
    EXPECT(DO(p, openat2, 0, P(fake_text("../a/f")), P(how), 24) == -EXDEV);
    EXPECT(DO(p, openat2, 0, P(fake_text("/a/f")), P(how), 24) == -EXDEV);
    EXPECT(DO(p, open, P(fake_text("/a")), O_WRONLY, 0) == -EISDIR);
    EXPECT(DO(p, open, P(fake_text("/a/f")), O_DIRECTORY, 0) == -ENOTDIR);
    /* A name that is only one: neither read nor written. */
    int64_t path = DO(p, open, P(fake_text("/a/f")), O_PATH, 0);
    EXPECT(path == 4 && DO(p, read, 4, P(told), 1) == -EBADF);
    EXPECT(DO(p, fstat, 4, P(told)) == 0);
}

TEST(linux_path_permissions)
{
    struct program *root = fake_start();
    EXPECT(make_folder(root, "/private") == 0 && make_file(root, "/private/f") == 0);
    EXPECT(DO(root, chmod, P(fake_text("/private")), 0700) == 0);
    EXPECT(make_file(root, "/open") == 0 && DO(root, chmod, P(fake_text("/open")), 0604) == 0);
    struct program *p = fake_program(1000);
    EXPECT(exists(p, "/private/f") == -EACCES && make_file(p, "/new") == -EACCES);
    EXPECT(DO(p, open, P(fake_text("/open")), O_RDONLY, 0) == 0);
    EXPECT(DO(p, open, P(fake_text("/open")), O_RDWR, 0) == -EACCES);
    EXPECT(DO(p, chmod, P(fake_text("/open")), 0777) == -EPERM);
    EXPECT(DO(p, truncate, P(fake_text("/open")), 0) == -EACCES);
    EXPECT(make_file(p, "/tmp/mine") == 0);
    struct stat told;
    EXPECT(stat_of(p, "/tmp/mine", &told) == 0 && told.st_uid == 1000 && told.st_mode == 0100644);
    struct program *other = fake_program(1001);
    /* Sticky: what is another's stays. */
    EXPECT(DO(other, unlink, P(fake_text("/tmp/mine"))) == -EPERM);
    EXPECT(move(other, "/tmp/mine", "/tmp/yours") == -EPERM);
    EXPECT(DO(p, unlink, P(fake_text("/tmp/mine"))) == 0);
    EXPECT(DO(p, chroot, P(fake_text("/tmp"))) == -EPERM);
    EXPECT(DO(p, umask, 077) == 022 && make_file(p, "/tmp/masked") == 0);
    EXPECT(stat_of(p, "/tmp/masked", &told) == 0 && (told.st_mode & 0777) == 0600);
    EXPECT(DO(p, chown, P(fake_text("/tmp/masked")), 0, 0) == -EPERM);
    EXPECT(DO(root, chown, P(fake_text("/tmp/masked")), 7, UINT32_MAX) == 0);
    EXPECT(stat_of(root, "/tmp/masked", &told) == 0 && told.st_uid == 7 && told.st_gid == 1000);
}

TEST(linux_rename_corners)
{
    struct program *p = fake_start();
    struct stat told, other;
    EXPECT(make_folder(p, "/a") == 0 && make_folder(p, "/a/b") == 0 && make_folder(p, "/c") == 0);
    EXPECT(make_file(p, "/f") == 0 && make_file(p, "/g") == 0);
    EXPECT(move(p, "/a", "/a/b/x") == -EINVAL && move(p, "/a", "/a/b") == -EINVAL);
    EXPECT(move(p, "/a/b", "/a") == -ENOTEMPTY && move(p, "/f", "/a") == -EISDIR);
    EXPECT(move(p, "/a", "/f") == -ENOTDIR && move(p, "/f", "/new/") == -ENOTDIR);
    EXPECT(move(p, "/none", "/f") == -ENOENT && move(p, "/", "/x") == -EBUSY);
    EXPECT(move(p, "/a/.", "/x") == -EBUSY && move(p, "/f", "/a/..") == -EBUSY);
    EXPECT(stat_of(p, "/f", &told) == 0 && move(p, "/f", "/g") == 0);
    EXPECT(stat_of(p, "/g", &other) == 0 && other.st_ino == told.st_ino);
    EXPECT(exists(p, "/f") == -ENOENT && other.st_nlink == 1);
    EXPECT(move(p, "/a", "/c") == 0); /* onto an empty folder */
    EXPECT(exists(p, "/c/b") == 0 && exists(p, "/a") == -ENOENT);
    EXPECT(move(p, "/c", "/d/") == 0 && exists(p, "/d/b") == 0);
    EXPECT(DO(p, link, P(fake_text("/g")), P(fake_text("/h"))) == 0);
    EXPECT(move(p, "/g", "/h") == 0 && exists(p, "/g") == 0 && exists(p, "/h") == 0);
    EXPECT(move(p, "/g", "/g") == 0);
    EXPECT(make_folder(p, "/e") == 0 && move(p, "/d/b", "/e/b") == 0);
    EXPECT(stat_of(p, "/e/b/..", &told) == 0 && stat_of(p, "/e", &other) == 0);
    EXPECT(told.st_ino == other.st_ino && other.st_nlink == 3);
    EXPECT(stat_of(p, "/d", &told) == 0 && told.st_nlink == 2);
    const uint64_t at = (uint64_t)AT_FDCWD;
    EXPECT(DO(p, renameat2, at, P(fake_text("/g")), at, P(fake_text("/e")), 1) == -EEXIST);
    EXPECT(DO(p, renameat2, at, P(fake_text("/g")), at, P(fake_text("/e/b")), 2) == 0);
    EXPECT(stat_of(p, "/g", &told) == 0 && S_ISDIR(told.st_mode));
    EXPECT(stat_of(p, "/e/b", &told) == 0 && S_ISREG(told.st_mode));
    EXPECT(stat_of(p, "/g/..", &told) == 0 && stat_of(p, "/", &other) == 0);
    EXPECT(told.st_ino == other.st_ino);
    EXPECT(DO(p, renameat2, at, P(fake_text("/e")), at, P(fake_text("/none")), 2) == -ENOENT);
}

TEST(linux_names_go)
{
    struct program *p = fake_start();
    struct stat told;
    EXPECT(make_folder(p, "/a") == 0 && make_file(p, "/a/f") == 0);
    EXPECT(DO(p, rmdir, P(fake_text("/a"))) == -ENOTEMPTY);
    EXPECT(DO(p, rmdir, P(fake_text("/a/f"))) == -ENOTDIR);
    EXPECT(DO(p, unlink, P(fake_text("/a"))) == -EISDIR);
    EXPECT(DO(p, rmdir, P(fake_text("/a/."))) == -EINVAL);
    EXPECT(DO(p, rmdir, P(fake_text("/"))) == -EBUSY);
    EXPECT(DO(p, link, P(fake_text("/a")), P(fake_text("/l"))) == -EPERM);
    EXPECT(DO(p, link, P(fake_text("/a/f")), P(fake_text("/a/g"))) == 0);
    EXPECT(stat_of(p, "/a/g", &told) == 0 && told.st_nlink == 2);
    EXPECT(DO(p, open, P(fake_text("/a/f")), O_RDWR, 0) == 0);
    EXPECT(DO(p, unlink, P(fake_text("/a/f"))) == 0 && DO(p, unlink, P(fake_text("/a/g"))) == 0);
    EXPECT(DO(p, write, 0, P(fake_text("still")), 5) == 5);
    EXPECT(DO(p, close, 0) == 0 && fake_objects == 0);
    EXPECT(DO(p, chdir, P(fake_text("/a"))) == 0 && DO(p, rmdir, P(fake_text("/a"))) == 0);
    char *text = fake_memory(100);
    EXPECT(DO(p, getcwd, P(text), 100) == -ENOENT);
    EXPECT(make_file(p, "new") == -ENOENT && exists(p, "..") == 0);
    EXPECT(DO(p, chdir, P(fake_text(".."))) == 0 && DO(p, getcwd, P(text), 100) == 2);
}

TEST(linux_cwd_and_root)
{
    struct program *p = fake_start();
    char *text = fake_memory(100);
    EXPECT(make_folder(p, "/a") == 0 && make_folder(p, "/a/b") == 0);
    EXPECT(DO(p, chdir, P(fake_text("/a/b"))) == 0 && DO(p, getcwd, P(text), 100) == 5);
    EXPECT(strcmp(text, "/a/b") == 0 && DO(p, getcwd, P(text), 4) == -ERANGE);
    EXPECT(move(p, "/a", "/z") == 0 && DO(p, getcwd, P(text), 100) == 5);
    EXPECT(strcmp(text, "/z/b") == 0);
    EXPECT(DO(p, chroot, P(fake_text("/z"))) == 0 && DO(p, getcwd, P(text), 100) == 3);
    EXPECT(strcmp(text, "/b") == 0 && exists(p, "/z") == -ENOENT && exists(p, "/../b") == 0);
    EXPECT(DO(p, fchdir, 9) == -EBADF);
}

/* A deep tree is made, walked and let go without recursion. */
TEST(linux_tree_deep)
{
    struct program *p = fake_start();
    const char *const name = fake_text("d");
    EXPECT(DO(p, chdir, P(fake_text("/tmp"))) == 0);
    for (unsigned i = 0; i < 20000; i++) {
        REQUIRE(DO(p, mkdir, P(name), 0755) == 0);
        REQUIRE(DO(p, chdir, P(name)) == 0);
    }
    char *text = fake_memory(100);
    EXPECT(DO(p, getcwd, P(text), 100) == -ENAMETOOLONG);
    const char *const up = fake_text("..");
    for (unsigned i = 0; i < 20000; i++) {
        REQUIRE(DO(p, chdir, P(up)) == 0);
        REQUIRE(DO(p, rmdir, P(name)) == 0);
    }
    EXPECT(DO(p, getcwd, P(text), 100) == 5);
}

/* Lists all of a folder in pieces of `room` bytes; what is seen is counted by its number. */
static unsigned list_all(struct program *p, uint64_t room, unsigned *seen, unsigned count)
{
    uint8_t *buffer = fake_memory(room);
    unsigned total = 0;
    int64_t fd = DO(p, open, P(fake_text("/many")), O_RDONLY, 0), size;
    while ((size = DO(p, getdents64, (uint64_t)fd, P(buffer), room)) > 0) {
        for (int64_t at = 0; at < size; total++) {
            struct dirent64 *entry = (void *)(buffer + at);
            unsigned number;
            at += entry->d_reclen;
            if (sscanf(entry->d_name, "n%u", &number) == 1 && number < count)
                seen[number]++;
        }
    }
    EXPECT(size == 0);
    EXPECT(DO(p, close, (uint64_t)fd) == 0);
    return total;
}

TEST(linux_folder_lists)
{
    enum { COUNT = 2000 };
    struct program *p = fake_start();
    static unsigned seen[COUNT], left[COUNT];
    char *path = fake_memory(32);
    EXPECT(make_folder(p, "/many") == 0);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(path, 32, "/many/n%u", i);
        REQUIRE(DO(p, mknod, P(path), S_IFREG | 0644, 0) == 0);
    }
    EXPECT(list_all(p, 700, seen, COUNT) == COUNT + 2);
    for (unsigned i = 0; i < COUNT; i++)
        EXPECT(seen[i] == 1);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(path, 32, "/many/n%u", i);
        if (i % 7 != 0)
            REQUIRE(DO(p, unlink, P(path)) == 0);
    }
    EXPECT(list_all(p, 4096, left, COUNT) == (COUNT + 6) / 7 + 2);
    for (unsigned i = 0; i < COUNT; i++)
        EXPECT(left[i] == (i % 7 == 0));
    int64_t fd = DO(p, open, P(fake_text("/many")), O_RDONLY, 0);
    EXPECT(DO(p, getdents64, (uint64_t)fd, P(path), 10) == -EINVAL);
    EXPECT(DO(p, getdents64, (uint64_t)fd, 8, 4096) == -EFAULT);
    EXPECT(DO(p, getdents64, (uint64_t)fd, P(path), 32) == 24);
    EXPECT(DO(p, lseek, (uint64_t)fd, 0, 0) == 0);
    EXPECT(DO(p, getdents, (uint64_t)fd, P(path), 32) == 24 && path[23] == DT_DIR);
}
