/* What programs are told of the system's name and release (call_system.c). */
#ifndef LINUX_SYSTEM_H
#define LINUX_SYSTEM_H

#define SYSTEM_RELEASE "6.1.0-tern" /* the Linux whose documented behaviour is served */
#define SYSTEM_VERSION "#1 Tern"

const char *system_host_name(void);

#endif
