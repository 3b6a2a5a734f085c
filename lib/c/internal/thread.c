/* Compiled as a file of musl's: a thread as its other files know it (pthread_arch.h). */
#include "locale_impl.h"
#include "pthread_impl.h"

_Thread_local struct pthread __c_thread = {.locale = C_LOCALE};
