/*
 * In place of musl's: there is no Linux kernel here. A file of musl's that asks it for something
 * does not belong into musl.list: a program that uses such a file does not link, for want of
 * __c_linux_call.
 */
long __c_linux_call(long number, ...);

#define WORDS_0
#define WORDS_1 , long a
#define WORDS_2 WORDS_1, long b
#define WORDS_3 WORDS_2, long c
#define WORDS_4 WORDS_3, long d
#define WORDS_5 WORDS_4, long e
#define WORDS_6 WORDS_5, long f
#define LINUX_CALL(count)                                                                          \
    static inline long __syscall##count(long number WORDS_##count)                                 \
    {                                                                                              \
        return __c_linux_call(number);                                                             \
    }
LINUX_CALL(0)
LINUX_CALL(1)
LINUX_CALL(2)
LINUX_CALL(3)
LINUX_CALL(4)
LINUX_CALL(5)
LINUX_CALL(6)
#undef LINUX_CALL
