/* The closing screen: what the kernel found, in lines that people and the boot tests read. */
#ifndef BOOT_INVENTORY_H
#define BOOT_INVENTORY_H

/*
 * Prints a heading, then lines of two spaces, a key, two or more spaces, and a value.
 * Called when everything has started; also by the monitor.
 */
void inventory_print(void);

#endif
