/* Between the files of the console device (virtio/console.h): a port's beginning and end. */
#ifndef CONSOLE_PART_H
#define CONSOLE_PART_H

#include "virtio/console.h"

/* Queues of a port (section 5.3.2): 0 is before the control queues, the others behind. */
enum { CONSOLE_CONTROL_IN = 2, CONSOLE_CONTROL_OUT = 3 };

/* Its queues, before the device is ready. */
error_t console_port_queues(struct console_port *port, struct virtio *virtio, uint32_t id);
void console_port_queues_close(struct console_port *port);

/* Its pages, once it was added: those for reading go to the device. */
error_t console_port_begin(struct console_port *port);

#endif
