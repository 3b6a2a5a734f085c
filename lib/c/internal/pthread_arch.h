/*
 * In place of musl's: what musl's files keep per thread (errno, the locale) is a thread-local
 * variable (thread.c), wherever the thread pointer points.
 */
extern _Thread_local struct __pthread __c_thread;

static inline uintptr_t __get_tp(void)
{
    return (uintptr_t)&__c_thread;
}
