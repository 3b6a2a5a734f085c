/*
 * Shoot-down of a process's space against switching to it, where TLB entries are kept by tag.
 *
 * CPU 0 and 2 take a page each out of the space, give the space a new version, look who runs in it
 * and call that CPU, then free the page. CPU 1 goes into the space and out of it again; its TLB keeps
 * what it has, and it remembers the version that this stands for.
 *
 *     flush:  tables; new version (the stale mark); full barrier; look at who runs in it
 *     switch: store that we run in it; full barrier; read the version
 *
 * Leaving a barrier out lets the look come first: that is how BUG 1 and 2 are made.
 *
 * What is shown: nobody touches a page that was freed.
 *
 * Model and kernel (arch/x86_64):
 *   enter                 include/arch_space.h: arch_space_switch; space.c: arch_space_switch_tagged
 *   serve                 space.c: flush_local, flush_tagged
 *   flusher               space.c: arch_space_flush, space_call
 * On AArch64 the hardware broadcasts, and there is no protocol.
 *
 * BUG 1  no barrier in the switch
 * BUG 2  no barrier in the flush
 * BUG 3  the range is forgotten without asking whether the version before is what the TLB has
 * BUG 4  a CPU that is told nothing keeps its entries whatever the version says
 */
#ifndef BUG
#define BUG 0
#endif

#define PAGES  2
#define ENTERS 3

bool entry[PAGES] = true;
bool freed[PAGES];
byte version = 1, versions = 1; /* of the space; given out so far */
byte before[PAGES], mine[PAGES];
bool called[PAGES];             /* flusher n waits for CPU 1 */

/* CPU 1. */
bool inside;                    /* cpu->arch.space */
byte has = 0;                   /* tag_version[tag] */
bool tlb[PAGES];

inline forget_all() { tlb[0] = false; tlb[1] = false }

/* A call of flusher n, in user mode or idle. */
inline serve(n)
{
    atomic {
        if
        :: inside && has != version ->
            if
            :: BUG == 3 || (has == before[n] && version == mine[n]) -> tlb[n] = false
            :: else -> forget_all()
            fi;
            has = version
        :: else
        fi;
        called[n] = false
    }
}

inline enter()
{
#if BUG == 1
    seen = version;
    inside = true;
#else
    inside = true;
    seen = version;
#endif
    atomic {
        if
        :: BUG != 4 && has != seen -> has = seen; forget_all()
        :: else
        fi;
        seen = 0
    }
}

active proctype cpu1()
{
    byte seen, enters;
end:
    do
    :: called[0] -> serve(0)
    :: called[1] -> serve(1)
    :: inside && tlb[0] -> assert(!freed[0])
    :: inside && tlb[1] -> assert(!freed[1])
    :: atomic { inside && !tlb[0] && entry[0] -> tlb[0] = true }
    :: atomic { inside && !tlb[1] && entry[1] -> tlb[1] = true }
    :: inside -> inside = false
    :: !inside && enters < ENTERS -> enters++; enter()
    od
}

proctype flusher(byte n)
{
#if BUG == 2
    bool there = inside;
#endif
    entry[n] = false;
    atomic { versions++; mine[n] = versions }
    atomic { before[n] = version; version = mine[n] }
    if
#if BUG == 2
    :: there ->
#else
    :: inside ->
#endif
        called[n] = true;
        !called[n]
    :: else
    fi;
    freed[n] = true
}

init { atomic { run flusher(0); run flusher(1) } }
