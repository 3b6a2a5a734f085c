/*
 * How a native program begins: what it was given, by whoever started it (decision 0020).
 *
 * It starts as the root program does (abi/root.h): its process, first thread and job have the same
 * slots, and word 0 is its message page. There stands the start block, text in lines:
 *
 *     arg TEXT        an argument, in order
 *     cap NAME SLOT   a capability: its handle, as a number
 *
 * rt_begin copies it: the page is overwritten by the first message. The root program itself has the
 * kernel's command line there, which has no such lines.
 */
#ifndef RT_BEGIN_H
#define RT_BEGIN_H

#include "lib/error.h"
#include "lib/print.h"
#include <abi.h>
#include <root.h>

#define RT_SLOT_LOCATOR                                                                            \
    4 /* init's port for this program (protocol locator), if it was given one                      \
       */

#define RT_CAP_NAME 32 /* bytes of a name, its end included */

/* Before anything else, in the first thread. Also the block's text for who wants to read it. */
const char *rt_begin(void);

/* The n-th argument from 0, or NULL. */
const char *rt_arg(unsigned n);

/* A capability by its name; 0: none was given. */
slot_t rt_cap(const char *name);

/* The other side: lines into a block of MESSAGE_PAGE bytes. bad_argument: a name with white space;
 * full. */
struct rt_block {
    struct text text;
    char bytes[MESSAGE_PAGE];
};
void rt_block_begin(struct rt_block *block);
error_t rt_block_arg(struct rt_block *block, const char *text);
error_t rt_block_cap(struct rt_block *block, const char *name, slot_t slot);

#endif
