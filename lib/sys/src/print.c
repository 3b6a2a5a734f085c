/* Text to the kernel's console (sys/print.h): gathered in pieces as large as one call takes. */
#include "sys/print.h"
#include "lib/print.h"
#include "lib/string.h"
#include "sys/call.h"

struct print_pieces {
    size_t used;
    char text[DEBUG_WRITE_MAX];
};

/* There is nobody to tell an error to. */
static void print_flush(struct print_pieces *pieces)
{
    if (pieces->used > 0)
        (void)tern_debug_write((uaddr_t){(uintptr_t)pieces->text}, pieces->used);
    pieces->used = 0;
}

static void print_gather(void *context, const char *text, size_t size)
{
    struct print_pieces *pieces = context;
    while (size > 0) {
        size_t room = sizeof(pieces->text) - pieces->used;
        size_t part = size < room ? size : room;
        memcpy(pieces->text + pieces->used, text, part);
        pieces->used += part;
        text += part;
        size -= part;
        if (pieces->used == sizeof(pieces->text))
            print_flush(pieces);
    }
}

void sys_print(const char *format, ...)
{
    struct print_pieces pieces;
    pieces.used = 0; /* the text is left as it is */
    va_list args;
    va_start(args, format);
    print_to(print_gather, &pieces, format, args);
    va_end(args);
    print_flush(&pieces);
}
