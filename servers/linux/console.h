/* Between a stream and the tty on it (stream.h). */
#ifndef LINUX_CONSOLE_H
#define LINUX_CONSOLE_H

#include "stream.h"

void console_pump(struct stream *stream);               /* input to the tty */
void console_drain(struct stream *stream);              /* output from it */
void stream_took(struct stream *stream, uint32_t size); /* input was taken from its ring */

#endif
