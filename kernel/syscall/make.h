/* Parts of object_create by kind, in the files of the families. Each stores an object with one
 * reference; `caller` names the others by its slots. */
#pragma once

#include "cap/slot.h"

struct thread;

error_t make_timer(struct thread *caller, struct job *job, slot_t port, uint64_t bits,
                   struct object **object);
error_t make_registers(struct thread *caller, struct job *job, slot_t device, uint64_t range,
                       struct object **object);

/* An interrupt, I/O ports, a device: denied, unless `job_slot` holds the first job and may control
 * it. */
error_t make_hardware(struct thread *caller, const struct slot *job_slot, enum object_kind kind,
                      slot_t parent, uint64_t value, struct object **object);
