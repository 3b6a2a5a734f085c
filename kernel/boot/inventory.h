/* The closing screen: what the kernel found, in lines that people and the boot tests read. */
#pragma once

/*
 * Prints a heading, then lines of two spaces, a key, two or more spaces, and a value.
 * Called when everything has started; also by the monitor.
 */
void inventory_print(void);
