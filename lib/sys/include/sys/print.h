/*
 * Text to the kernel's console. A call of sys_print is one write if the text fits into
 * DEBUG_WRITE_MAX bytes, so that lines of several threads stay whole; formats are those of
 * lib/print.h.
 */
#ifndef SYS_PRINT_H
#define SYS_PRINT_H

void sys_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
