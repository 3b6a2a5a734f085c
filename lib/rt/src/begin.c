/* The start block, read and written (rt/begin.h). */
#include "rt/begin.h"
#include "lib/string.h"
#include "sys/thread.h"

/* The block with each line ended by 0. */
static char block[MESSAGE_PAGE + 1];

const char *rt_begin(void)
{
    memcpy(block, sys_page, MESSAGE_PAGE);
    for (char *at = strchr(block, '\n'); at != NULL; at = strchr(at + 1, '\n'))
        *at = 0;
    return block;
}

/* The rest of the next line from *at on that begins with `word` and a space; *at is moved behind.
 */
static const char *line_next(const char **at, const char *word)
{
    size_t length = strlen(word);
    while (**at != 0) {
        const char *line = *at;
        *at += strlen(line) + 1;
        if (strncmp(line, word, length) == 0 && line[length] == ' ')
            return line + length + 1;
    }
    return NULL;
}

const char *rt_arg(unsigned n)
{
    const char *at = block, *found = line_next(&at, "arg");
    while (n-- > 0 && found != NULL)
        found = line_next(&at, "arg");
    return found;
}

slot_t rt_cap(const char *name)
{
    size_t length = strlen(name);
    const char *at = block;
    for (const char *line; (line = line_next(&at, "cap")) != NULL;) {
        uint64_t slot;
        if (strncmp(line, name, length) == 0 && line[length] == ' ' &&
            parse_u64(line + length + 1, &slot))
            return (slot_t){slot};
    }
    return (slot_t){0};
}

void rt_block_begin(struct rt_block *to)
{
    to->text = text_in(to->bytes, sizeof(to->bytes));
}

static error_t block_state(const struct rt_block *to)
{
    return to->text.length < sizeof(to->bytes) ? OK : ERR_full;
}

error_t rt_block_arg(struct rt_block *to, const char *text)
{
    if (strchr(text, '\n') != NULL)
        return ERR_bad_argument;
    text_add(&to->text, "arg %s\n", text);
    return block_state(to);
}

error_t rt_block_cap(struct rt_block *to, const char *name, slot_t slot)
{
    if (strchr(name, ' ') != NULL || strchr(name, '\n') != NULL || strlen(name) >= RT_CAP_NAME)
        return ERR_bad_argument;
    text_add(&to->text, "cap %s %lu\n", name, (unsigned long)slot.value);
    return block_state(to);
}
