/* Sessions and their terminals (tty_session.c): who controls whom, and whom signals are for. */
#ifndef LINUX_TTY_SESSION_H
#define LINUX_TTY_SESSION_H

#include "call.h"

struct tty;

/* To the foreground process group, if there is one. */
void session_signal(const struct tty *tty, int number);

/* The tty is gone: SIGHUP and SIGCONT to the leader and the foreground; it is nobody's. */
void session_hangup(struct tty *tty);

/* TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID; `at`: the argument. */
int64_t session_take(struct call *call, struct tty *tty, bool steal);
int64_t session_give_up(struct call *call, struct tty *tty);
int64_t session_foreground(struct call *call, const struct tty *tty, uaddr_t at);
int64_t session_foreground_set(struct call *call, struct tty *tty, uaddr_t at);
int64_t session_number(struct call *call, const struct tty *tty, uaddr_t at);

#endif
