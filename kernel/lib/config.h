/*
 * What a build chooses. The values are constants, tested by plain `if`, so that every line of
 * the kernel is compiled in every build.
 */
#pragma once

#define TERN_VERSION "0.1.0"

#ifdef TERN_DEBUG
#define CONFIG_DEBUG 1 /* lock-order checks, poison, red zones, debug_assert */
#else
#define CONFIG_DEBUG 0
#endif

#define CONFIG_CPU_MAX    512 /* CPUs that the tables have room for */
#define CONFIG_NODE_MAX   64  /* NUMA nodes */
#define CONFIG_RANGE_MAX  256 /* ranges in the boot memory map */
#define CONFIG_MODULE_MAX 16  /* boot modules */
