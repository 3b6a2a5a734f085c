/*
 * Self test: what user mode's page table shows of the kernel's half, on a CPU on which it runs on
 * one of its own (arch/space.h): the pages of entry code and no other.
 */
#include "arch/space.h"
#include "mem/frame.h"
#include "mem/image.h"
#include "mem/space.h"
#include "selftest/selftest.h"

#define HALF_LOW  ARCH_DIRECT_BASE
#define HALF_HIGH (ARCH_KERNEL_BASE + GIB)

static bool half_bare(phys_t root)
{
    const struct ptab ptab = {.root = root};
    uint32_t shown = 0;
    int level;
    const pte_t *leaf;
    uintptr_t va = HALF_LOW;
    while ((leaf = ptab_next(&ptab, &va, HALF_HIGH, &level)) != NULL) {
        if (!SELF_EXPECT(level == 0 && arch_user_shows(va)) ||
            !SELF_EXPECT((arch_pte_flags(*leaf) & (MAP_USER | MAP_GLOBAL)) == 0))
            return false;
        va += PAGE_SIZE;
        shown++;
    }
    return SELF_EXPECT(shown > 0) && SELF_EXPECT(ptab_find(&ptab, HALF_HIGH, &level) == NULL);
}

/* Of a new space; it is that of no CPU. */
static bool isolation(void)
{
    static struct space space;
    phys_t root;
    if (!arch_isolated())
        return true;
    if (!SELF_EXPECT(frame_alloc(0, 0, FRAME_ZERO, &root) == OK))
        return false;
    arch_space_init(&space.arch, root);
    bool passed = half_bare(arch_user_root(&space.arch));
    passed &= SELF_EXPECT(!arch_user_shows((uintptr_t)__data_start));
    passed &= SELF_EXPECT(!arch_user_shows((uintptr_t)cpu_self()));
    arch_space_end(&space.arch);
    frame_free(root, 0);
    return passed;
}

SELF_TEST(isolation, isolation)
